"""Build the same thing twice without the cache, and compare the images."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from docker.errors import NotFound

from ..builder import build
from ..engine import Engine
from ..image import Twins, compare

_NAME = "multistage-twice"      # of an image whose times are rewritten: that output needs one


def twice(context: str | Path, dockerfile: str = "Dockerfile", *,
          first: Mapping[str, str] | None = None, second: Mapping[str, str] | None = None,
          rewrite: bool = False, engine: Engine, watch: Callable[[str], None] = lambda _: None) -> Twins:
    """Build twice, with the build arguments `first` and `second`, and compare. Neither image keeps a
    tag, and both are removed.

    rewrite   have BuildKit set the times of the files to SOURCE_DATE_EPOCH, which both arguments name

    Raises the errors of `helpers.builder.build` and of `helpers.image.compare`; Unsupported where the engine cannot
    rewrite times.
    """
    with contextlib.ExitStack() as ends:
        made: list[str] = []
        for number, args in enumerate((first, second), 1):
            watch(f"build {number} of 2 with {dockerfile}")
            name = f"{_NAME}:{time.time_ns()}" if rewrite else ""    # as a tag it would be in a label, and differ
            result = build(context, dockerfile=dockerfile, args=args, no_cache=True, engine=engine,
                           output=f"type=image,name={name},rewrite-timestamp=true" if rewrite else None)
            ends.enter_context(remove_if_untagged(result.image, engine))
            ends.callback(_untag, name, engine)
            made.append(result.image)
        watch("comparing")
        one, other = made
        return compare(one, other, engine)


def _untag(name: str, engine: Engine) -> None:
    with engine.translate_errors("remove an image"), contextlib.suppress(NotFound):
        if name:
            engine.client.api.remove_image(name)


@contextlib.contextmanager
def remove_if_untagged(image: str, engine: Engine) -> Iterator[None]:
    """Remove an image at the end, unless it was tagged meanwhile."""
    try:
        yield
    finally:
        api = engine.client.api
        with engine.translate_errors("remove an image"), contextlib.suppress(NotFound):
            if not api.inspect_image(image)["RepoTags"]:
                api.remove_image(image)
