"""Programs that say in their own bytes what they are, whatever their file is called: each contains words that no other
program has. One made of many (BusyBox) also contains the list of the names that it answers to."""

from .elf import tables, texts

# (words, the name that it is known by)
_WORDS = (
    (b"BusyBox v", "busybox"),
    (b"Toybox ", "toybox"),
    (b"GNU bash, version", "bash"),
    (b"GNU Wget ", "wget"),
    (b"PERL_SIGNALS", "perl"),
    (b"print-multi-os-directory", "gcc"), (b"GNU assembler ", "as"), (b"DPKG_MAINTSCRIPT_NAME", "dpkg"))
# Java's commands are small programs that name the class to start. All of them pass it to one
# library, so only few programs need to be searched.
_LAUNCHER = b"\0libjli.so\0"
_CLASSES = (
    (b"jdk.compiler/com.sun.tools.javac.Main", "javac"),
    (b"jdk.jartool/sun.tools.jar.Main", "jar"), (b"jdk.jlink/jdk.tools.jlink.internal.Main", "jlink"))
# Functions that a program exports, or calls in a library. Their names are in the linker's
# tables, at the beginning, and remain when it is stripped.
_FUNCTIONS = (
    (b"\0_ZN4node5StartEiPPc\0", "node"),  # node::Start(int, char**)
    (b"\0Py_BytesMain\0", "python"),       # what python's main() calls
    (b"\0_Z12c_parse_filev\0", "cc1"),    # GCC's cc1 and cc1plus have c_parse_file(), for their plugins
)
# Start of busybox's list, in alphabetical order: the brackets come first.
_APPLETS = (b"\0[\0[[\0", b"\0[[\0")
_NAMES_LIMIT, _NAME_LIMIT = 600, 32
_LARGEST = 4 << 20    # bytes of a program that is searched; Debian's perl, the largest of these, has 3.8 MB


def marks(data: bytes | memoryview) -> tuple[str, ...]:
    """The known names of the programs that these bytes say they are."""
    found, end = [], tables(data)
    if len(data) <= _LARGEST:
        data, places = bytes(data), texts(data)
        words = _WORDS if data.find(_LAUNCHER, 0, end) < 0 else _WORDS + _CLASSES
        found += [name for said, name in words if any(data.find(said, *place) >= 0 for place in places)]
    else:
        data = bytes(data[:end])
    return (*found, *(name for function, name in _FUNCTIONS if data.find(function, 0, end) >= 0))


def applets(data: bytes | memoryview) -> tuple[str, ...]:
    """The names that a busybox answers to, in its own order."""
    data = bytes(data[:_LARGEST])
    found = [at for at in map(data.find, _APPLETS) if at >= 0]
    return _listed(data, found[0] + 1) if found else ()


def _listed(data: bytes, at: int) -> tuple[str, ...]:
    """NUL-terminated names from `at` on, up to an empty or unprintable one."""
    names: list[str] = []
    while len(names) < _NAMES_LIMIT:
        end = data.find(b"\0", at, at + _NAME_LIMIT)
        name = data[at:end]
        if end <= at or not name.isascii() or not name.decode().isprintable():
            break
        names.append(name.decode())
        at = end + 1
    return tuple(names)
