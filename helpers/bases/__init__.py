"""The base images of the lessons: found, pulled or built.

    >>> from helpers.builder import ensure_bases     # which hands `ensure` the function that builds
    >>> found = ensure_bases(engine, ["golang:1.22"], report=print)
    >>> found[0].origin, found[0].name
    ('made', 'golang:1.22')
    >>> footnote(found)
    "golang:1.22 is a stand-in made from Debian packages and Go 1.22.10; ..."
"""

from .catalogue import ALL, BASES, FIRST, Base, find
from .kit import Kept
from .references import original
from .resolve import ResolvedBase, ensure, footnote, status, substitutions
from .saving import fill, save

__all__ = ["ALL", "BASES", "FIRST", "Base", "Kept", "ResolvedBase", "ensure", "fill", "find", "footnote",
           "original", "save", "status", "substitutions"]
