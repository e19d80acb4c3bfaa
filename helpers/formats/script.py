"""Scripts and their interpreters."""

import posixpath

from .model import text

# Linux reads this many bytes and no more (BINPRM_BUF_SIZE, fs/binfmt_script.c).
_LINE = 255
_BLANKS = b" \t"
# GNU env's options that take the word after them (coreutils, "env invocation").
_TAKES_WORD = ("-u", "--unset", "-C", "--chdir", "-a", "--argv0")


def interpreter(data: bytes | memoryview) -> str:
    """The interpreter line of a script, as Linux reads it: '/bin/sh -e' for '#! /bin/sh -e'; '' if `data`, the
    beginning of the file, is no script. A carriage return is kept: it belongs to the name, and such a script cannot
    start."""
    start = bytes(data[:_LINE])
    if start[:2] != b"#!" or start[2:3] == b"[":   # '#![' opens an attribute of Rust
        return ""
    line, newline, _ = start[2:].partition(b"\n")
    line, nul, _ = line.lstrip(_BLANKS).partition(b"\0")
    truncated = not newline and not nul and len(start) == _LINE
    if truncated and not any(blank in line for blank in _BLANKS):
        return ""   # Linux refuses a truncated path
    return text(line.strip(_BLANKS))


def program(line: str) -> str:
    """The program in an interpreter line: 'sh' for '/bin/sh -e', 'python3' for '/usr/bin/env -S python3 -u', which only
    looks it up; '' for an empty line."""
    words = [word for word in line.replace("\t", " ").split(" ") if word]
    if words and posixpath.basename(words[0]) == "env":
        return _of_env(words[1:]) or "env"
    return posixpath.basename(words[0]) if words else ""


def _of_env(words: list[str]) -> str:
    """The program that env starts: the first word that is neither an option nor NAME=VALUE."""
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
