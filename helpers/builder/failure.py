"""Why a build failed: the builder's message as an error with a line and a remedy."""

import re
from collections.abc import Collection
from typing import Any

from ..bases import references
from ..dockerfile import Dockerfile, Problem, problems
from ..engine import Engine
from ..errors import BaseUnavailable, BuildFailed, BuildStopped, CourseError
from ..limits import Bounds
from ..units import seconds, size
from .host_secrets import IDS
from .missing import missing_source
from .progress import Progress
from .snapshots import Snapshots
from .steps import Step

_EXIT = re.compile(r"(?:exit code: |non-zero code: |exit status )(\d+)")
_LINE = re.compile(r"parse error (?:on )?line (\d+)")
_MISSING = re.compile(r'"?/?([^\s":]+)"?(?:: | )(?:not found|no such file|file does not exist)')
_STORE = re.compile(r"/\S+/(?:merged|buildkit-mount\d+)(?=/)")
_LOOKUP = re.compile(r"dial tcp: lookup (\S+) on \S+: ")
# What BuildKit asked a registry for: host, repository, tag or digest.
_ASKED = re.compile(r'https?://(?P<host>[^/"\s]+)/v2/(?P<path>[^"\s]+)/(?:manifests|blobs)/(?P<version>[^"\s/]+)')
_FRAMES = ("failed to solve with frontend dockerfile.v0: ", "failed to solve with frontend gateway.v0: ",
           "failed to solve: ", "failed to create LLB definition: ")
_OWN_FLAGS = {"from", "chown", "chmod", "mount", "network", "platform"}    # of Docker Engine 20.10's own reader
_TAIL = 20   # lines of the failed step's log in an error
_CODES = {    # of a command: what happened, what to do
    137: ("Its command was killed (exit code 137): most often the memory ran out.",
          "Close what else needs memory in this session (other kernels, containers), or let it do less at once."),
    127: ("Its command was not found (exit code 127): that tool is not in this stage.",
          "Install the tool in this stage, or correct its name in that line."),
}
_OUTSIDE = "outside the build context"
# In lower case, what a builder's message says: the remedy.
_REMEDIES = {
    r"failed to get layer.*does not exist":    # a cache that was emptied while others built on it (Docker Engine 20.10)
        "The engine's build cache names a layer that is gone: build once with no_cache=True, or empty it with "
        "`docker builder prune`.",
    r"requires buildkit": "The legacy builder does not know that: it needs BuildKit, builder='buildkit'.",
    r"no match(?:ing manifest)? for (?:platform|\S+/\S+)|does not match the specified platform":
        "Leave out --platform, or name an image that has this platform.",
    _OUTSIDE: "COPY reads below the build context only: move the file there.",
}


def failed(progress: Progress, engine: Engine | None = None, given: Collection[tuple[str, str]] = (),
           snapshots: Snapshots | None = None) -> CourseError:
    """The error for a failed build: BuildFailed, or BaseUnavailable for an image that a registry did not have.

    given      ('secret' or 'ssh', id) of what the build was given
    snapshots  where to look for what a COPY did not find
    """
    message = progress.failure
    step = _failed_step(progress)
    if (step is None or not step.instruction.startswith("RUN")) and (asked := _ASKED.search(message)):
        return _unavailable(progress, engine, asked)
    if (step is None or step.line is None) and (trigger := _trigger(progress, step)):
        return BuildFailed(f"The build failed at the ONBUILD in line {trigger.line}.", remedy=trigger.remedy,
                           why=f"{_plain(message).rstrip('.')}. {trigger.why}",
                           **_place(progress, step) | {"stage": trigger.stage, "line": trigger.line})
    if step is None:
        return _before_the_first_step(progress)
    exit_code = _exit_code(step.error or message) or _exit_code(message)
    where = f"stage {step.stage!r}, " if step.stage else ""
    at = f"line {step.line}: " if step.line else ""
    copies = step.instruction.startswith(("COPY", "ADD")) and _MISSING.search(message)
    unfound = missing_source(progress, step, snapshots) if copies and _OUTSIDE not in message.lower() else ""
    return BuildFailed(
        f"The build failed in {where}{at}{step.instruction}", why=_why(message, exit_code, step), exit_code=exit_code,
        remedy=_unmet_mounts(progress, step, given) or unfound or _remedy(message, step), **_place(progress, step))


