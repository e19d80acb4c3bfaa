"""Programs that are recognized by their bytes, whatever their file's name: each contains text that no other program
has. A multi-call binary (BusyBox) also contains the list of its applets."""

from .elf import tables, texts

# (text, name of the program)
_WORDS = (
    (b"BusyBox v", "busybox"),
    (b"Toybox ", "toybox"),
    (b"GNU bash, version", "bash"),
    (b"GNU Wget ", "wget"),
    (b"PERL_SIGNALS", "perl"),
    (b"print-multi-os-directory", "gcc"),
    (b"GNU assembler ", "as"),
    (b"DPKG_MAINTSCRIPT_NAME", "dpkg"))
# Java's commands are small programs with the name of a class, which they pass to this library.
_LAUNCHER = b"\0libjli.so\0"
_CLASSES = (
    (b"jdk.compiler/com.sun.tools.javac.Main", "javac"),
    (b"jdk.jartool/sun.tools.jar.Main", "jar"),
    (b"jdk.jlink/jdk.tools.jlink.internal.Main", "jlink"))
# Functions that a program exports or imports. Their names are in the linker's tables, at the beginning, even if it is
# stripped.
_FUNCTIONS = (
    (b"\0_ZN4node5StartEiPPc\0", "node"),  # node::Start(int, char**)
    (b"\0Py_BytesMain\0", "python"),       # called by python's main()
    (b"\0_Z12c_parse_filev\0", "cc1"),    # c_parse_file(), exported by cc1 and cc1plus for plugins
)
# The start of BusyBox's list, in alphabetical order.
_APPLETS = (b"\0[\0[[\0", b"\0[[\0")
_NAMES_LIMIT, _NAME_LIMIT = 600, 32
_LARGEST = 4 << 20    # bytes of a program that is searched; Debian's perl, the largest of these, has 3.8 MB


def marks(data: bytes | memoryview) -> tuple[str, ...]:
    """The names of the programs that are recognized."""
    found, end = [], tables(data)
    if len(data) <= _LARGEST:
        data, places = bytes(data), texts(data)
        words = _WORDS if data.find(_LAUNCHER, 0, end) < 0 else _WORDS + _CLASSES
        found += [name for said, name in words if any(data.find(said, *place) >= 0 for place in places)]
    else:
        data = bytes(data[:end])
    return (*found, *(name for function, name in _FUNCTIONS if data.find(function, 0, end) >= 0))


def applets(data: bytes | memoryview) -> tuple[str, ...]:
    """The applets of a BusyBox: NUL-terminated names, up to an empty or unprintable one."""
    data = bytes(data[:_LARGEST])
    at = 1 + next((found for found in map(data.find, _APPLETS) if found >= 0), len(data))
    names: list[str] = []
    while len(names) < _NAMES_LIMIT:
        end = data.find(b"\0", at, at + _NAME_LIMIT)
        name = data[at:end]
        if end <= at or not name.isascii() or not name.decode().isprintable():
            break
        names.append(name.decode())
        at = end + 1
    return tuple(names)
