"""What a file's bytes say of it: is it a program, and what does it need; is it a
script, and who reads it; is it a list of packages, and which.

    >>> from helpers.formats import elf, interpreter, packages, program, wanted
    >>> elf(data, len(data)).needed
    ('libc.so.6',)
    >>> program(interpreter(b"#!/usr/bin/env python3\\n"))
    'python3'

Bytes in, plain values out. Nothing here opens a file, asks an engine or runs what
it reads. What is damaged, cut off or made to deceive costs a bounded time and
gives less, or nothing; it never raises.

`wanted` says from a path alone how much of a file `packages` would like to see, so
that a reader of thousands of files keeps only what is worth keeping.
"""

from .elf import elf, further, symbols
from .ldcache import libraries
from .marks import applets, marks
from .model import Elf, Package
from .readers import packages, wanted
from .script import interpreter, program

__all__ = ["Elf", "Package", "applets", "elf", "further", "interpreter", "libraries", "marks", "packages", "program",
           "symbols", "wanted"]
