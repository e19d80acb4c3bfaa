"""Programs that say in their own bytes what they are, whatever their file is called.

A name proves nothing: a shell may be called `data`. Each of these carries words that
no other program has, since it prints them when asked for its version. Where a program
is built of many (BusyBox), it also carries the list of the names that it answers to.
"""

from __future__ import annotations

from .elf import texts

# (words, the name that it is known by)
_WORDS = (
    (b"BusyBox v", "busybox"),
    (b"Toybox ", "toybox"),
    (b"GNU bash, version", "bash"),
    (b"GNU Wget ", "wget"),
    (b"PERL_SIGNALS", "perl"),
    (b"print-multi-os-directory", "gcc"),
    (b"GNU assembler ", "as"),
    (b"DPKG_MAINTSCRIPT_NAME", "dpkg"),
    # Java's commands are small programs that name the class to be started.
    (b"jdk.compiler/com.sun.tools.javac.Main", "javac"),
    (b"jdk.jartool/sun.tools.jar.Main", "jar"),
    (b"jdk.jlink/jdk.tools.jlink.internal.Main", "jlink"),
)
# Programs that are large, each with all of these words. The names of functions stand in the
# linker's tables, which stay when a program is stripped.
_LARGE_WORDS = (
    ((b"_ZN4node5StartEiPPc",), "node"),     # node::Start(int, char**)
    ((b"Py_BytesMain",), "python"),          # what python's main() calls
    ((b"GNU GIMPLE", b"__GNUC_PATCHLEVEL__"), "cc1"),    # of GCC, and with a preprocessor: cc1 and cc1plus
)
# Where busybox keeps its list, in alphabetical order: the brackets come first.
_APPLETS = (b"\0[\0[[\0", b"\0[[\0")
_MOST, _LONGEST = 600, 32
_LARGEST = 3 << 20    # bytes of a program that is searched for the first kind: the largest of these are smaller
_PART = 16 << 20      # bytes of each part of a program that are searched


def marks(data: bytes | memoryview) -> tuple[str, ...]:
    """The programs that these bytes say they are, by the names that they are known by."""
    parts = [bytes(data[begin:min(end, begin + _PART)]) for begin, end in texts(data)]

    def says(word: bytes) -> bool:
        return any(word in part for part in parts)

    small = _WORDS if len(data) <= _LARGEST else ()
    return (*(name for word, name in small if says(word)), *(name for words, name in _LARGE_WORDS if all(map(says, words))))


def applets(data: bytes | memoryview) -> tuple[str, ...]:
    """The names that a program marked as busybox answers to, in its own order."""
    data = bytes(data[:_LARGEST])
    for start in _APPLETS:
        at = data.find(start)
        if at >= 0:
            return _listed(data, at + 1)
    return ()


def _listed(data: bytes, at: int) -> tuple[str, ...]:
    """NUL-terminated names from `at` on, up to an empty one or one that is no name."""
    names = []
    while len(names) < _MOST:
        end = data.find(b"\0", at, at + _LONGEST)
        name = data[at:end]
        if end <= at or not name.isascii() or not name.decode().isprintable():
            break
        names.append(name.decode())
        at = end + 1
    return tuple(names)