def stopped(progress: Progress, bounds: Bounds, running: str = "") -> BuildStopped:
    """The error for a build that exceeded a limit; `running` says what the engine is still doing."""
    step = next((each for each in progress.steps() if each.stage and each.status == "running"), None)
    why = (f"It took longer than its limit of {seconds(bounds.seconds)}." if bounds.exceeded == "time" else
           f"It wrote more than its limit of {size(bounds.disk)}.")
    at = f" in line {step.line}" if step and step.line else ""
    return BuildStopped(f"The build was stopped{at}" + (f": {step.instruction}" if step else "."),
                        why=f"{why} {running}".rstrip(), bound=bounds.exceeded, **_place(progress, step))


def _failed_step(progress: Progress) -> Step | None:
    """BuildKit does not always mark the step: a missing source of a COPY is known by its name in the message."""
    steps = [step for step in progress.steps() if step.stage]
    marked = [step for step in steps if step.error and "canceled" not in step.error]
    missing = _MISSING.search(progress.failure)
    named = [step for step in steps if missing and missing[1] in step.instruction]
    running = [step for step in steps if step.status == "running"]
    return next(iter(marked or named or running), None)


def _trigger(progress: Progress, step: Step | None) -> Problem | None:
    """The ONBUILD that takes from a stage or image, if the failed step is on no line: an older BuildKit finds nothing
    there."""
    return next((each for each in problems(progress.dockerfile) if each.rule == "onbuild-from"
                 and each.stage in ({step.stage} if step else progress.dockerfile.needed(progress.target))), None)


def _before_the_first_step(progress: Progress) -> BuildFailed:
    known = next((each for each in problems(progress.dockerfile) if progress.builder in each.refused_by
                  and each.stage in progress.dockerfile.needed(progress.target)), None)
    found = _LINE.search(progress.failure)
    line = int(found[1]) if found else known.line if known else None
    what = f"The builder refused line {line}." if line else "The build failed before its first step."
    return BuildFailed(what, why=_plain(progress.failure), line=line, progress=progress,
                       remedy=known.remedy if known and known.line == line else _remedy(progress.failure, None))


def _place(progress: Progress, step: Step | None) -> dict[str, Any]:
    """Where the build failed or was stopped, as arguments of an error."""
    if step is None:
        return {"progress": progress}
    lines = "\n".join(f"    {line}" for line in step.log[-_TAIL:])
    return {"progress": progress, "stage": step.stage or None, "instruction": step.instruction, "line": step.line,
            "log": step.log, "evidence": f"The end of its log:\n{lines}" if lines else ""}


def _unavailable(progress: Progress, engine: Engine | None, asked: re.Match[str]) -> CourseError:
    read, why = progress.dockerfile, _plain(progress.failure)
    online = f"Go online, or set {references.MIRROR}=host:port to a registry that has it."
    if read.frontend and _is_asked(read.frontend, asked):
        line = next(at for at, text in enumerate(read.text.splitlines(), 1) if read.frontend in text)
        own = (f"Remove line {line}: {engine.name} {engine.version} reads this file itself. Or else: "
               if engine and _reads_itself(read, engine) else "")
        return BuildFailed(f"Line {line}: the frontend {read.frontend} that `# syntax=` names could not be fetched.",
                           why=why, remedy=own + online, line=line, progress=progress)
    for stage in read.stages:
        if stage.platform and stage.base_stage is None and _is_asked(stage.base, asked):
            return BaseUnavailable(
                f"Line {stage.line}: {stage.base} for {stage.platform} is not here and could not be fetched.",
                why=why, line=stage.line,
                remedy="Leave out --platform to build with the image that is here, or go online: for another platform "
                       f"the engine asks the image's own registry ({references.MIRROR} is not asked).")
    edge = next((edge for edge in read.edges if edge.external and _is_asked(edge.source, asked)), None)
    what = f"Line {edge.line}: {edge.source}" if edge else f"The image {asked['path']}:{asked['version']}"
    return BaseUnavailable(f"{what} could not be fetched.", why=why, line=edge.line if edge else None, remedy=online)


