"""What crosses from another stage to a RUN: what it mounts, and what was copied before it.

A package that is installed from a wheel of another stage is written by a command of the last
stage. It was made elsewhere all the same, if its bytes are among those that came over; and
if they are not, what made it was in the last stage.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping

from ..dockerfile import Dockerfile, Instruction
from ..engine import Engine
from ..image import inspect, read_files
from . import packed

_ARCHIVES = (".whl", ".zip", ".jar", ".egg", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")


def came(read: Dockerfile, run: Instruction) -> list[tuple[str, str]]:
    """(stage, path in it) of all of another stage that a RUN could read."""
    known = {name for stage in read.stages for name in (stage.name, stage.label, str(stage.index))}
    own = next((stage.instructions for stage in read.stages if run in stage.instructions), ())
    copies = [(each.flags["from"][0], path) for each in own if each.keyword == "COPY" and each.line < run.line and "from" in each.flags
              for path in _sources(each)]
    mounted = [(each["from"], each.get("source", each.get("src", "/"))) for each in run.mounts if "from" in each]
    return [(stage, path) for stage, path in (*copies, *mounted) if stage.lower() in known]


def _sources(copy: Instruction) -> list[str]:
    """What a COPY takes, in either form; without what a variable names."""
    try:
        words = [each for each in json.loads(copy.arguments) if isinstance(each, str)]
    except ValueError:
        words = copy.arguments.split()
    return [each for each in words[:-1] if "$" not in each]


def proven(read: Dockerfile, made: Mapping[str, Instruction], image: str, build: Callable[[str], str],
           engine: Engine) -> frozenset[str]:
    """The paths whose bytes their RUN could have from another stage.

    made   {path in the image: the RUN that wrote it}
    build  builds a Dockerfile's text, and gives the id of its image
    """
    bridges = {path: came(read, instruction) for path, instruction in made.items()}
    bridges = {path: bridge for path, bridge in bridges.items() if bridge}
    if not bridges:
        return frozenset()
    ours = read_files(inspect(image, engine), bridges.__contains__, engine)
    names = {posixpath.basename(path) for path in bridges}
    # An image of all that came over, and nothing else. Its stages are in the cache.
    across = sorted({each for bridge in bridges.values() for each in bridge})
    copies = "".join(f"COPY --from={stage} {json.dumps([folder, f'/{number}/'])}\n" for number, (stage, folder) in enumerate(across))
    brought = read_files(inspect(build(f"{read.text.rstrip()}\n\nFROM scratch\n{copies}"), engine),
                         lambda path: posixpath.basename(path) in names or path.endswith(_ARCHIVES), engine)
    theirs = [set(_digests(content for path, content in brought.items() if path.startswith(f"/{number}/")))
              for number in range(len(across))]
    return frozenset(path for path, bridge in bridges.items() if path in ours
                     and any(_digest(ours[path]) in theirs[across.index(each)] for each in bridge))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digests(contents: Iterable[bytes]) -> Iterator[str]:
    """Of each file, and of what is packed in it."""
    for content in contents:
        yield _digest(content)
        yield from map(_digest, packed.walk(content))
