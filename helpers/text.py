"""Text that somebody else chose, made fit to be shown or sent.

Names of files, lines of a Dockerfile, logs and messages of an engine may hold anything: what a
terminal acts on (escapes, carriage returns), marks that turn the direction of writing, and
bytes that are no UTF-8, which Python keeps as lone surrogates and no other program reads.
Whatever the course prints, puts into HTML or writes as JSON goes through here.

    printable   one line: a name in a table or a sentence
    shown       several lines: an error, a log, a report
    escape      the same as HTML
    sendable    a value for JSON
    write, write_json   the way to a terminal or a file, whatever its encoding
    pass_on     the same for what a command of the user's own printed, unchanged
"""

import html
import json
import re
import sys
from typing import TextIO

_LONE = re.compile(r"[\ud800-\udfff]")
# Control characters but for tab and line end, other line ends, marks of direction, lone surrogates.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(name: str) -> str:
    """`name` as text that any program can read: a byte that is no UTF-8 is written as '\\\\xff', so that two
    names stay two."""
    if name.isascii():
        return name
    # A surrogate that stands for no byte is half of a pair, out of JSON.
    halves = _LONE.sub(lambda found: found[0] if "\udc80" <= found[0] <= "\udcff" else _escaped(found[0]), name)
    return halves.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def printable(name: str) -> str:
    """`name` in one line, as a person can read it: all that is neither a letter nor a sign
    is written as an escape, 'new\\nline' as 'new\\\\nline' and a byte as '\\\\xff'."""
    if name.isprintable():
        return name
    return "".join(each if each.isprintable() else _escaped(each) for each in name)


def shown(text: str) -> str:
    """`text` with its lines and tabs; what a terminal or a page would act on is written as
    an escape: '\\x1b[2J' as '\\\\x1b[2J'."""
    return text if text.isprintable() else _UNFIT.sub(lambda found: _escaped(found[0]), text)


def escape(text: str, quote: bool = True) -> str:
    """`shown` as HTML. `quote`: quotation marks too, for an attribute."""
    return html.escape(shown(text), quote)


def one_line(text: str, letters: int) -> str:
    """`text` in one line of at most so many letters, marked where it was cut."""
    line = " ".join(text.split())
    return line if len(line) <= letters else f"{line[:letters - 1]}\u2026"


def sendable(value: object) -> object:
    """`value` (of dicts, lists, texts, numbers) without lone surrogates, which are no JSON: a byte
    that is no UTF-8 is written as '\\\\xff'. All other characters stay."""
    if isinstance(value, str):
        return value if value.isascii() else _LONE.sub(lambda found: _escaped(found[0]), value)
    if isinstance(value, dict):
        return {sendable(key): sendable(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [sendable(each) for each in value]
    return value


def write(text: str, out: TextIO | None = None) -> None:
    """Write a line (standard output if no other is given); what `out` has no characters for is written as an escape."""
    pass_on(f"{shown(text)}\n", out)


def pass_on(text: str, out: TextIO | None = None) -> None:
    """Write text as it is: the output of a command that the user ran, colours and all."""
    out = out or sys.stdout
    encoding = getattr(out, "encoding", None) or "utf-8"
    out.write(text.encode(encoding, "backslashreplace").decode(encoding))
    out.flush()


def write_json(value: object, out: TextIO | None = None) -> None:
    """Write `value` as JSON, in ASCII (to standard output if nothing else is given)."""
    pass_on(json.dumps(sendable(value), indent=2).replace("\x7f", "\\u007f") + "\n", out)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:     # how Python keeps a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def within(path: str, folder: str) -> bool:
    """Whether a path is that of a folder, or lies below it."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")
