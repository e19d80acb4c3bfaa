"""ELF files made by hand: as small as they can be, for any width and byte order."""

import struct

BASE = 0x400000
MAGIC = b"\x7fELF"
CODE = b"\x90" * 16


def go_record(version: bytes, listed: bytes = b"") -> bytes:
    """Go's build information, as it writes it since 1.18: two strings, each after its length. Those of modules have
    frames (see `framed`)."""
    count = len(listed)
    length = bytes([count & 0x7F | 0x80, count >> 7]) if count > 0x7F else bytes([count])
    return b"\xff Go buildinf:\x08\x02".ljust(32, b"\0") + bytes([len(version)]) + version + length + listed


def framed(listed: bytes) -> bytes:
    """A list of modules in the frame that Go puts around it."""
    return bytes(16) + listed + bytes(16)


def make(*, bits: int = 64, order: str = "little", kind: int = 3, machine: int = 62, loader: str = "",
         needed: tuple[str, ...] = (), runpath: str = "", rpath: str = "", soname: str = "",
         flags_1: int = 0, dynamic: bool = True, parts: tuple[tuple[int, bytes], ...] = (),
         section: str = "", code: bytes = b"") -> bytes:
    """A file with program headers and, if `section` is a name, two section headers.

    kind     e_type: 1 object, 2 executable, 3 shared or PIE, 4 core
    parts    (address, bytes) each in a segment of its own, that can be written
    section  the name of a section that is the first of the parts
    code     what stands among the instructions"""
    mark = "<" if order == "little" else ">"
    wide = bits == 64
    word = "Q" if wide else "I"
    sizes = {"header": 64, "segment": 56, "section": 64} if wide else {"header": 52, "segment": 32, "section": 40}

    names = b"\0"

    def name(text: str) -> int:
        nonlocal names
        at = len(names)
        names += text.encode() + b"\0"
        return at

    entries = [(1, name(each)) for each in needed]
    entries += [(tag, name(each)) for tag, each in ((14, soname), (15, rpath), (29, runpath)) if each]
    entries += [(0x6FFFFFFB, flags_1)] if flags_1 else []
    with_dynamic = dynamic and (kind == 3 or bool(entries))
    count = 1 + bool(loader) + with_dynamic + len(parts)
    at = sizes["header"] + count * sizes["segment"]

    body, segments = b"", []

    def put(raw: bytes) -> int:
        nonlocal body
        body += bytes(-(at + len(body)) % 16)
        start = at + len(body)
        body += raw
        return start

    put(CODE + code)
    if loader:
        raw = loader.encode() + b"\0"
        start = put(raw)
        segments.append((3, 4, start, BASE + start, len(raw)))
    if with_dynamic:
        strings = put(names)
        entries += [(5, BASE + strings), (10, len(names)), (0, 0)]
        raw = b"".join(struct.pack(mark + 2 * word, *entry) for entry in entries)
        start = put(raw)
        segments.append((2, 6, start, BASE + start, len(raw)))
    segments.insert(0, (1, 5, 0, BASE, at + len(body)))
    placed = [put(raw) for _, raw in parts]
    segments += [(1, 6, start, address, len(raw)) for start, (address, raw) in zip(placed, parts)]

    sections, table = b"", 0
    if section:
        told = b"\0" + section.encode() + b"\0.shstrtab\0"
        strings = put(told)
        first = (1, 1, 3, parts[0][0], placed[0], len(parts[0][1]), 0, 0, 16, 0)
        second = (2 + len(section), 3, 0, 0, strings, len(told), 0, 0, 1, 0)
        form = mark + ("IIQQQQIIQQ" if wide else "10I")
        sections = b"".join(struct.pack(form, *row) for row in ((0,) * 10, first, second))
        table = put(sections)

    ident = MAGIC + bytes([2 if wide else 1, 1 if order == "little" else 2, 1]) + bytes(9)
    header = struct.pack(mark + "HHI" + 3 * word + "I6H", kind, machine, 1, BASE, sizes["header"], table, 0,
                         sizes["header"], sizes["segment"], count, sizes["section"], 3 if section else 0,
                         2 if section else 0)
    rows = b""
    for type, flags, offset, address, size in segments:
        rows += (struct.pack(mark + "IIQQQQQQ", type, flags, offset, address, address, size, size, 16) if wide
                 else struct.pack(mark + "8I", type, offset, address, address, size, size, flags, 16))
    return ident + header + rows + body
