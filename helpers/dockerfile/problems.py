"""Lines that a builder refuses, or builds differently from how they read.

`parse` has read the file. BuildKit, the legacy builder and Buildah differ here, so each problem says who refuses it.
"""

import posixpath
from collections.abc import Iterator

from .copies import not_brought
from .model import SCRATCH, Dockerfile, Problem, Stage, Use
from .scope import Unset, unset

_EVERYONE = ("buildkit", "legacy", "buildah")
# The better known of Docker's official images: such a name is probably not a misspelt stage.
# Source: docker-library/official-images, folder library.
_IMAGES = frozenset(
    "adminer alpine amazoncorretto amazonlinux archlinux bash buildpack-deps busybox caddy cassandra centos clojure "
    "composer consul couchdb crate dart debian docker drupal eclipse-temurin elasticsearch elixir erlang fedora gcc "
    "ghost golang gradle haproxy haskell httpd influxdb joomla jruby julia kibana logstash mariadb maven mediawiki "
    "memcached mongo mysql nats neo4j nextcloud nginx node odoo openjdk oraclelinux perl photon php postgres pypy "
    "python r-base rabbitmq redis redmine registry rockylinux ros ruby rust solr sonarqube spark swift telegraf "
    "tomcat traefik ubuntu unit varnish vault wordpress zookeeper".split())


def problems(dockerfile: Dockerfile) -> tuple[Problem, ...]:
    """Every problem in a Dockerfile, by line."""
    found = [*_duplicates(dockerfile), *(each for use in dockerfile.uses for each in _of_use(dockerfile, use)),
             *_outside(dockerfile), *(_unset(each) for each in unset(dockerfile)), *not_brought(dockerfile)]
    return tuple(sorted(found, key=lambda each: each.line))


def problems_met(dockerfile: Dockerfile, builder: str, target: str | None = None) -> tuple[Problem, ...]:
    """The problems in the stages that `builder` ('buildkit', 'legacy', 'buildah') runs for `target` (None: the last).

    The legacy builder also runs every stage above it. Raises DockerfileError for the first line that the builder
    refuses, and if there is no such stage.
    """
    last = dockerfile.stage(target)
    runs = {stage.label for stage in dockerfile.stages[:last.index + 1]} if builder == "legacy" else \
        dockerfile.needed(last.label)
    met = tuple(each for each in problems(dockerfile) if each.stage in runs and (not each.only or builder in each.only))
    for each in met:
        if builder in each.refused_by:
            raise dockerfile.fault(each.what, each.line, why=each.why, remedy=each.remedy)
    return met


def similar_stage(dockerfile: Dockerfile, reference: str, before: int | None = None) -> Stage | None:
    """The stage whose name an image reference probably misspells: `biuld` for `build`. None if there is none.

    It is above the line `before` (None: anywhere), and its name differs by one letter that is missing, added, replaced
    or swapped with the next, or by two in a reference of seven letters or more. A reference with a registry, tag or
    digest, and a well-known image, are not misspelt.
    """
    name = reference.lower()
    if not name.replace("-", "").replace("_", "").isalnum() or name in _IMAGES:
        return None
    allowed = 1 if len(name) < 7 else 2
    near = [(slips, stage) for stage in reversed(dockerfile.stages) if stage.name and stage.name != name
            and (before is None or stage.line < before) and min(len(name), len(stage.name)) > 2
            and (slips := _slips(name, stage.name)) <= allowed]
    return min(near, key=lambda each: each[0])[1] if near else None


