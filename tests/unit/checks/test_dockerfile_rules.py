"""Rules that ask for what a few exercises are about: names of stages, programs without
symbols, texts that must not leak, health checks."""

import contextlib
import threading
from types import SimpleNamespace

import pytest

from helpers import dockerfile as dockerfiles
from helpers.checks import dockerfile_rules, image_rules, runtime_rules
from helpers.checks.exercise import Content, Request
from helpers.checks.placeholders import Values
from helpers.container import Ran
from helpers.errors import CourseError
from helpers.formats.signatures import marks
from helpers.lint import Finding
from tests.unit.checks.test_image_rules import seen
from tests.unit.formats.test_elf import compiled
from tests.unit.layers import elf

NUMBERED = """FROM golang:1.22 AS builder
RUN go build -o /app

FROM debian:bookworm-slim
COPY --from=0 /app /app
"""


def test_stages_are_called_by_name():
    def lines(text):
        given = dockerfile_rules.Submission(None, dockerfiles.parse(text))
        return [fail.line for fail in dockerfile_rules.numbers(given)]

    assert lines(NUMBERED) == [5]
    assert lines(NUMBERED.replace("from=0", "from=builder")) == []
    assert lines(NUMBERED.replace("AS builder", "AS s0").replace("from=0", "from=s0")) == []


@pytest.mark.parametrize("flags, holds", [((), False), (("-g",), False), (("-s",), True)])
def test_a_program_is_without_its_symbols(monkeypatch, tmp_path, flags, holds):
    monkeypatch.setattr(image_rules, "read_file", lambda image, path, engine: compiled(tmp_path, *flags))
    fails = list(image_rules.stripped(Content(stripped=("/app",)), seen()))
    assert [fail.line for fail in fails] == ([] if holds else [6])


def test_a_script_has_no_symbols(monkeypatch):
    monkeypatch.setattr(image_rules, "read_file", lambda image, path, engine: b"#!/bin/sh\n# \0.symtab\0")
    assert not list(image_rules.stripped(Content(stripped=("/app",)), seen()))


def test_javas_commands_are_known_by_their_bytes():
    assert marks(elf("libjli.so", says=b"jdk.compiler/com.sun.tools.javac.Main\0")) == ("javac",)
    assert marks(elf("libz.so.1", "libjli.so", says=b"jdk.jartool/sun.tools.jar.Main\0")) == ("jar",)
    assert marks(elf("libjli.so", says=b"jdk.jlink/jdk.tools.jlink.internal.Main\0")) == ("jlink",)
    assert marks(elf("libjli.so", says=b"java.base/java.lang.String")) == ()
    assert marks(elf("libc.so.6", says=b"jdk.compiler/com.sun.tools.javac.Main\0")) == ()   # it starts no class


class Engine:
    """Of a container: its health check, and whether it is stopped."""

    def __init__(self, test):
        self.stopped, self.signals = False, []
        config = {"Healthcheck": {"Test": test}} if test is not None else {}
        self.client = SimpleNamespace(api=SimpleNamespace(
            inspect_container=lambda name: {"Config": config}, kill=self._kill))

    def _kill(self, name, signal):
        self.stopped = signal == "SIGSTOP"
        self.signals.append(signal)

    translate_errors = staticmethod(lambda what: contextlib.nullcontext())


class Server:
    """Answers a health check with `well`, and while it is stopped with `hangs`."""

    name = "server"

    def __init__(self, engine, well=0, hangs=1):
        self.engine, self.well, self.hangs, self.commands = engine, well, hangs, []

    def run(self, command):
        self.commands.append(command)
        code = self.hangs if self.engine.stopped else self.well
        if code is None:
            raise CourseError("check could not run that: it is not in the image.")
        return Ran("it printed", code, 0.1)


def health(test, **codes):
    engine = Engine(test)
    server = Server(engine, **codes)
    return runtime_rules._health(server, engine), server


def test_a_health_check_passes_and_fails():
    said, server = health(["CMD", "/app", "check"])
    assert said == "" and server.commands == [["/app", "check"]] * 2
    assert server.engine.signals == ["SIGSTOP", "SIGCONT"]
    said, server = health(["CMD-SHELL", "curl localhost || exit 1"])
    assert said == "" and server.commands[0] == ["/bin/sh", "-c", "curl localhost || exit 1"]


@pytest.mark.parametrize("test, codes, words", [
    (None, {}, "no HEALTHCHECK"), (["NONE"], {}, "no HEALTHCHECK"), (["CMD", "/app"], {"well": 7}, "exit code 7"),
    (["CMD", "/app"], {"well": None}, "not in the image"), (["CMD", "true"], {"hangs": 0}, "made to hang")])
def test_a_wrong_health_check_is_reported(test, codes, words):
    said, server = health(test, **codes)
    assert words in said
    assert not server.engine.stopped


def test_a_health_check_that_does_not_end_fails(monkeypatch):
    monkeypatch.setattr(runtime_rules, "_HEALTH", 0.05)
    ended = threading.Event()
    waits = SimpleNamespace(run=lambda command: ended.wait(10) and Ran("", 0, 1))
    assert "did not end" in runtime_rules._ask(waits, ["/app"])
    ended.set()


def test_a_wrong_status_is_reported_with_the_answer():
    running = SimpleNamespace(get=lambda path: SimpleNamespace(status=500, text="unknown time zone\n"))
    fail = runtime_rules._request(Request("/noon"), running, Values())
    assert str(fail) == ("Asked for /noon, it answered with status 500: 'unknown time zone'. "
                         "It should answer with status 200.")


def test_a_fail_of_the_linter_says_what_to_do(monkeypatch):
    said = [Finding(2, "DL3064", "warning", "Potentially sensitive data."), Finding(3, "DL3006", "warning", "Tag it",
                                                                                   link="https://x/DL3006")]
    monkeypatch.setattr(dockerfile_rules.linter, "lint", lambda text: said)
    exercise = SimpleNamespace(build=SimpleNamespace(no_lint=("DL3064", "DL3006")))
    assert [str(each) for each in dockerfile_rules.lint(exercise, "")] == [
        "Line 2: The linter reports (DL3064): Potentially sensitive data. Leave it out, or mount it for the one command that needs it.",
        "Line 3: The linter reports (DL3006): Tag it. What to do: https://x/DL3006"]
