"""Read a tar archive as it streams by: every member's header, and content only on demand. `tarfile` makes an object of
thirty attributes for each member and keeps it, and an image has tens of thousands.

Sources of the format: POSIX.1-2017, pax, "ustar Interchange Format" and "pax Header Format"; the GNU tar manual, "Basic
Tar Format" (long names, numbers in base 256, sparse files)."""

import posixpath
import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from .byte_stream import ByteStream, Damaged

BLOCK = 512
_EXTENDED_LIMIT = 1 << 20    # bytes of one extended header: file names, attributes
_PATH_LIMIT = 4096           # characters; Linux accepts no longer path (PATH_MAX, limits.h)
_KINDS = {"0": "f", "\0": "f", "7": "f", "1": "h", "2": "l", "3": "c", "4": "b", "5": "d", "6": "p"}
_UNTIDY = re.compile(r"//|(?:^|/)\.\.?(?:/|$)")
_CAPABILITY = "SCHILY.xattr.security.capability"
_USED = {"path", "linkpath", "size", "uid", "gid", "mtime", _CAPABILITY, "GNU.sparse.name", "GNU.sparse.size",
         "GNU.sparse.realsize"}    # a hostile extended header could have any number of other keys


class Member(NamedTuple):
    """One member of an archive."""

    path: str          # absolute and normalized: './usr/bin/' is '/usr/bin', '../x' is '/x'
    kind: str          # 'f' file, 'h' hard link, 'l' symbolic link, 'd' directory, 'c' and 'b' devices, 'p' pipe
    mode: int          # permission bits, with setuid, setgid and sticky
    uid: int
    gid: int
    size: int          # bytes of a file's content, holes included; 0 for everything else
    link: str          # target of a link, as written
    capability: bytes  # the file capabilities (xattr security.capability), b'' if none


def path(name: str) -> str:
    """The absolute path for a member's name: './usr/bin/' -> '/usr/bin'."""
    name = name.strip("/")
    if name.startswith("./"):
        name = name[2:].strip("/")
    return posixpath.normpath(f"/{name}") if _UNTIDY.search(name) else f"/{name}"


class Archive:
    """The members of an archive, in order. `head`, `peek` and `content` read the current one; the rest is skipped.

    whole   whether the current member's content is the file itself: of a sparse file only the data between holes is
    closed  whether the archive's end mark was reached

    Iterating raises Damaged."""

    def __init__(self, stream: ByteStream):
        self.whole = True
        self.closed = False
        self._stream = stream
        self._left = 0       # bytes of the current member's content not yet read
        self._padding = 0
        self._header = b""
        self._extended: dict[str, str] = {}

    def head(self, count: int) -> bytes:
        """The next `count` bytes of the current member, fewer at its end."""
        data = self._stream.take(min(count, self._left))
        self._left -= len(data)
        return data

    def peek(self, count: int) -> bytes:
        """As `head`, but the bytes stay next."""
        return self._stream.peek(min(count, self._left))

    def content(self) -> Iterator[bytes]:
        """The rest of the current member, in pieces; consume all of them before the next member."""
        count, self._left = self._left, 0
        yield from self._stream.section(count)

    @property
    def time(self) -> float:
        """Modification time of the current member, in seconds since 1970. Raises Damaged."""
        try:
            return float(self._extended.get("mtime") or _number(self._header[136:148]))
        except ValueError:
            raise Damaged("a time is garbage") from None

    def __iter__(self) -> Iterator[Member]:
        take, skip = self._stream.take, self._stream.skip
        extended: dict[str, str] = {}
        everywhere: dict[str, str] = {}
        while True:
            if self._left or self._padding:
                skip(self._left + self._padding)
                self._left = self._padding = 0
            header = take(BLOCK)
            if len(header) < BLOCK:
                if header:
                    raise Damaged("it ends in the middle of a header")
                return
            if not _is_header(header):
                self.closed = True
                return
            kind = chr(header[156])
            size = _number(header[124:136])
            if kind in "xgLK":
                text = self._extended_header(size)
                if kind in "xg":
                    (extended if kind == "x" else everywhere).update(_records(text))
                else:
                    extended["path" if kind == "L" else "linkpath"] = _text(text)
                continue
            given = {**everywhere, **extended} if everywhere or extended else extended
            stored, size = self._sizes(header, kind, size, given)
            self._header, self._extended, extended = header, given, {}
            self._left, self._padding, self.whole = stored, -stored % BLOCK, stored == size
            yield _member(header, kind, size, given)

    def _extended_header(self, size: int) -> bytes:
        if size > _EXTENDED_LIMIT:
            raise Damaged(f"an extended header claims {size:,} bytes")
        text = self._stream.take(size)
        if len(text) < size:
            raise Damaged("it ends in an extended header")
        self._stream.skip(-size % BLOCK)
        return text

    def _sizes(self, header: bytes, kind: str, size: int, given: dict[str, str]) -> tuple[int, int]:
        """(bytes in the archive, bytes of the file) of a member."""
        if given.get("size"):
            size = _decimal(given["size"])
        if kind == "S":
            more = header[482]
            while more:   # the map of many holes continues in extra blocks
                block = self._stream.take(BLOCK)
                if len(block) < BLOCK:
                    raise Damaged("it ends in the map of a sparse file")
                more = block[504]
            return size, _number(header[483:495])
        if kind in "123456":    # a hard link may state a size, but none of these has content
            return 0, 0
        real = given.get("GNU.sparse.realsize") or given.get("GNU.sparse.size")
        return size, _decimal(real) if real else size


