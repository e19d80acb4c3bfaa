"""Rules about the text of the Dockerfile: names, order, users, tags, tests."""

import re
from collections.abc import Iterator

from ..bases.references import Reference, parse
from ..dockerfile import SCRATCH, Edge, Instruction, Stage, problems
from ..errors import CourseError
from ..text import one_line
from ..units import listed, seconds, size
from .context import ReportContext
from .model import RULES, Finding, weight
from .shell_line import runs_tests

# The problems in a Dockerfile that may break the program.
_BREAKING = ("unset-argument", "cache-mount-copy", "lost-capabilities", "venv-python")
_TEST_NAME = re.compile(r"(?:^|[-_.])tests?(?:$|[-_.])")

# (what fetches dependencies, the tool that does it)
_INSTALLS = tuple((re.compile(pattern), tool) for pattern, tool in (
    (r"\bnpm (?:ci|i|install)\b", "npm"), (r"\byarn(?: install)?(?=\s*(?:&&|;|\||$|--))", "yarn"),
    (r"\bpnpm (?:i|install|fetch)\b", "pnpm"), (r"\bpip3? install\b|\buv pip install\b|\buv sync\b", "pip"),
    (r"\bpoetry install\b", "poetry"), (r"\bpipenv (?:install|sync)\b", "pipenv"), (r"\bgo mod download\b", "go"),
    (r"\bbundle install\b", "bundle"), (r"\bcomposer install\b", "composer"), (r"\bcargo fetch\b", "cargo"),
    (r"\bmvn\b.*\bdependency:", "mvn"), (r"\bdotnet restore\b", "dotnet"),
    (r"\bapt(?:-get)?\b[^&|;]* install\b", "apt-get"), (r"\bapk\b[^&|;]* add\b", "apk"),
    (r"\b(?:micro)?(?:dnf|yum)\b[^&|;]* install\b", "dnf")))
# Builds that fetch what the project's manifest names, if it names anything.
_BUILDS = tuple((re.compile(pattern), tool) for pattern, tool in (
    (r"\bgo (?:build|install|test|vet|run)\b", "go"), (r"\bcargo (?:build|test|install)\b", "cargo"),
    (r"\bmvnw?\b.*\b(?:compile|test|package|verify|install)\b", "mvn")))


def stage_numbers(context: ReportContext) -> Iterator[Finding]:
    """A stage called by its number: COPY --from=0.

    Evidence: the instruction. Source: docs.docker.com, "Multi-stage builds", "Name your build stages".
    """
    for stage in context.needed:
        for each in stage.instructions:
            number = each.flags.get("from", [""])[-1]
            if each.keyword == "COPY" and number.isdigit():
                source = context.dockerfile.stages[int(number)]
                also = f", {source.name}" if source.name else ""
                yield Finding(
                    "stage-number", "low", each.line,
                    f"--from={number} means stage {number}{also}, which begins in line {source.line}.",
                    f"If a stage is added above line {source.line}, the number means another stage.",
                    f"Write --from={source.name}." if source.name else
                    f"Name the stage in line {source.line} (FROM ... AS builder) and write --from=builder.",
                    also=(source.line,))


def unused_tests(context: ReportContext) -> Iterator[Finding]:
    """Stages with tests that the built stage does not depend on.

    Evidence: the graph of the stages, and the test commands of their RUNs (see `shell_line.runs_tests`) or their names.
    Of stages that depend on each other, only the last is reported. Source: docs.docker.com, "Multi-stage builds",
    "Differences between legacy builder and BuildKit".
    """
    built = context.lines.stages[-1]
    skipped = [stage for stage in context.dockerfile.stages[:built.index] if stage not in context.needed]
    needs = {stage.label: context.dockerfile.needed(stage.label) for stage in skipped}
    for stage in skipped:
        if any(stage.label in others for label, others in needs.items() if label != stage.label):
            continue
        needed = [each for each in skipped if each.label in needs[stage.label]]
        tests = [(each, run) for each in needed for run in each.instructions
                 if run.keyword == "RUN" and runs_tests(run.body)]
        named = [each for each in needed if _TEST_NAME.search(each.name or "")]
        if tests or named:
            first = f" ({tests[0][0].label}: RUN {one_line(tests[0][1].body, 48)})" if tests else ""
            yield Finding(
                "unused-tests", "medium", stage.line,
                f"The built stage, {built.label}, does not depend on the stage {stage.label}{first}.",
                "BuildKit skips it, so a failing test does not stop the build.", _gate(stage),
                also=tuple(run.line for _, run in tests))


