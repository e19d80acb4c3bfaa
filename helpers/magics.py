"""Magics: %%dockerfile, %check, %hint and %progress for exercises, %class, and %%in_step for any build.

`from helpers.lesson import *` loads them, as does `%load_ext helpers.magics`.
"""

import shlex
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import display

from . import dockerfile as dockerfiles
from . import paths
from .builder import BuildResult, Snapshot, recent
from .checks import Exercise, Listener, Verdict, check, find, hints, names, progress
from .checks.building import build_exercise
from .checks.hints import next_hint
from .checks.placeholders import random_word
from .checks.progress import ExerciseProgress
from .checks.submission import changed_files
from .classroom.live import client
from .engine import connect
from .errors import BuildFailed, CourseError, DockerfileError, Unsupported
from .text import pass_on, write
from .views import register as views
from .views.exercises import MarkdownText, MarkedDockerfile
from .views.predictions import YouAndTheClass
from .widgets.ask import HintButton, hint_text
from .widgets.browse import register
from .widgets.live import LiveBuild

_BUILDERS = ("buildkit", "legacy")
_EXPORT = "multistage-progress.json"
_OPTIONS = {"%%dockerfile": ["--target", "--builder"], "%dockerfile": ["--target", "--builder"],
            "%check": ["--dockerfile", "--builder"], "%hint": ["--button"], "%progress": [], "%class": [],
            "%%in_step": ["--stage", "--line", "--shell-from"]}
_WORDS = {"%progress": ("export", "import"), "%class": ("on", "off")}


@magics_class
class BuildMagics(Magics):
    """Magics that inspect a build."""

    @magic_arguments()
    @argument("build", nargs="?", help="a variable with a build or its failure (default: the last one)")
    @argument("--stage", help="at the end of this stage")
    @argument("--line", type=int, help="after this line of the Dockerfile")
    @argument("--shell-from", default="", metavar="IMAGE", help="use this image's busybox as the shell")
    @cell_magic
    def in_step(self, line: str, cell: str) -> None:
        """Run the cell's shell commands where the last build failed, at the end of a stage, or after a line.

        The build does not change. `_exit_code` is set to the exit code."""
        words = _words(self.in_step, line)
        found = snapshot_of(self._build(words), words.stage, words.line).entered(words.shell_from)
        write(found.summary)
        done = found.run(cell)
        pass_on(done.output)
        self._variables["_exit_code"] = done.exit_code
        if done.exit_code:
            write(f"Exit code {done.exit_code}.")

    @property
    def _variables(self) -> dict[str, Any]:
        return self.shell.user_ns if self.shell else {}

    def _build(self, words: Namespace) -> BuildResult | BuildFailed:
        if words.build:
            found = self._variables.get(words.build)
            if not isinstance(found, BuildResult | BuildFailed):
                raise CourseError(f"{words.build} is neither a build nor a failed build.",
                                  remedy="Name a variable with a result of `build`, or with a BuildFailed error.")
            return found
        if found := recent.last if words.stage or words.line else recent.failure:
            return found
        raise CourseError("No build has failed here yet." if recent.last else "Nothing has been built here yet.",
                          remedy="Build first, or use %%in_step --stage NAME or --line N.")


def snapshot_of(build: BuildResult | BuildFailed, stage: str | None, line: int | None) -> Snapshot:
    """The state where a build failed, at the end of a stage, or after a line. Raises as `BuildFailed.state`."""
    if not (stage or line) and isinstance(build, BuildFailed):
        return build.state
    snapshots = build.snapshots
    if snapshots is None:
        raise Unsupported("This build cannot be inspected.", why="Only BuildKit keeps the file systems of its steps.",
                          remedy="Build with builder='buildkit' on a Docker Engine.")
    return snapshots.at(line) if line else snapshots.stage(stage or snapshots.target)