def _is_header(header: bytes) -> bool:
    """Whether a block is a header; False at the end of the archive. Raises Damaged."""
    try:
        claimed = int(header[148:156].strip(b" \0") or b"-1", 8)
    except ValueError:
        raise Damaged("a header is garbage") from None
    if claimed < 0:
        if any(header):
            raise Damaged("a header has no checksum")
        return False
    # The checksum is the sum of the header's bytes, with blanks for its own field. The low half of
    # Adler-32 is that sum plus one, modulo 65521, and is computed in C.
    total = (zlib.adler32(header) & 0xFFFF) - 1 - sum(header[148:156]) + 8 * 32
    if (total - claimed) % 65521:
        raise Damaged("a header does not agree with its checksum")
    return True


def _member(header: bytes, flag: str, size: int, given: dict[str, str]) -> Member:
    kind, capability = _KINDS.get(flag, "f"), b""
    if given:
        name = given.get("GNU.sparse.name") or given.get("path") or _name(header)
        link = given.get("linkpath") or _text(header[157:257])
        uid = _decimal(given["uid"]) if given.get("uid") else _cached_number(header[108:116])
        gid = _decimal(given["gid"]) if given.get("gid") else _cached_number(header[116:124])
        capability = given.get(_CAPABILITY, "").encode("utf-8", "surrogateescape")
    else:
        name = _name(header)
        link = _text(header[157:257]) if kind in "hl" else ""
        uid, gid = _cached_number(header[108:116]), _cached_number(header[116:124])
    if kind == "f" and name.endswith("/") and flag != "S":
        kind, size = "d", 0   # how archives older than POSIX store a directory
    if len(name) > _PATH_LIMIT or len(link) > _PATH_LIMIT:
        raise Damaged(f"a path has {max(len(name), len(link)):,} characters")
    return Member(path(name), kind, _cached_number(header[100:108]) & 0o7777, uid, gid, size,
                  link if kind in "hl" else "", capability)


def _name(header: bytes) -> str:
    name = _text(header[:100])
    if header[345] and header[257:262] == b"ustar" and header[262:265] != b"  \0":
        return f"{_text(header[345:500])}/{name}"
    return name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int:
    """A number field: octal digits, or base 256 if its first bit is set."""
    if field[0] & 0x80:
        if field[0] & 0x40:
            raise Damaged("a number is negative")
        return int.from_bytes(field, "big") & ~(0x80 << 8 * (len(field) - 1))
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        raise Damaged("a number is garbage") from None


_cached_number = lru_cache(256)(_number)   # an image has few different modes and owners


def _decimal(text: str) -> int:
    """A size or id in an extended header."""
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise Damaged("a number in an extended header is garbage")
    return int(text)


def _records(text: bytes) -> dict[str, str]:
    """The records 'LENGTH KEY=VALUE\\n' of an extended header with keys in `_USED`. An empty value is a reset."""
    found, at = {}, 0
    while at < len(text) and text[at]:
        blank = text.find(b" ", at, at + 10)
        length = text[at:blank] if blank > 0 else b""
        end = at + int(length) if length.isdigit() else 0
        key, _, value = text[blank + 1:end - 1].partition(b"=")
        name = key.decode("utf-8", "replace")
        if end <= blank or end > len(text) or text[end - 1:end] != b"\n" or (
                name in _USED and name != _CAPABILITY and b"\0" in value):
            raise Damaged("an extended header is garbage")
        if name in _USED:
            found[name] = value.decode("utf-8", "surrogateescape")
        at = end
    return found
