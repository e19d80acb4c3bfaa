"""Names out of an image, made fit to be shown: whoever made the image chose them.

A file's name is bytes. What of them is no UTF-8 stands in Python's text as half a
character, which no other program takes; what a terminal would act on can be in it too.
"""

from __future__ import annotations


def plain(name: str) -> str:
    """`name` as text that any program can read: what is no UTF-8 is replaced."""
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def printable(name: str) -> str:
    """`name` in one line, as a person can read it: all that is neither a letter nor a sign
    is written as an escape, 'new\\nline' as 'new\\\\nline' and a byte as '\\\\xff'."""
    if name.isprintable():
        return name
    return "".join(each if each.isprintable() else _escaped(each) for each in name)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:     # how Python keeps a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