def _gate(stage: Stage) -> str:
    """How to make a stage's tests stop a build. --from and --target need a name."""
    name = stage.name if stage.name == stage.label else "test"
    begin = "Let" if name == stage.label else (
        f"Give the stage in line {stage.line} a unique name (FROM ... AS test). Then let")
    return (f"{begin} the built stage depend on it (COPY --from={name} a file that the tests write), or build it "
            f"first, on its own: --target {name}.")


def root_user(context: ReportContext) -> Iterator[Finding]:
    """The image starts a program as root.

    Evidence: User in the image's configuration (none means root), and the last USER of its stages.
    Source: docs.docker.com, "Building best practices", "USER".
    """
    if not context.start.command or not context.start.is_root:
        return
    users = context.lines.instructions("USER")
    yield Finding(
        "root-user", "medium", users[-1].line if users else context.lines.last_from,
        f"USER {users[-1].arguments}: containers run as root." if users else
        "There is no USER: containers run as root.",
        "Whoever breaks into the program is root in the container, one step closer to the host.",
        "Add USER 65532 before CMD; a number needs no entry in /etc/passwd. Check that the program can still write its "
        "files, and that it opens no port below 1024.")


def cache_order(context: ReportContext) -> Iterator[Finding]:
    """The whole context is copied before dependencies are downloaded.

    Evidence: the order of COPY and RUN in each stage that is built, the tool in the RUN, the project's manifests, and
    the seconds of the RUN. A RUN with a cache mount, and a second download by the same tool, do not count. Source:
    docs.docker.com, "Optimize cache usage in builds", "Order your layers".
    """
    for stage in context.needed:
        copied, done = None, set()
        for each in stage.instructions:
            if copied is None and each.copies_whole_context:
                copied = each
            if each.keyword != "RUN":
                continue
            tool = fetches(context, each.body)
            cached = any(mount.get("type") == "cache" for mount in each.mounts)
            if tool and copied and tool not in done and not cached:
                yield _out_of_order(context, copied, each, tool)
                break
            done.add(tool)


def fetches(context: ReportContext, text: str) -> str:
    """The tool with which a command downloads dependencies; '' for none."""
    for pattern, tool in _INSTALLS:
        if pattern.search(text):
            return tool
    return next((tool for pattern, tool in _BUILDS if pattern.search(text) and context.project.fetches(tool)), "")


def _out_of_order(context: ReportContext, copied: Instruction, run: Instruction, tool: str) -> Finding:
    took = next((step.seconds for step in context.steps if step.line == run.line and step.seconds >= 1), None)
    cost = f" It took {seconds(took)} this time." if took else ""
    return Finding(
        "cache-order", "medium", copied.line,
        f"Line {copied.line} copies the whole context before line {run.line} downloads dependencies ({tool}).{cost}",
        "A change to any file invalidates the copy, and everything below it runs again.",
        f"Put line {run.line} above the copy, after a COPY of only the files that it reads."
        if tool in ("apt-get", "apk", "dnf") else
        "Copy the files that name the dependencies, download these, and only then copy the rest.", also=(run.line,))


def moving_tags(context: ReportContext) -> Iterator[Finding]:
    """Images with no tag or the tag latest, in FROM, --from and mounts of the stages that are built.

    Evidence: the reference. Source: docs.docker.com, "Building best practices", "Pin base image versions".
    """
    for edge, reference in _unpinned(context):
        if reference.tag == "latest":
            tag = "has the tag latest" if edge.source.endswith(":latest") else "has no tag, which means latest"
            yield Finding(
                "moving-tag", "low", edge.line, f"{edge.source} {tag}.",
                "It is another image whenever its owner pushes one, so today's build cannot be repeated.",
                "Name a version, or pin the image: NAME@sha256:... (docker images --digests shows the digest).")


