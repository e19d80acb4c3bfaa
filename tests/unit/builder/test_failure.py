"""Why a build made nothing: messages of builders, recorded, and the errors that they become."""

import pytest

from helpers.builder.events import Failed, Output, StepSeen
from helpers.builder.failure import failed
from helpers.errors import BaseUnavailable, BuildFailed
from tests.unit import engines
from tests.unit.builder.test_build import state

NO_HOST = "dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: no such host"


def unreachable(path, version):
    return f'failed to do request: Head "https://registry-1.docker.io/v2/{path}/manifests/{version}": {NO_HOST}'


def error(text, message, *steps, builder="buildkit", given=(), engine=None):
    return failed(state(text, builder, *steps, Failed(message)), engine or engines.docker("20.10.24"), given)


@pytest.mark.parametrize("text, version, offered", [
    ("FROM a\nRUN true\n", "20.10.24", True), ("FROM a\nCOPY --from=b --chmod=1 x y\n", "20.10.24", True),
    ("FROM a\nRUN <<EOF\nx\nEOF\n", "20.10.24", False), ("FROM a\nRUN <<EOF\nx\nEOF\n", "23.0.1", True),
    ("FROM a\nCOPY --link x y\n", "20.10.24", False), ("FROM a\nCOPY --link x y\n", "28.5.2", True),
    ("FROM a\nCOPY --parents x y\n", "28.5.2", False)])
def test_a_reader_that_could_not_be_had_can_be_left_out_where_the_engines_own_will_do(text, version, offered):
    found = error("# escape=\\\n# syntax = docker/dockerfile:1\n" + text,
                  f"failed to solve with frontend gateway.v0: {unreachable('docker/dockerfile', '1')}",
                  engine=engines.docker(version))
    assert isinstance(found, BuildFailed) and found.line == 2 and "docker/dockerfile:1" in found.what
    assert found.why == unreachable("docker/dockerfile", "1").replace(NO_HOST, "registry-1.docker.io: no such host")
    assert ("Remove line 2" in found.remedy) is offered and "MULTISTAGE_MIRROR" in found.remedy


@pytest.mark.parametrize("message", [
    unreachable("library/debian", "12"),
    "failed to solve: debian:12: failed to resolve source metadata for docker.io/library/debian:12: "
    + unreachable("library/debian", "12")])
def test_an_image_for_another_platform_is_named_with_it(message):
    text = "FROM debian:12 AS here\nFROM --platform=linux/arm64 debian:12\nCOPY --from=here /x /\n"
    found = error(text, message)
    assert isinstance(found, BaseUnavailable) and found.line == 2
    assert found.what == "Line 2: debian:12 for linux/arm64 is not here and could not be fetched."
    assert "Leave out --platform" in found.remedy and "MULTISTAGE_MIRROR" in found.remedy


def test_what_a_builder_refuses_without_a_line_has_the_line_and_the_remedy_that_are_known():
    text = "FROM a AS b\nFROM a AS unused\nCOPY --from=$Y /x /\nFROM a\nARG X=b\nCOPY --from=$X /x /\n"
    found = error(text, 'failed to parse stage name "$X": invalid reference format')
    assert (found.what, found.line) == ("The builder refused line 6.", 6)
    assert found.why.startswith('failed to parse stage name "$X"') and "FROM $X AS source" in found.remedy


@pytest.mark.parametrize("text, message, line, remedy", [
    ("FROM a AS b\nCOPY --parents x /\nFROM a\nCOPY --from=$X /x /\n", "dockerfile parse error on line 2: unknown flag: --parents", 2, ""),
    ("FROM --platform=linux/s390x a\n", "failed to solve: a: no match for platform in manifest: not found", None,
     "Leave out --platform, or name an image that has this platform.")])
def test_a_failure_before_the_first_step_has_the_remedy_of_its_own_line(text, message, line, remedy):
    found = error(text, message)
    assert (found.line, found.remedy) == (line, remedy)


def test_any_other_image_is_named_at_the_line_that_takes_it():
    found = error("FROM scratch\nCOPY --from=b.example/x:1 /x /\n",
                  'failed to do request: Head "https://b.example/v2/x/manifests/1": EOF')
    assert isinstance(found, BaseUnavailable) and found.line == 2 and "b.example/x:1" in found.what


def test_an_address_that_a_command_printed_is_no_image_of_the_build():
    run = "RUN curl https://registry-1.docker.io/v2/library/debian/manifests/12"
    found = error(f"FROM debian:12\n{run}\n",
                  f'executor failed running [curl]: exit code: 6 {unreachable("library/debian", "12")}',
                  StepSeen("k", f"[2/2] {run}", 1.0, 2.0, error="exit code: 6"))
    assert isinstance(found, BuildFailed) and found.line == 2 and found.exit_code == 6


MOUNTS = "FROM a\nRUN --mount=type=secret,id=npmrc --mount=type=secret,id=tok --mount=type=ssh x\n"


@pytest.mark.parametrize("given, remedy", [
    ((),
     "--secret id=npmrc,src=FILE --secret id=tok,src=FILE --ssh default, or --lend npmrc for this machine's settings"),
    ([("secret", "npmrc"), ("ssh", "default")],
     "It mounts tok, which this build was not given. If needed: --secret id=tok,src=FILE."),
    ([("secret", "npmrc"), ("secret", "tok"), ("ssh", "default")], "It printed nothing: run it by hand")])
def test_what_a_failed_command_mounts_and_was_not_given(given, remedy):
    step = StepSeen("k", f"[2/2] {MOUNTS.splitlines()[1]}", 1.0, 2.0, error="exit code: 1")
    assert remedy in error(MOUNTS, "exit code: 1", step, given=given).remedy


def test_the_legacy_builder_has_no_mounts():
    message = "the --mount option requires BuildKit"
    found = error(MOUNTS, message, StepSeen("2", "RUN --mount=type=ssh x", 1.0, 2.0, error=message), builder="legacy")
    assert found.line == 2 and "needs BuildKit" in found.remedy


@pytest.mark.parametrize("code, log, remedy", [
    (1, ('main_test.go:11: it said "Go away"',), "says where the fault is, in a file that it worked on"),
    (2, ("main.go:7: undefined: x",), "says where the fault is"), (1, (), "It printed nothing"),
    (127, ("sh: go: not found",), "Install the tool"), (137, ("Killed",), "needs memory")])
def test_a_command_that_failed_is_believed_before_its_line_is(code, log, remedy):
    found = error("FROM a\nRUN go test\n", f"exit code: {code}",
                  StepSeen("1", "[stage-0 2/2] RUN go test", 1, 2, False, f"exit code: {code}"),
                  *(Output("1", f"{line}\n") for line in log))
    assert remedy in found.remedy and found.log == log
    assert found.remedy.endswith("Build again: the steps before it are cached.")
