"""What is known of a base image in an engine, and how a figure says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..units import listed


@dataclass(frozen=True)
class ResolvedBase:
    """A base image, present or not.

    ref        its name in the Dockerfile
    present    whether the engine has it
    origin     'local' (it was there), 'pulled' (from its own registry), 'mirror',
               'made' (by the course, now or earlier), or None where it is absent
    name       the reference to use in this engine: `ref`, or the course's own name
    stand_in   whether it was made by the course and is not the original
    made_of    what a stand-in was made of, in words
    kit        whether it was just loaded out of a kit; `origin` says where the kit had it from
    """

    ref: str
    present: bool
    origin: str | None
    name: str
    stand_in: bool = False
    made_of: str = ""
    kit: bool = False

    @property
    def substituted(self) -> bool:
        """Whether a build must use another name than the Dockerfile's."""
        return self.name != self.ref


def substitutions(presents: Iterable[ResolvedBase]) -> dict[str, str]:
    """The Dockerfile's name -> the name to use, for those that differ."""
    return {each.ref: each.name for each in presents if each.substituted}


def footnote(presents: Iterable[ResolvedBase]) -> str:
    """The sentence under a figure whose numbers rest on stand-ins; '' without any.

    'golang:1.22 is a stand-in made from Debian packages and Go 1.22.10; its sizes are near the original's, not equal.'
    """
    made = {each.ref: each.made_of for each in presents if each.stand_in}
    if not made:
        return ""
    if len(made) == 1:
        ((ref, of),) = made.items()
        return (f"{ref} is a stand-in made from {of}; its sizes are near the original's, not equal.")
    if len(set(made.values())) == 1:
        return (f"{listed(list(made))} are stand-ins made from {next(iter(made.values()))}; "
                "their sizes are near the originals', not equal.")
    named = [f"{ref} (from {of})" for ref, of in made.items()]
    return (f"{listed(named)} are stand-ins; their sizes are near the originals', not equal.")