def _slips(one: str, two: str) -> int:
    """The optimal string alignment distance (Damerau 1964) of two words."""
    rows = [list(range(len(two) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, other in enumerate(two, 1):
            cost = min(row[-1] + 1, rows[-1][j] + 1, rows[-1][j - 1] + (letter != other))
            if i > 1 and j > 1 and (letter, one[i - 2]) == (two[j - 2], other):
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def _duplicates(dockerfile: Dockerfile) -> Iterator[Problem]:
    """Sources: BuildKit, convert.go (addState overwrites the name); the legacy builder, evaluator.go (commitStage)."""
    first: dict[str, Stage] = {}
    for stage in dockerfile.stages:
        if stage.name and first.setdefault(stage.name, stage) is not stage:
            yield Problem(
                "duplicate-stage", stage.line, stage.label,
                f"Line {stage.line}: a second stage is named {stage.name}.",
                f"The first begins in line {first[stage.name].line}. With BuildKit, every --from, and each FROM below, "
                "takes the last one; the legacy builder refuses the file.",
                "Rename one of them.", ("legacy",))


def _of_use(dockerfile: Dockerfile, use: Use) -> Iterator[Problem]:
    line, taker = use.instruction.line, dockerfile.stages[use.stage]
    if use.source is None and use.reference != SCRATCH:
        yield from _taken_for_an_image(dockerfile, use, taker)
    if use.via == "COPY" and "$" in (written := use.instruction.value[use.start:use.end]):
        yield Problem("variable-from", line, taker.label, f"Line {line}: only Buildah expands {written} in --from.",
                      "BuildKit and the legacy builder expand variables in FROM, but not in --from.",
                      f"Add a stage, FROM {written} AS source, and write --from=source.", ("buildkit", "legacy"))
    if use.via != "FROM" and line < taker.line:
        yield _onbuild(use, taker)
    if use.source is None:
        return
    source = dockerfile.stages[use.source]
    if use.via == "FROM":
        if use.reference != source.name:
            yield _upper_case(use, source, taker)
    elif use.source >= use.stage:
        yield _later(use, source, taker)


def _upper_case(use: Use, source: Stage, taker: Stage) -> Problem:
    """Source: BuildKit, convert.go (addState)."""
    return Problem(
        "stage-name-case", taker.line, taker.label,
        f"Line {taker.line}: BuildKit does not find the stage {source.name} under the name {use.reference}.",
        "It stores stage names in lower case, and looks up the name in FROM as written. The legacy builder ignores "
        "case.",
        f"Write FROM {source.name}, or build it with the legacy builder.", ("buildkit",))


def _taken_for_an_image(dockerfile: Dockerfile, use: Use, taker: Stage) -> Iterator[Problem]:
    """A FROM or --from that finds no stage, though one has the name or a similar one."""
    line, name = use.instruction.line, use.reference
    below = next((each for each in dockerfile.stages[use.stage + 1:] if each.name == name.lower()), None)
    if below and use.via == "FROM" and name.lower() not in _IMAGES | {below.base.lower()}:
        yield Problem("later-stage", line, taker.label,
                      f"Line {line}: the stage {below.label} begins below, in line {below.line}.",
                      f"FROM sees only the stages above it, so {name} is looked up as an image.",
                      f"Move the stage {below.label} above line {line}.", image=name)
    elif near := similar_stage(dockerfile, name, line):
        yield Problem("similar-name", line, taker.label, f"Line {line}: {name} is not a stage of this file.",
                      f"It looks like the stage {near.name} misspelt, and is looked up as an image.",
                      f"Did you mean {near.name} (line {near.line})?", image=name)


def _later(use: Use, source: Stage, taker: Stage) -> Problem:
    """BuildKit uses an empty stage in its place; the other builders look for an image of that name."""
    line = use.instruction.line
    own = source.index == taker.index
    return Problem(
        "later-stage", line, taker.label,
        f"Line {line}: a stage cannot take files from itself." if own else
        f"Line {line}: the stage {source.label} begins below, in line {source.line}.",
        "A stage can take files only from the stages above it.",
        "Name a stage above it." if own else
        f"Move the stage {source.label} above line {taker.line}, where {taker.label} begins.",
        ("buildkit",) if source.name in _IMAGES else _EVERYONE)


def _onbuild(use: Use, taker: Stage) -> Problem:
    """Source: docker/docs, release notes of Dockerfile 1.11 ("ONBUILD instruction now supports commands that refer to
    other stages or images")."""
    line = use.instruction.line
    return Problem(
        "onbuild-from", line, taker.label,
        f"Line {line}: {taker.label} takes from {use.reference} through an ONBUILD of its base stage.",
        "In an ONBUILD, only BuildKit with Dockerfile 1.11 or later (Docker Engine 28) can take from a stage or image.",
        f"Put the instruction into {taker.label} itself.")


def _outside(dockerfile: Dockerfile) -> Iterator[Problem]:
    """Source: BuildKit, convert.go (dispatchCopy cuts the dots off)."""
    for stage, instruction in ((each, one) for each in dockerfile.stages for one in each.instructions):
        for source in instruction.operands[0] if instruction.copies_context else ():
            path = posixpath.normpath(source)
            if path.split("/")[0] == "..":
                yield Problem(
                    "outside-context", instruction.line, stage.label,
                    f"Line {instruction.line}: {source} is outside the build context.",
                    "The engine gets only the context. BuildKit cuts the dots off and copies "
                    f"{path.lstrip('./') or 'everything'} from the context; the other builders refuse the line.",
                    "Move the file into the context, or build with the parent folder as the context "
                    "and the path of the Dockerfile in it.", ("legacy", "buildah"))


def _unset(each: Unset) -> Problem:
    what = f"Line {each.line}: ${each.name} has no value here, unless the base image sets it."
    if each.in_from:
        what = f"Line {each.line}: ${each.name} has no value in this FROM."
        why = f"ARG {each.name} in line {each.declared} is in a stage; FROM sees only the ARGs above the first FROM."
        remedy = f"Declare ARG {each.name} above the first FROM as well."
    elif each.own:
        why, remedy = (f"ARG {each.name} comes later, in line {each.declared}.",
                       f"Move ARG {each.name} above line {each.line}.")
    else:
        why = (f"ARG {each.name} in line {each.declared} is above the first FROM, where only FROM sees it."
               if each.global_ else f"ARG {each.name} in line {each.declared} is in another stage." if each.declared
               else "BuildKit sets it only in stages that declare it.")
        remedy = f"Add ARG {each.name} below the FROM in line {each.stage.line}."
    return Problem("unset-argument", each.line, each.stage.label, what, why, remedy, variable=each.name)
