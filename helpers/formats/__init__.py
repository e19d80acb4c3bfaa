"""What is in a file: a program and its needs, a script and its interpreter, a list of packages.

    >>> from helpers.formats import elf, interpreter, packages, program, wanted
    >>> elf(data, len(data)).needed
    ('libc.so.6',)
    >>> program(interpreter(b"#!/usr/bin/env python3\\n"))
    'python3'

Bytes in, plain values out: nothing here opens a file, asks an engine or runs what it reads. Damaged, truncated or
hostile bytes take bounded time and yield less or nothing, but never raise."""

from .elf import elf, symbols
from .ldcache import libraries
from .model import Elf, Package
from .readers import packages, wanted
from .script import interpreter, program
from .signatures import applets, marks

__all__ = ["Elf", "Package", "applets", "elf", "interpreter", "libraries", "marks", "packages", "program",
           "symbols", "wanted"]
