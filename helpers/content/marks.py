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
# Programs that are large. The names of functions stand in the tables of the linker, which
# stay when a program is stripped: they are called by others, or by itself in a library.
_LARGE_WORDS = (
    (b"_ZN4node5StartEiPPc", "node"),     # node::Start(int, char**)
    (b"Py_BytesMain", "python"),          # what python's main() calls
    (b"GNU GIMPLE", "cc1"),               # GCC's compilers proper: cc1, cc1plus, lto1 and their like
)
# Where busybox keeps its list, in alphabetical order: the brackets come first.
_APPLETS = (b"\0[\0[[\0", b"\0[[\0")
_MOST, _LONGEST = 600, 32
_LARGEST = 3 << 20    # bytes of a program that is searched for all words: the largest of the first kind are smaller
_PART = 16 << 20      # bytes of each part of a larger one


def marks(data: bytes | memoryview) -> tuple[str, ...]:
    """The programs that these bytes say they are, by the names that they are known by."""
    words = _LARGE_WORDS if len(data) > _LARGEST else (*_WORDS, *_LARGE_WORDS)
    parts = [bytes(data[begin:min(end, begin + _PART)]) for begin, end in texts(data)]
    return tuple(name for word, name in words if any(word in part for part in parts))


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
