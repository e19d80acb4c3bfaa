"""The command line's commands and options, and the function that runs each command."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import CourseError
from .output import no_build, no_report

Value = TypeVar("Value")
Command = Callable[[str, str, str], argparse.ArgumentParser]


def parser() -> argparse.ArgumentParser:
    """The parser of all commands. Its result has `command`, 'MODULE.FUNCTION', which is imported only when it runs."""
    made = argparse.ArgumentParser(prog="python -m helpers", description="Multi-stage builds, measured.")
    commands = made.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: str, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help)
        sub.add_argument("--json", action="store_true", help="print JSON only to stdout")
        sub.set_defaults(command=run)
        return sub

    for part in (_engines, _bases, _builds, _dockerfiles, _images, _exercises, _classes):
        part(command)
    return made


def _engines(command: Command) -> None:
    command("doctor", "engines.doctor", "show the engine, what it can do, and what is missing")

    clean = command("clean", "engines.clean", "remove everything the course created, and nothing else")
    clean.add_argument("--bases", action="store_true", help="also the course's base images")

    engine = command("engine", "engines.engine", "start, find or stop the course's engine")
    engine.add_argument("action", nargs="?", default="start",
                        choices=("start", "stop", "status", "purge", "fetch-proot"),
                        help="fetch-proot: unpack what the smallest engine needs from Debian packages")

    command("first-run", "engines.first", "build the Go application with one and with two stages, and compare them")


def _bases(command: Command) -> None:
    bases = command("bases", "engines.bases", "fetch or build base images, and show where they come from")
    chosen = bases.add_mutually_exclusive_group()
    chosen.add_argument("ref", nargs="*", default=[], help="base images (default: those of the first lessons)")
    chosen.add_argument("--all", action="store_true", help="all base images of the course")
    bases.add_argument("--offline", action="store_true", help="use no registry beyond this machine")
    bases.add_argument("--save", metavar="FOLDER", help="also save them as files in this folder, as a kit")
    bases.add_argument("--without-engine", action="store_true",
                       help="with --save: download them with skopeo")
    bases.add_argument("--budget", type=_megabytes, metavar="MB",
                       help="with --without-engine: the maximum size of the kit")


def _builds(command: Command) -> None:
    build = command("build", "builds.build", "build an image, and show what every stage did")
    _of_a_build(build, "build only up to this stage")
    build.set_defaults(failure=no_build)
    build.add_argument("-t", "--tag", default="", help="name for the image")
    build.add_argument("--no-cache", action="store_true", help="run all steps without the cache")
    build.add_argument("-o", "--output", metavar="FOLDER|type=...",
                       help="write the last stage's files to a folder, or to an archive (type=tar,dest=FILE); "
                            "type=image,push=true pushes")
    build.add_argument("--cache-to", action="append", default=[], metavar="type=...",
                       help="export the build cache: type=inline; type=registry,ref=NAME,mode=max; "
                            "type=local,dest=FOLDER")
    build.add_argument("--cache-from", action="append", default=[], metavar="NAME|type=...",
                       help="import a build cache: type=registry,ref=NAME or type=local,src=FOLDER")
    build.add_argument("--platform", metavar="PLATFORM[,PLATFORM]", help="target platforms: linux/amd64,linux/arm64")
    build.add_argument("--sbom", default="", metavar="true|generator=IMAGE", help="attach an SBOM of the image")
    build.add_argument("--provenance", default="", metavar="mode=min|max",
                       help="attach a record of how the image was built")

    entered = command("debug", "debug.debug", "build, and open a shell where the build failed or after any line")
    _of_a_build(entered, "build only up to this stage")
    entered.add_argument("--line", type=int, metavar="N", help="open the shell after line N of the Dockerfile")
    entered.add_argument("--shell-from", default="", metavar="IMAGE",
                         help="use this image's busybox as the shell (default: only if there is none)")
    entered.set_defaults(failure=no_build)

    report = command("report", "images.report", "build a project, and list what to fix line by line")
    _of_a_build(report, "report on this stage")
    report.set_defaults(failure=no_report)
    _weighing(report)
    report.add_argument("--png", metavar="FILE", help="draw the findings to this file")
    report.add_argument("--sarif", metavar="FILE", help="write the findings as SARIF 2.1.0")
    report.add_argument("--fix", action="store_true",
                        help="write an improved Dockerfile, FILE.fixed; a change is kept only if the image builds and "
                             "the program behaves the same")
    report.add_argument("--fail-on", choices=("high", "medium", "low"),
                        help="exit with 1 if there is a finding of at least this severity")


def _dockerfiles(command: Command) -> None:
    linted = command("lint", "dockerfiles.lint", "run the builder's own checks, or hadolint's, without building")
    _of_a_dockerfile(linted)
    linted.add_argument("--outline", action="store_true",
                        help="list targets, arguments, secrets and ssh agents instead, with their comments")
    linted.add_argument("--target", metavar="STAGE", help="with --outline: this stage (default: the last)")

    graph = command("graph", "dockerfiles.graph", "show the stages, and what each takes from others")
    _of_a_dockerfile(graph)


def _images(command: Command) -> None:
    inventory = command("inventory", "images.inventory", "list an image's tools, packages, and sizes by layer")
    inventory.add_argument("image", metavar="IMAGE")
    inventory.add_argument("--files", action="store_true", help="also list every file with its layer")
    _weighing(inventory)

    compare = command("compare", "images.compare", "show images side by side, and what only one of them has")
    compare.add_argument("image", nargs="+", metavar="IMAGE")
    compare.add_argument("--png", metavar="FILE", help="draw their sizes to this file")
    _weighing(compare)


def _exercises(command: Command) -> None:
    check = command("check", "exercises.check", "check which of an exercise's rules a Dockerfile meets")
    which = check.add_mutually_exclusive_group(required=True)
    which.add_argument("exercise", metavar="EXERCISE", nargs="?", help="its name, the start of its name, or its folder")
    which.add_argument("--all", action="store_true", help="every exercise that you have tried")
    check.add_argument("--points", type=_points, metavar="FILE",
                       help="write how many goals were met, and the total, to a .csv or .json file")
    check.add_argument("--dockerfile", type=Path, metavar="FILE",
                       help="default: EXERCISE/work/Dockerfile, or else the starter")
    check.add_argument("--builder", choices=("buildkit", "legacy", "buildah"))

    hint = command("hint", "exercises.hint", "show the next hint for an exercise; it costs nothing, but is counted")
    hint.add_argument("exercise", metavar="EXERCISE")

    listed = command("exercises", "exercises.exercises", "list the exercises, and which you have passed")
    listed.add_argument("--write", nargs="+", metavar="EXERCISE", help="regenerate the notebooks of these exercises")
    listed.add_argument("--schema", action="store_true", help="print the JSON Schema of check.toml instead")

    progress = command("progress", "exercises.progress", "show what you have passed; --export and --import move it")
    progress.add_argument("--export", type=Path, metavar="FILE", help="save it to this file")
    progress.add_argument("--import", type=Path, metavar="FILE", dest="take",
                          help="merge an exported file, keeping the best of both")


def _classes(command: Command) -> None:
    opened = command("class", "classes.classroom", "open or close a class for learners who only need a browser")
    opened.add_argument("action", nargs="?", default="start", choices=("start", "stop", "restart"))
    opened.add_argument("--listen", default="", metavar="ADDRESS[:PORT]", help="(default: 127.0.0.1:8000)")
    opened.add_argument("--all", action="store_true", help="with every base image, not only those of the first lessons")
    opened.add_argument("--purge", action="store_true", help="stop: also remove the base images and caches")
    opened.add_argument("--kit", type=Path, metavar="FOLDER", help="use this kit instead of the network")

    kit = command("kit", "classes.kit", "gather everything a class needs without a network in one folder")
    kit.add_argument("folder", type=Path, metavar="FOLDER", help="for example on a USB stick; existing files are kept")

    check = command("class-check", "classes.rehearse", "show how many learners fit, and let two try the class")
    check.add_argument("--learners", type=int, default=10, metavar="N", help="how many you expect (default: 10)")

    guide = command("guide", "classes.guide", "write the instructor's guide: the notes of all lessons as one page")
    guide.add_argument("--to", type=Path, default=Path("guide.html"), metavar="FILE", help="(default: guide.html)")


def _of_a_dockerfile(sub: argparse.ArgumentParser) -> None:
    """Options of a command that reads a Dockerfile."""
    sub.add_argument("dir", metavar="DIR", help="the build context")
    sub.add_argument("-f", "--file", default="Dockerfile", help="Dockerfile, relative to DIR")
    sub.add_argument("--build-arg", action="append", default=[], type=_pair, metavar="NAME=VALUE")


def _of_a_build(sub: argparse.ArgumentParser, target: str) -> None:
    """Options of a command that builds."""
    _of_a_dockerfile(sub)
    sub.add_argument("--target", metavar="STAGE", help=target)
    sub.add_argument("--builder", choices=("buildkit", "legacy", "buildah"))
    sub.add_argument("--secret", action="append", default=[], type=_secret, metavar="id=NAME,src=FILE",
                     help="secret for commands that mount it: id=NAME,src=FILE or id=NAME,env=VARIABLE")
    sub.add_argument("--ssh", action="append", default=[], type=_ssh, metavar="default|ID[=SOCKET]",
                     help="this machine's ssh agent for commands that mount it")
    sub.add_argument("--lend", action="append", choices=("trust", "npmrc", "pip.conf"),
                     help="let the Dockerfile mount these settings of this machine, without passwords; repeatable "
                          "(default: all for the course's own applications, otherwise none)")
    sub.add_argument("--any-context", action="store_true", help="allow a build context of any size")


def _weighing(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--transfer", action="store_true", help="also measure the transfer size (slow the first time)")


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
    """A file for points, whose suffix selects the format. Checked here, before anything is built."""
    if not text.endswith((".csv", ".json")):
        raise argparse.ArgumentTypeError(f"must end in .csv or .json, not {text!r}")
    return Path(text)