def without_digest(context: ReportContext) -> Iterator[Finding]:
    """Images with a version but no digest, in FROM, --from and mounts of the stages that are built: one finding, since
    it is one decision.

    Evidence: the reference. Source: docs.docker.com, "Building best practices", "Pin base image versions".
    """
    found = [edge for edge, reference in _unpinned(context) if reference.tag != "latest"]
    if not found:
        return
    names = list(dict.fromkeys(edge.source for edge in found))
    said = "is named by its tag" if len(names) == 1 else "are named by their tags"
    first, *others = sorted({edge.line for edge in found})
    yield Finding(
        "no-digest", "low", first, f"{listed(names)} {said} alone.",
        "A tag can move to another image, and moves with every fix; a digest cannot. So this file may build something "
        "else tomorrow.",
        "If the build must be repeatable, write NAME:TAG@sha256:... (docker images --digests shows the digest). Fixes "
        "then no longer arrive by themselves: let a bot, such as Renovate or Dependabot, propose each new digest.",
        also=tuple(others))


def _unpinned(context: ReportContext) -> Iterator[tuple[Edge, Reference]]:
    """(edge, reference) of each image without a digest in the stages that are built."""
    labels = {stage.label for stage in context.needed}
    for edge in context.dockerfile.edges:
        if not edge.external or edge.target not in labels or edge.source == SCRATCH:
            continue
        try:
            reference = parse(edge.source)
        except CourseError:   # no reference, though the engine took it
            continue
        if not reference.digest:
            yield edge, reference


def no_dockerignore(context: ReportContext) -> Iterator[Finding]:
    """Folders of the context that should stay on the machine (.git, node_modules, .venv), and that an instruction
    copies.

    Evidence: the files of the context that no ignore file leaves out, and their bytes in the image's layers.
    Source: docs.docker.com, "Build context", ".dockerignore files".
    """
    local_folders = context.project.local_folders()
    copies = [each for stage in context.needed for each in stage.instructions if each.copies_whole_context]
    if not local_folders or not copies:
        return
    named = " and ".join(f"{folder} ({size(count)})" for folder, count in local_folders.items())
    ignore = context.project.ignore
    ignored = f"{ignore} does not leave it out" if ignore else "there is no .dockerignore"
    made = [context.lines.instruction(index) for index in context.own]
    line = next((each.line for each in reversed(copies) if any(each is one for one in made)), copies[0].line)
    shipped = _shipped(context, local_folders)
    yield Finding(
        "no-dockerignore", weight(shipped, context.unpacked, least="medium"), line,
        f"The context has {named}, and {ignored}." + (f" {size(shipped)} of it is in the image." if shipped else ""),
        "It is sent with each build, invalidates the cache for no reason, and may contain secrets.",
        "Write .dockerignore: " + ", ".join(f"**/{folder}" for folder in local_folders) + ".", saves=shipped or None,
        also=tuple(each.line for each in copies if each.line != line))


def _shipped(context: ReportContext, local_folders: dict[str, int]) -> int:
    """Bytes in the image that were copied from these folders of the context."""
    copied = [index for index in context.own if (made := context.lines.instruction(index)) and made.copies_context]
    return sum(count for index in copied for path, count in context.visible(index).items()
               if any(f"/{folder}/" in path for folder in local_folders))


def read_otherwise(context: ReportContext) -> Iterator[Finding]:
    """Lines that are built differently from how they read, in the stages of this build.

    Evidence: the instruction. An argument without a value does not count if the image has a variable of that name.
    Source: as named for each in `helpers.dockerfile.problems` and `copies`.
    """
    for each in problems(context.dockerfile):
        known = each.variable and context.dockerfile.stage(each.stage) in context.lines.stages and \
            each.variable in context.start.environment
        concerned = not each.only or context.builder in each.only
        if not known and concerned and each.rule in RULES and context.dockerfile.stage(each.stage) in context.needed:
            yield Finding(each.rule, "medium" if each.rule in _BREAKING else "low", each.line,
                          each.fault, each.why, each.remedy)
