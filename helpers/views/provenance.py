"""Where a build's arguments stand in its provenance, as a table; framed where that was recorded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..recorded import Recording, frames
from ..text import escape
from .markup import code, table


@dataclass(frozen=True)
class Provenances:
    """What the provenance of one build says in each mode."""

    args: Mapping[str, str]    # {name: value} that the build was given
    statements: Mapping[str, Mapping]    # {mode, 'min' or 'max': the provenance}
    recording: Recording | None = None    # where and when it was recorded; None if it was made here

    def places(self, mode: str) -> list[str]:
        """The keys under which a value of an argument stands."""
        return [key for key, text in _texts(self.statements[mode])
                if any(value in text for value in self.args.values())]

    @property
    def telling(self) -> list[str]:
        """The modes that write a value of an argument down."""
        return [mode for mode in self.statements if self.places(mode)]

    def _rows(self) -> list[tuple[str, str]]:
        return [(f"mode={mode}", place) for mode in self.statements for place in self.places(mode) or ["nowhere"]]

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        page = table(("provenance", "where a build argument's value is"),
                     [(escape(mode), code(place)) for mode, place in self._rows()])
        data = {"text/plain": "\n".join(f"{mode}  {place}" for mode, place in self._rows()), "text/html": page}
        return frames.framed({"output_type": "display_data", "data": data}, self.recording) if self.recording else data


def _texts(thing: object, key: str = "") -> Iterator[tuple[str, str]]:
    """(key, text) of every text in JSON."""
    if isinstance(thing, str):
        yield key, thing
        return
    inside = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    for name, value in inside:
        yield from _texts(value, f"{key}.{name}".lstrip("."))
