"""Edit a copy of an application, build it again, and see which steps ran.

    >>> kept = rebuild(files("apps/greeter"), {"nothing": None, "the source": ("main.go", "world")})
    >>> [step.instruction for step in executed_steps(kept["the source"])]
    ['COPY . .', 'RUN go build -o app', 'COPY --from=builder /app/app /app/app']

The application itself is never touched: what is built is a copy in a folder of its own.
"""

import tempfile
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from ..builder import BuildResult, Progress, Step, build
from ..dockerfile import produces_step
from ..engine import Engine
from ..errors import CourseError

_MODE = 0o755   # of every copy: the cache compares modes too, and a program must be executable

Files = Mapping[str, bytes]    # {path relative to the folder: content}
Edit = tuple[str, str] | None  # (file, a word in it)


def files(folder: str | Path) -> dict[str, bytes]:
    """{path relative to the folder: content} of the regular files in it, at any depth."""
    root = Path(folder)
    return {path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()}


def write(content: Files, folder: str | Path) -> None:
    """Write files into an existing folder, with the folders that they need."""
    for name, data in content.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(_MODE)


def edited(content: Files, edit: Edit) -> dict[str, bytes]:
    """The files after an edit. The word's first occurrence is replaced by one that was never
    written before, so that no earlier build has seen the file; None edits nothing.

    Raises CourseError if there is no such file, or no such word in it.
    """
    changed = dict(content)
    if edit is None:
        return changed
    name, word = edit
    if word.encode() not in changed.get(name, b""):
        raise CourseError(
            f"{name} has no {word!r} to edit." if name in changed else f"There is no file {name} to edit.",
            remedy=f"The files are {', '.join(changed)}.")
    changed[name] = changed[name].replace(word.encode(), f"{word} {time.time_ns()}".encode(), 1)
    return changed


def rebuild(content: Files, edits: Mapping[str, Edit], dockerfile: str = "Dockerfile", *, tag: str = "",
            lend: Collection[str] = (), engine: Engine | None = None,
            watch: Callable[[str], None] = lambda _: None) -> dict[str, BuildResult]:
    """Build the files as they are, and then once more after each of the edits.

    content  {path: bytes} of the build context
    edits    {what is edited: the edit}; each applies to the original files
    tag      the images are named tag-0 (not edited), tag-1, ...; '' for no names
    lend     which of this machine's settings the builds may mount, as with `build`
    watch    called with a sentence when a build begins or makes progress

    Returns {what is edited: its build}. Raises as `build` does, and CourseError for an edit that cannot be made.
    """
    copies = {what: edited(content, edit) for what, edit in edits.items()}
    built = {}
    for number, (what, copy) in enumerate([("", content), *copies.items()]):
        doing = f"{dockerfile}, {what} edited" if what else dockerfile
        built[what] = _built(copy, dockerfile, f"{tag}-{number}" if tag else "", lend, engine, doing, watch)
    return {what: built[what] for what in edits}


def _built(content: Files, dockerfile: str, tag: str, lend: Collection[str], engine: Engine | None, doing: str,
           watch: Callable[[str], None]) -> BuildResult:
    def follow(progress: Progress) -> None:
        running = [step.instruction for step in progress.steps() if step.stage and step.status == "running"]
        watch(f"{doing}: {running[-1]}" if running else doing)

    with tempfile.TemporaryDirectory(prefix="multistage-edit-") as folder:
        write(content, folder)
        return build(folder, dockerfile=dockerfile, tag=tag, lend=lend, engine=engine, watch=follow, report=watch)


def steps(result: BuildResult) -> list[Step]:
    """The steps of the stages that the build needed, in the order of the file, without FROM, which does no work.

    BuildKit does not report some steps that it takes from the cache; they are included, as cached.
    """
    reported = {step.line: step for step in result.steps}
    needed = result.dockerfile.needed(result.target)
    return [reported.get(instruction.line) or Step(stage.label, f"{instruction.keyword} {instruction.value}",
                                                   instruction.line, True, None, None)
            for stage in result.dockerfile.stages if stage.label in needed
            for instruction in stage.instructions
            if produces_step(instruction) and instruction.keyword != "FROM"]


def executed_steps(result: BuildResult) -> list[Step]:
    """The steps that ran, without those from the cache."""
    return [step for step in steps(result) if not step.cached]


def step_seconds(result: BuildResult) -> float:
    """Sum of the seconds that its steps ran."""
    return sum(step.seconds for step in steps(result))
