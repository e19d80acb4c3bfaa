"""The commands and options of the command line, and the function behind each command."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import CourseError
from .output import no_build, no_report

Value = TypeVar("Value")
Command = Callable[[str, str, str], argparse.ArgumentParser]


def parser() -> argparse.ArgumentParser:
    """The parser of all commands: what it returns has `command`, the module and the function to call with it. A command
    imports what it needs only when it runs."""
    made = argparse.ArgumentParser(prog="python -m helpers", description="Multi-stage builds, measured.")
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: str, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.add_argument("--json", action="store_true", help="print JSON, and nothing else, to stdout")
        sub.set_defaults(command=run)
        return sub

    for part in (_engines, _bases, _builds, _dockerfiles, _images, _exercises, _classes):
        part(command)
    return made


def _engines(command: Command) -> None:
    command("doctor", "engines.doctor", "which engine there is, what it can do, what is missing")

    clean = command("clean", "engines.clean", "remove what the course made, and nothing else")
    clean.add_argument("--bases", action="store_true", help="the base images of the course too")

    engine = command("engine", "engines.engine", "start, find or stop the engine of the course")
    engine.add_argument("action", nargs="?", default="start",
                        choices=("start", "stop", "status", "purge", "fetch-proot"),
                        help="fetch-proot: unpack what the smallest engine needs, from Debian's packages")

    command("first-run", "engines.first", "build the Go application both ways and compare")


def _bases(command: Command) -> None:
    bases = command("bases", "engines.bases", "fetch or make base images, say where they came from")
    chosen = bases.add_mutually_exclusive_group()
    chosen.add_argument("ref", nargs="*", default=[], help="these (default: those of the first lessons)")
    chosen.add_argument("--all", action="store_true", help="all that the course knows")
    bases.add_argument("--offline", action="store_true", help="ask no registry beyond this machine")
    bases.add_argument("--save", metavar="FOLDER", help="keep them as files in this folder, a kit")
    bases.add_argument("--without-engine", action="store_true",
                       help="with --save: fetch them from registries with skopeo")
    bases.add_argument("--budget", type=_megabytes, metavar="MB",
                       help="with --without-engine: the kit's limit in megabytes")


def _builds(command: Command) -> None:
    build = command("build", "builds.build", "build an image and say what every stage did")
    _of_a_build(build, "build up to this stage")
    build.set_defaults(failure=no_build)
    build.add_argument("-t", "--tag", default="", help="name for the image")
    build.add_argument("--no-cache", action="store_true", help="run every step")
    build.add_argument("-o", "--output", metavar="FOLDER|type=...",
                       help="write the last stage's files there, or an archive of them: type=tar,dest=FILE; "
                            "type=image,push=true pushes")
    build.add_argument("--cache-to", action="append", default=[], metavar="type=...",
                       help="export the build cache: type=inline; type=registry,ref=NAME,mode=max; "
                            "type=local,dest=FOLDER")
    build.add_argument("--cache-from", action="append", default=[], metavar="NAME|type=...",
                       help="import a build cache: type=registry,ref=NAME or type=local,src=FOLDER")
    build.add_argument("--platform", metavar="PLATFORM[,PLATFORM]", help="build for these: linux/amd64,linux/arm64")
    build.add_argument("--sbom", default="", metavar="true|generator=IMAGE", help="list what is in the image")
    build.add_argument("--provenance", default="", metavar="mode=min|max",
                       help="record how it was built beside the image")

    entered = command("debug", "debug.debug", "build, and open a shell where it failed, or after any line")
    _of_a_build(entered, "build up to this stage")
    entered.add_argument("--line", type=int, metavar="N", help="open it after line N of the Dockerfile, failed or not")
    entered.add_argument("--shell-from", default="", metavar="IMAGE",
                         help="use this image's busybox, as it is done where there is no shell")
    entered.set_defaults(failure=no_build)

    report = command("report", "images.report", "build a project and say what to fix, line by line")
    _of_a_build(report, "report on this stage")
    report.set_defaults(failure=no_report)
    _weighing(report)
    report.add_argument("--png", metavar="FILE", help="draw it to this file")
    report.add_argument("--sarif", metavar="FILE", help="write the findings to this file as SARIF 2.1.0")
    report.add_argument("--fix", action="store_true",
                        help="write an improved Dockerfile beside the first, FILE.fixed: each change is built and "
                             "started, and kept if the program does the same")
    report.add_argument("--fail-on", choices=("high", "medium", "low"),
                        help="exit with 1 if there is a finding of this severity or above")


def _dockerfiles(command: Command) -> None:
    linted = command("lint", "dockerfiles.lint", "the builder's own checks, or hadolint's, without a build")
    _of_a_dockerfile(linted)
    linted.add_argument("--outline", action="store_true",
                        help="instead: targets, arguments, secrets and ssh agents, with their comments")
    linted.add_argument("--target", metavar="STAGE", help="with --outline: what this stage takes (default: the last)")

    graph = command("graph", "dockerfiles.graph", "the stages, and what each takes from another")
    _of_a_dockerfile(graph)


def _images(command: Command) -> None:
    inventory = command("inventory", "images.inventory", "what is in an image: tools, packages, sizes by layer")
    inventory.add_argument("image", metavar="IMAGE")
    inventory.add_argument("--files", action="store_true", help="list every file with its layer too")
    _weighing(inventory)

    compare = command("compare", "images.compare", "images side by side, and what only one of them has")
    compare.add_argument("image", nargs="+", metavar="IMAGE")
    compare.add_argument("--png", metavar="FILE", help="draw it to this file")
    _weighing(compare)


def _exercises(command: Command) -> None:
    check = command("check", "exercises.check", "check a Dockerfile for an exercise: which rules it meets")
    which = check.add_mutually_exclusive_group(required=True)
    which.add_argument("exercise", metavar="EXERCISE", nargs="?", help="its name, the beginning of it, or its folder")
    which.add_argument("--all", action="store_true", help="every exercise that was tried")
    check.add_argument("--points", type=_points, metavar="FILE",
                       help="write the goals met, and of how many, to this file: .csv or .json")
    check.add_argument("--dockerfile", type=Path, metavar="FILE",
                       help="check this file (default: yours in EXERCISE/work, else the starter)")
    check.add_argument("--builder", choices=("buildkit", "legacy", "buildah"))

    hint = command("hint", "exercises.hint", "the next hint for an exercise: free, but counted")
    hint.add_argument("exercise", metavar="EXERCISE")

    listed = command("exercises", "exercises.exercises", "the exercises, and which of them you have passed")
    listed.add_argument("--write", nargs="+", metavar="EXERCISE", help="write the notebooks of these again")
    listed.add_argument("--schema", action="store_true", help="instead: the JSON Schema of check.toml, for editors")

    progress = command("progress", "exercises.progress", "what you have passed; --export and --import move it")
    progress.add_argument("--export", type=Path, metavar="FILE", help="write it to this file")
    progress.add_argument("--import", type=Path, metavar="FILE", dest="take",
                          help="merge an exported file; the best of both is kept")


def _classes(command: Command) -> None:
    opened = command("class", "classes.classroom", "open a class for learners who install nothing, or close it")
    opened.add_argument("action", nargs="?", default="start", choices=("start", "stop", "restart"))
    opened.add_argument("--listen", default="", metavar="ADDRESS[:PORT]", help="(default: 127.0.0.1:8000)")
    opened.add_argument("--all", action="store_true", help="bring every base image, not only the first lessons'")
    opened.add_argument("--purge", action="store_true", help="stop: remove the base images and caches too")

    opened.add_argument("--kit", type=Path, metavar="FOLDER", help="of what this kit holds, without a network")

    kit = command("kit", "classes.kit", "gather in one folder all that a class without a network needs")
    kit.add_argument("folder", type=Path, metavar="FOLDER", help="on a stick, say; what is there already stays")

    check = command("class-check", "classes.rehearse", "say for how many learners there is room, and let two try it")
    check.add_argument("--learners", type=int, default=10, metavar="N", help="how many will come (default: 10)")

    guide = command("guide", "classes.guide", "write the instructor's guide: the remarks of all lessons as one page")
    guide.add_argument("--to", type=Path, default=Path("guide.html"), metavar="FILE", help="(default: guide.html)")


def _of_a_dockerfile(sub: argparse.ArgumentParser) -> None:
    """The options of a command that reads a Dockerfile and builds nothing."""
    sub.add_argument("dir", metavar="DIR", help="folder of the build context")
    sub.add_argument("-f", "--file", default="Dockerfile", help="Dockerfile, relative to DIR")
    sub.add_argument("--build-arg", action="append", default=[], type=_pair, metavar="NAME=VALUE")


def _of_a_build(sub: argparse.ArgumentParser, target: str) -> None:
    """The options that every command with a build has."""
    _of_a_dockerfile(sub)
    sub.add_argument("--target", metavar="STAGE", help=target)
    sub.add_argument("--builder", choices=("buildkit", "legacy", "buildah"))
    sub.add_argument("--secret", action="append", default=[], type=_secret, metavar="id=NAME,src=FILE",
                     help="hand a secret to the commands that mount it: id=NAME,src=FILE or id=NAME,env=VARIABLE")
    sub.add_argument("--ssh", action="append", default=[], type=_ssh, metavar="default|ID[=SOCKET]",
                     help="let the commands that mount it use an ssh agent of this machine")
    sub.add_argument("--lend", action="append", choices=("trust", "npmrc", "pip.conf"),
                     help="let the Dockerfile mount these settings of this machine, without passwords; may be repeated "
                          "(default: all for the course's own applications, none for any other folder)")
    sub.add_argument("--any-context", action="store_true", help="send a context of any size")


def _weighing(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--transfer", action="store_true", help="measure the transfer size too (slow the first time)")


def _megabytes(text: str) -> int:
    return int(text) * 1_000_000


def _secret(text: str) -> tuple[str, bytes]:
    from ..builder import secrets

    return _read(secrets.option, text)


def _ssh(text: str) -> tuple[str, str]:
    from ..builder import ssh_agent

    return _read(ssh_agent.option, text)


def _read(option: Callable[[str], tuple[str, Value]], text: str) -> tuple[str, Value]:
    try:
        return option(text)
    except CourseError as error:
        raise argparse.ArgumentTypeError(f"{error.what} {error.why} {error.remedy}") from None


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE, not {text!r}")
    return name, value


def _points(text: str) -> Path:
    """A file for points: its ending says the form, and is looked at before anything is built."""
    if not text.endswith((".csv", ".json")):
        raise argparse.ArgumentTypeError(f"must end in .csv or .json, not {text!r}")
    return Path(text)
