"""Scripts: the first line says which program reads the rest."""

import posixpath

from .model import text

# Linux reads this many bytes and no more (BINPRM_BUF_SIZE, fs/binfmt_script.c).
_LINE = 255
_BLANKS = b" \t"
# GNU env's options that take the word after them (coreutils, "env invocation").
_TAKES_WORD = ("-u", "--unset", "-C", "--chdir", "-a", "--argv0")


def interpreter(data: bytes | memoryview) -> str:
    """The interpreter line of a script, as Linux reads it: '#! /bin/sh -e' gives '/bin/sh -e'; '' if the file is no
    script. `data` are its first bytes. The line ends at a newline, a NUL or where Linux stops reading. A carriage
    return at its end belongs to the name, and such a script cannot be started: it is kept."""
    start = bytes(data[:_LINE])
    if start[:2] != b"#!" or start[2:3] == b"[":   # '#![' opens an attribute of Rust
        return ""
    line, newline, _ = start[2:].partition(b"\n")
    line, nul, _ = line.lstrip(_BLANKS).partition(b"\0")
    cut_off = not newline and not nul and len(start) == _LINE
    if cut_off and not any(blank in line for blank in _BLANKS):
        return ""   # an incomplete path: Linux refuses it
    return text(line.strip(_BLANKS))


def program(line: str) -> str:
    """The program that an interpreter line names: '/bin/sh -e' gives 'sh', and '/usr/bin/env -S python3 -u' gives
    'python3', since env only looks it up. '' for an empty line."""
    words = [word for word in line.replace("\t", " ").split(" ") if word]
    if words and posixpath.basename(words[0]) == "env":
        return _of_env(words[1:]) or "env"
    return posixpath.basename(words[0]) if words else ""


def _of_env(words: list[str]) -> str:
    """What env starts: the first word that is neither an option nor NAME=VALUE."""
    skip = False
    for word in words:
        if skip:
            skip = False
            continue
        for split in ("-S", "--split-string=", "-vS"):   # -Spython3: in one word
            if word.startswith(split):
                word = word[len(split):]
                break
        if word in _TAKES_WORD:
            skip = True
        elif word and not word.startswith("-") and "=" not in word:
            return posixpath.basename(word.strip("\"'"))
    return ""
