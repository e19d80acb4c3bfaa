"""The rules about the content of an image, on images made by hand."""

import pytest

from helpers import dockerfile as dockerfiles
from helpers.checks.exercise import Content
from helpers.checks.image_rules import Seen, compiles, wanted
from helpers.checks.verdict import Fail
from helpers.image import Start
from helpers.inventory import take
from tests.unit import cases

TEXT = """FROM golang:1.22 AS builder
COPY . .
RUN go build -o /app

FROM base:1
COPY --from=builder /app /app
USER 65532
CMD ["/app"]
"""
COPIED = (("COPY /app /app", (("app", cases.STATIC, 0o755),)),)


def seen(text=TEXT, base=cases.SMALL, own=COPIED, start=Start(("/app",), user="65532"), **other) -> Seen:
    below = [] if base is None else [("ADD rootfs /", cases.layer(*base))]
    above = [(made, cases.layer(*members)) for made, members in own]
    image = cases.image(below, *above)
    found = take(image, [entries for _, entries in (*below, *above)])
    return Seen(found, dockerfiles.parse(text), start, **other)


def judged(rule, asked, image) -> list[Fail]:
    rules = wanted(asked, image.secrets)
    return list(rules[rule](asked, image)) if rule in rules else []


def lines(rule, asked, image) -> list[int | None]:
    return [fail.line for fail in judged(rule, asked, image)]


def test_tools_have_the_line_that_adds_them():
    asked = Content(absent=("compiler", "sh"))
    assert lines("absent", asked, seen()) == []
    fail, = judged("absent", asked, seen(base=cases.FAT))
    assert fail.line == 5 and "gcc" in fail.message and "sh" in fail.message and "base image base:1" in fail.message
    assert lines("absent", asked, seen(own=(("COPY /app /app", (cases.GCC,)),))) == [6]


COPY_APP, APP = "COPY --from=builder /app /app", ("app", cases.STATIC, 0o755)


@pytest.mark.parametrize("image, line", [
    (seen(), None), (seen(own=()), 5), (seen(TEXT.replace(COPY_APP, "COPY app /app")), 6),
    (seen(TEXT.replace(COPY_APP, "RUN touch /app"), own=(("RUN touch /app", (APP,)),)), 6),
    (seen(TEXT.replace("COPY . .\n", "WORKDIR /x\n")), 6),                  # that stage has no source
    (seen(base=(*cases.SMALL, APP), own=()), 5)])
def test_a_file_counts_as_copied_if_a_stage_made_it(image, line):
    assert lines("copied", Content(copied=("/app",)), image) == ([line] if line else [])


@pytest.mark.parametrize("install, holds", [
    ("RUN --mount=type=bind,from=builder,source=/wheels,target=/w pip install /w/*", True),
    ("COPY --from=builder /wheels /w\nRUN pip install /w/*", True),
    ("COPY page.html /\nRUN --mount=from=builder,target=/w pip install /w/*", True),
    ("RUN pip install tides", False),                                                     # from the network
    ("RUN --mount=from=base:1,target=/w pip install /w/*", False),                        # an image made nothing here
    ("COPY src /src\nRUN --mount=from=builder,target=/w pip install /src", False),        # compiled here
    ("COPY . .\nRUN --mount=from=builder,target=/w pip install /src", False),
    ("RUN --mount=from=builder,target=/w --mount=type=bind,target=/src pip install /src", False),
    ("RUN --mount=from=builder,target=/w --mount=type=bind,source=src/tides.c,target=/t pip install /t", False),
])
def test_a_file_may_be_installed_from_what_another_stage_made(install, holds):
    text = TEXT.replace(COPY_APP, install)
    run = dockerfiles.parse(text).stages[-1].instructions[-3]
    image = seen(text, own=((f"RUN {run.arguments}", (APP,)),), source="src/tides.c")
    assert lines("copied", Content(copied=("/app",)), image) == ([] if holds else [run.line])


def test_a_stage_compiles_through_others_too():
    text = ("FROM a AS one\nCOPY . .\nFROM one AS two\nRUN make\nFROM b AS three\nCOPY --from=two /x /x\n"
            "FROM c AS four\nRUN --mount=type=bind,target=/src make\nFROM d AS five\nRUN --mount=type=bind,from=e true\nFROM f\n")
    read = dockerfiles.parse(text)
    assert [name for name in ("one", "two", "three", "four", "five", "2", "elsewhere") if compiles(read, name)] == \
        ["two", "three", "four", "2"]


def test_sizes_are_ratios():
    image = seen(starter=seen().inventory.image.unpacked * 4)
    assert lines("size", Content(starter=0.25), image) == []
    assert lines("size", Content(starter=0.2), image) == [5]
    heavy = seen(own=(("COPY /app /app", (("app", b"x" * 100_000, 0o755),)),))
    assert lines("size", Content(base=1.1), heavy) == [6]
    assert lines("size", Content(base=1.1), seen(base=None)) == []     # scratch has no size


def test_what_a_later_layer_hides_is_waste():
    own = (("COPY /app /app", (("big", b"x" * 50_000, 0o644), ("app", cases.STATIC, 0o755))),
           ("RUN rm /big", ((".wh.big", b"", 0o644),)))
    text = TEXT.replace("USER", "RUN rm /big\nUSER")
    assert lines("wasted", Content(wasted=0.01), seen(text, own=own)) == [7]
    assert lines("wasted", Content(wasted=0.01), seen()) == []
    base = (*cases.SMALL, ("big", b"x" * 50_000, 0o644))    # of the base, hidden by the first layer on top
    assert lines("wasted", Content(wasted=0.01), seen(base=base, own=(("COPY /app /app", (("big", b"", 0o644),)),))) == [6]


@pytest.mark.parametrize("user, asked, line", [
    ("65532", "not root", None), ("", "not root", 7), ("root", "not root", 7), ("0:0", "not root", 7),
    ("app", "not root", None), ("app", "app", None), ("app:app", "app", None),
    ("65532", "app", 7), ("", "app", 7), ("0", "", None)])
def test_users(user, asked, line):
    image = seen(start=Start(("/app",), user=user))
    assert lines("user", Content(user=asked), image) == ([line] if line else [])


@pytest.mark.parametrize("rule, asked, image, line", [
    ("present", Content(present=("gcc",)), seen(), 5), ("present", Content(present=("compiler",)), seen(base=cases.FAT), None),
    ("no-files", Content(no_files=("**/*.go",)), seen(own=(("COPY /app /app", (("app/main.go", b"package main"),)),)), 6),
    ("no-files", Content(no_files=("**/*.go",)), seen(), None),
    ("files", Content(files=("/app",)), seen(), None), ("files", Content(files=("/server",)), seen(), 5),
    ("expose", Content(expose=(8080,)), seen(), 5),
    ("expose", Content(expose=(8080,)), seen(start=Start(("/app",), ports=frozenset({8080}))), None),
    ("exec-form", Content(exec_form=True), seen(), None),
    ("exec-form", Content(exec_form=True), seen(start=Start(("/bin/sh", "-c", "/app"))), 8)])
def test_tools_files_ports_and_shells(rule, asked, image, line):
    assert lines(rule, asked, image) == ([line] if line else [])


def test_only_what_is_asked_is_judged():
    assert list(wanted(Content())) == []
    assert list(wanted(Content(base=2.0, absent=("sh",), wasted=0.0, exec_form=True))) == ["absent", "size", "wasted", "exec-form"]
    assert list(wanted(Content(), {"token": "x"})) == ["secret"]
