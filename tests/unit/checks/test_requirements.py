"""Which engine can judge which exercise, and what is reported if it cannot."""

from dataclasses import replace

import pytest

from helpers import dockerfile as dockerfiles
from helpers.checks import Verdict, check, find, progress, requirements
from helpers.container.sandbox import hardening_options
from helpers.engine.proot.api.builds import secrets_of
from helpers.views.exercises import verdict_view
from tests.unit import engines

DOCKER, PODMAN, SMALL = engines.docker(), engines.podman(owned=True), engines.proot()
ONE_ID = engines.podman(owned=True, has_users=False)
NEWER = engines.podman("5.4.2", owned=True, has_users=False)
PLAIN = dockerfiles.parse("FROM scratch\nCOPY a /\n")
MOUNTED = dockerfiles.parse("FROM scratch\nRUN --mount=type=bind,target=/src make\nRUN --mount=type=bind,source=a,target=a make\n")


def said(name, read=PLAIN, engine=DOCKER, builder=None):
    return requirements.lacks(find(name), read, engine, builder)


@pytest.mark.parametrize("name", ["01", "02", "06", "10", "11"])
def test_docker_judges_every_exercise(name):
    assert said(name) == said(name, MOUNTED) == ()


def test_the_legacy_builder_has_no_secrets_and_no_mounts():
    why = said("02", builder="legacy")
    assert "secret" in why[0] and why[-1] == "Use the builder buildkit."
    assert "Line 2" in said("01", MOUNTED, builder="legacy")[0]
    assert said("01", builder="legacy") == ()


def test_the_small_engine_mounts_but_has_no_read_only_root():
    assert said("01", MOUNTED, SMALL) == said("02", MOUNTED, SMALL) == ()
    for name in ("06", "08", "09", "10", "12"):
        assert "read-only" in said(name, engine=SMALL)[0]
    assert "health" in said("11", engine=SMALL)[0] and "Docker" in said("11", engine=SMALL)[-1]


def test_with_one_user_the_user_cannot_be_judged():
    assert "only one user" in said("06", engine=ONE_ID)[0]
    assert said("06", engine=PODMAN) == said("10", engine=ONE_ID) == ()


def test_an_old_podman_needs_an_absolute_target():
    assert "Line 3" in said("10", MOUNTED, PODMAN)[0] and "Podman Engine 4.3.1" in said("10", MOUNTED, PODMAN)[0]
    assert said("10", MOUNTED, NEWER) == ()


@pytest.mark.parametrize("name, mounts, line", [
    ("09", (find("09").folder / "solution" / "Dockerfile").read_text(), ""),                             # a stage
    ("03", "FROM a AS b\nRUN --mount=type=bind,target=/given make\nFROM b\n", "line 2")])      # the context
def test_an_old_podman_has_no_cache_for_a_mounted_stage_or_context(name, mounts, line):
    exercise, read = find(name), dockerfiles.parse(mounts)
    why = requirements.lacks(exercise, read, ONE_ID)[0]
    assert "cache" in why and line in why
    assert requirements.lacks(exercise, read, NEWER) == requirements.lacks(exercise, PLAIN, ONE_ID) == ()


def test_a_cache_in_a_registry_needs_the_containerd_store():
    able = replace(DOCKER, exports=("caches",))
    assert said("14", engine=able) == () and "registry" in said("14")[0] and "containerd" in said("14")[-1]
    assert "registry" in said("14", engine=able, builder="legacy")[0]
    assert said("14", engine=able, builder="legacy")[-1] == "Use the builder buildkit."


def test_what_is_judged_with_less_certainty_is_reported():
    assert any("network" in each for each in requirements.less_certain(find("01"), SMALL))
    assert any("one user" in each for each in requirements.less_certain(find("10"), ONE_ID))
    assert requirements.less_certain(find("10"), DOCKER) == []


@pytest.mark.parametrize("engine, builder, judged", [(DOCKER, None, True), (DOCKER, "legacy", False), (NEWER, None, False)])
def test_only_buildkit_is_asked_to_build_for_another_platform(engine, builder, judged):
    exercise = find("12")
    assert bool(requirements.judged(exercise, engine, builder).platforms) == judged
    assert any("linux/arm64" in each for each in requirements.less_certain(exercise, engine, builder)) != judged


def test_nothing_is_built_and_it_is_no_attempt(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTISTAGE_PROGRESS", str(tmp_path / "progress.json"))
    exercise = find("10")     # the engine has no client: a build would fail
    verdict = check(exercise, exercise.folder / "solution" / "Dockerfile", engine=SMALL)
    assert not verdict.passed and not verdict.fails and "syntax" in verdict.holds
    assert verdict.head.startswith("Not judged") and verdict.facts()["lacks"] == list(verdict.lacks)
    assert verdict.lacks[0] in str(verdict) and verdict.lacks[0] in verdict_view(verdict)
    progress.attempted(verdict)
    assert progress.load().records == {}


def test_the_text_is_judged_on_every_engine():
    exercise = find("10")
    verdict = check(exercise, text="FROM golang:1.22\n", engine=SMALL)
    assert verdict.fails and not verdict.lacks and not verdict.passed


def test_a_passed_verdict_lacks_nothing():
    assert Verdict("01-a", "Dockerfile", ("syntax",), ()).passed
    assert not Verdict("01-a", "Dockerfile", ("syntax",), (), lacks=("No.",)).passed


def test_the_small_engine_takes_secrets_out_of_the_context(tmp_path):
    context, folder = tmp_path / "context", tmp_path / "aside"
    context.mkdir(), folder.mkdir()
    (context / ".secret-1").write_text("word")
    found = secrets_of(["id=token,src=.secret-1"], context, folder)
    assert list(context.iterdir()) == [] and open(found["token"]).read() == "word"


@pytest.mark.parametrize("engine, named", [
    (DOCKER, {"fsize"}), (engines.podman(), {"fsize", "nofile", "nproc"}), (PODMAN, {"fsize"}),
    (engines.podman("5.8.6"), {"fsize"})])
def test_podman_4_is_given_limits_that_it_may_set(engine, named):
    limits = {each["Name"]: each["Hard"] for each in hardening_options(engine, ())["ulimits"]}
    assert set(limits) == named and limits.get("nofile", 0) <= 4096
