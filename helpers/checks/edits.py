"""Rule `cache`: which steps of a build after an edit come from the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..builder import BuildResult
from ..errors import BuildFailed
from .exercise import Edit
from .placeholders import Values
from .verdict import Fail

Source = Mapping[str, bytes]
RAN_AGAIN = "ran again, and does not need it. Copy that file after this step, or in another stage."


def rebuilt(edits: Sequence[Edit], source: Source, fresh: Callable[[], Values], build: Callable[[Source], BuildResult],
            reason: Callable[[BuildFailed], str], ran_again: str = RAN_AGAIN) -> Iterator[Fail]:
    """The failures of builds, each after one of the edits.

    source     {path: content} before the edit
    fresh      new random values
    build      builds a source, and raises BuildFailed, of which `reason` says why
    ran_again  what is said of a step that should have come from the cache
    """
    for edit in edits:
        changed = {**source, edit.file: source[edit.file] + fresh().fill(edit.append).encode()}
        try:
            yield from cache_fails(edit, build(changed), ran_again)
        except BuildFailed as error:
            yield Fail("cache", f"After a change in {edit.file} it did not build: {reason(error)}", error.line)


def cache_fails(edit: Edit, result: BuildResult, ran_again: str = RAN_AGAIN) -> Iterator[Fail]:
    """The steps of a build after an edit that are not cached, or run again, as they should."""
    for wanted, cached in [*((each, True) for each in edit.cached), *((each, False) for each in edit.again)]:
        steps = [step for step in result.steps if step.stage and wanted in step.instruction]
        if not steps:
            yield Fail("cache", f"No step contains {wanted!r}.")
        said = ran_again if cached else "did not run again: it does not see the change."
        yield from (Fail("cache", f"After a change in {edit.file} this step {said}", step.line)
                    for step in steps if step.cached != cached)