@magics_class
class ExerciseMagics(Magics):
    """Magics for an exercise's notebook. Without a name they use the last one given."""

    _name = ""

    def _exercise(self, name: str | None) -> Exercise:
        self._name = name or self._name     # or the folder of an exercise outside the course
        if not self._name:
            raise CourseError("Which exercise?", remedy="Name one: " + ", ".join(names()))
        return find(self._name)

    @magic_arguments()
    @argument("name", nargs="?", help="the exercise, or the start of its name")
    @argument("--target", help="build only up to this stage")
    @argument("--builder", choices=_BUILDERS, help="default: the engine's")
    @line_cell_magic
    def dockerfile(self, line: str, cell: str | None = None) -> None:
        """Save the cell as your Dockerfile for an exercise, and build it with live progress.

        `%dockerfile`, as a line, builds work/Dockerfile, which is the starter until you change it.
        A syntax error is marked in the text, and nothing is built."""
        words = _words(self.dockerfile, line)
        exercise = self._exercise(words.name)
        kept = exercise.work if exercise.work.is_file() else exercise.starter
        text = kept.read_text(encoding="utf-8") if cell is None else cell
        _readable(text)
        if cell is not None or kept == exercise.starter:
            paths.write_whole(exercise.work, text.encode())
        build(exercise, text, words.target, words.builder)

    @magic_arguments()
    @argument("name", nargs="?", help="the exercise (default: the last one)")
    @argument("--dockerfile", help="check this file instead of your own")
    @argument("--builder", choices=_BUILDERS, help="default: the engine's")
    @line_magic
    def check(self, line: str) -> Verdict:
        """Check which of an exercise's rules your Dockerfile meets, and which it breaks."""
        words = _words(self.check, line)
        exercise = self._exercise(words.name)
        with LiveBuild() as live:
            verdict = check(exercise, Path(words.dockerfile) if words.dockerfile else None, builder=words.builder,
                            listener=Listener(live.say, live.watch))
            live.clear()     # it shows only the last of several builds; the verdict matters
        taken = progress.attempted(verdict).record(exercise.name).hints
        client.check(verdict)
        return replace(verdict, hint="" if verdict.passed else next_hint(exercise, taken))

    @magic_arguments()
    @argument("name", nargs="?", help="the exercise (default: the last one)")
    @argument("--button", action="store_true", help="show a button for hints instead, without counting one")
    @line_magic
    def hint(self, line: str) -> HintButton | None:
        """Show the next hint for an exercise. It costs nothing, but is counted."""
        words = _words(self.hint, line)
        exercise = self._exercise(words.name)
        if words.button:
            return HintButton(exercise)
        there = hints(exercise)
        taken = progress.hinted(exercise.name, len(there)).record(exercise.name).hints
        display(hint_text(there, taken) if taken else MarkdownText("This exercise has no hints."))
        return None

    @magic_arguments()
    @argument("what", nargs="?", choices=_WORDS["%progress"], help="save it to a file, or merge one")
    @argument("file", nargs="?", help=f"default: {_EXPORT}")
    @line_magic
    def progress(self, line: str) -> ExerciseProgress:
        """Show what you have passed. `%progress export FILE` saves it, and `%progress import FILE` merges a saved
        file, keeping the best of both."""
        words = _words(self.progress, line)
        file = Path(words.file or _EXPORT)
        if words.what == "export":
            _export(file)
        elif words.what == "import":
            progress.merge_file(file)
        else:
            _buttons()
        return progress.load()

    @magic_arguments()
    @argument("switch", nargs="?", choices=_WORDS["%class"], help="whether to send your answers to the instructor")
    @line_magic("class")    # type: ignore[arg-type]
    def class_view(self, line: str) -> YouAndTheClass | None:
        """Compare your answers with the class's, for the questions that your instructor has revealed.

        `%class off` stops sending your answers, `%class on` starts again."""
        words = _words(self.class_view, line)
        if words.switch is None:
            return YouAndTheClass(client.mine())
        client.switch(words.switch == "on")
        write("Your answers are sent to the instructor." if client.sending() else "Nothing is sent from now on.")
        return None


def _words(magic: object, line: str) -> Namespace:
    """A magic's arguments, without the quotes that IPython keeps around words with spaces."""
    words = vars(parse_argstring(magic, line))
    return Namespace(**{name: word.strip("\"'") if isinstance(word, str) else word for name, word in words.items()})


def build(exercise: Exercise, text: str, target: str | None = None, builder: str | None = None) -> BuildResult:
    """Build an exercise's Dockerfile with live progress, tagged EXERCISE:TARGET. Raises as `build`."""
    source = {**exercise.source(), **changed_files(exercise, exercise.work)}
    with LiveBuild() as live:
        result = build_exercise(
            exercise, text, source, {name: random_word() for name in exercise.build.secrets}, target=target,
            tag=f"{exercise.name}:{target or 'latest'}", builder=builder, engine=connect(), watch=live.watch,
            report=live.say)
        live.finish(result)
    return result


def _readable(text: str) -> None:
    """Raise DockerfileError for a syntax error, after marking its line in the text."""
    try:
        dockerfiles.parse(text)
    except DockerfileError as error:
        if not error.line:
            raise
        display(MarkedDockerfile(text, error.line, error.what))
        raise DockerfileError(error.what, line=error.line, why=error.why, remedy=error.remedy) from None


def _export(file: Path) -> None:
    progress.export_file(file)
    write(f"Written: {file}. Download it from the file browser to keep it.")


def _buttons() -> None:
    """Show buttons for export and import."""
    from ipywidgets import Button, FileUpload, HBox, Output

    out = Output()
    give = Button(description="Export", tooltip=f"Write your progress to {_EXPORT}")
    take = FileUpload(description="Import", accept=".json", tooltip="Merge a file that was exported")

    def exported(_: object) -> None:
        with out:
            _export(Path(_EXPORT))

    def imported(change: dict) -> None:
        out.clear_output()
        with out:
            for each in change["new"]:
                display(progress.merge(bytes(each["content"])))

    give.on_click(exported)
    take.observe(imported, names="value")
    display(HBox([give, take]), out)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext helpers.magics`."""
    shell.register_magics(ExerciseMagics, BuildMagics)
    views.register()
    register(shell)
    for magic in _OPTIONS:
        shell.set_hook("complete_command", _complete, str_key=magic)


def _complete(_: object, event: Any) -> list[str]:
    """Completions: exercise names, options, and their values."""
    magic, *words = event.line[:event.text_until_cursor and len(event.text_until_cursor) or None].split(" ")
    last = words[-2] if len(words) > 1 else ""
    if last == "--builder":
        return list(_BUILDERS)
    if last == "--target":
        return _targets(words[0])
    if words_of := _WORDS.get(f"%{magic.lstrip('%')}"):
        return list(words_of)
    return [*(() if len(words) > 1 or magic == "%%in_step" else names()), *_OPTIONS.get(magic, [])]


def _targets(name: str) -> list[str]:
    try:
        exercise = find(shlex.split(name)[0])
        file = exercise.work if exercise.work.is_file() else exercise.starter
        return [stage.label for stage in dockerfiles.parse(dockerfiles.read_file(file)).stages]
    except (CourseError, OSError, ValueError, IndexError):
        return []
