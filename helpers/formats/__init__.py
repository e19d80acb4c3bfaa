"""What a file's bytes say: whether it is a program and what it needs, a script and for which
interpreter, a list of packages and of which.

    >>> from helpers.formats import elf, interpreter, packages, program, wanted
    >>> elf(data, len(data)).needed
    ('libc.so.6',)
    >>> program(interpreter(b"#!/usr/bin/env python3\\n"))
    'python3'

Bytes in, plain values out. Nothing here opens a file, asks an engine or runs what it reads. What is damaged, cut off or
made to deceive takes a bounded time and gives less, or nothing; it never raises."""

from .elf import elf, symbols
from .ldcache import libraries
from .model import Elf, Package
from .readers import packages, wanted
from .script import interpreter, program
from .signatures import applets, marks

__all__ = ["Elf", "Package", "applets", "elf", "interpreter", "libraries", "marks", "packages", "program",
           "symbols", "wanted"]