def _is_asked(reference: str, asked: re.Match[str]) -> bool:
    try:
        found = references.parse(reference)
    except CourseError:
        return False
    return (found.path, found.version) == (asked["path"], asked["version"])


def _reads_itself(read: Dockerfile, engine: Engine) -> bool:
    """Whether the engine's own reader knows everything in the file."""
    new = "buildkit" in engine.heredocs
    known = _OWN_FLAGS | ({"link", "checksum", "keep-git-dir"} if new else set())
    return not any(each.heredocs and not new or set(each.flags) - known
                   for each in read.instructions if each.keyword != "HEALTHCHECK")


def _unmet_mounts(progress: Progress, step: Step, given: Collection[tuple[str, str]]) -> str:
    """What to do about secrets and agents that the failed command mounts without the build having them."""
    missing = list(dict.fromkeys((kind, name) for each in progress.dockerfile.instructions if each.line == step.line
                                 for kind, name, _ in each.handed if (kind, name) not in given))
    if not missing or not step.instruction.startswith("RUN"):
        return ""
    if progress.builder == "legacy":
        return "The legacy builder has no --mount: it needs BuildKit, builder='buildkit'."
    names = [name if kind == "secret" else f"the ssh agent {name}" for kind, name in missing]
    options = [f"--secret id={name},src=FILE" if kind == "secret" else f"--ssh {name}" for kind, name in missing]
    lendable = " ".join(f"--lend {name}" for kind, name in missing if kind == "secret" and name in IDS)
    return (f"It mounts {' and '.join(names)}, which this build was not given. If needed: {' '.join(options)}"
            + (f", or {lendable} for this machine's settings, without passwords." if lendable else "."))


def _exit_code(message: str) -> int | None:
    match = _EXIT.search(message)
    return int(match[1]) if match else None


def _plain(message: str) -> str:
    """The message without BuildKit's inner frames, the engine's own paths and the name server it asked."""
    for frame in _FRAMES:
        message = message.replace(frame, "")
    return _LOOKUP.sub(r"\1: ", _STORE.sub("", message)).strip()


def _full(message: str, step: Step | None) -> bool:
    """Whether the engine's disk is full, by its own message or the end of the command's log."""
    lines = (message, *(step.log[-_TAIL:] if step else ()))
    return any("no space left on device" in line.lower() for line in lines)


def _why(message: str, exit_code: int | None, step: Step | None) -> str:
    if exit_code is None:
        return _plain(message)
    if _full(message, step):
        return f"Its command ran out of disk space (exit code {exit_code})."
    return _CODES.get(exit_code, (f"Its command ended with exit code {exit_code}.",))[0]


def _remedy(message: str, step: Step | None) -> str:
    if _full(message, step):
        return ("The engine's disk is full: `python -m helpers clean` removes what the course built; "
                "`docker system df` shows what else takes room.")
    for said, remedy in _REMEDIES.items():
        if re.search(said, message.lower()):
            return remedy
    if not (step and step.instruction.startswith("RUN")):
        return ""
    if known := _CODES.get(_exit_code(step.error or message) or 0):
        remedy = known[1]
    elif not step.log:
        remedy = "It printed nothing: run it by hand with `python -m helpers debug`, and see where it stops."
    else:    # tests and compilers fail for their input far more often than for the line that calls them
        remedy = ("Read the end of the log: what the command printed says where the fault is, in a file that it "
                  "worked on or in that line.")
    return f"{remedy} Build again: the steps before it are cached."
