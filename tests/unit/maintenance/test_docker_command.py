"""Which builder this machine's own `docker build` uses."""

from types import SimpleNamespace

import pytest

from helpers.maintenance import docker_command


@pytest.mark.parametrize("major, buildx, variable, preferred, said", [
    (28, True, "", "", "use BuildKit."), (28, True, "1", "1", "use BuildKit."),
    (28, True, "0", "2", "the legacy builder"), (23, False, "", "2", "the legacy builder, until"),
    (23, False, "1", "2", "fail:"), (20, False, "", "1", "the legacy builder; with DOCKER_BUILDKIT=1"),
    (20, False, "", "2", "use BuildKit."), (20, True, "1", "1", "use BuildKit."), (20, True, "false", "2", "legacy")])
def test_the_rules_of_the_docker_command(major, buildx, variable, preferred, said):
    assert said in docker_command.builder_of(major, buildx, variable, preferred)


@pytest.mark.parametrize("major, buildx, variable, said", [
    (20, False, "", "use Buildah."), (28, False, "", "use Buildah."), (28, True, "0", "use Buildah: DOCKER_BUILDKIT is 0."),
    (20, False, "1", "fail:"), (28, True, "", "fail:")])
def test_an_engine_without_buildkit_builds_with_its_own_builder(major, buildx, variable, said):
    assert said in docker_command.builder_of(major, buildx, variable, "1", "Buildah")


@pytest.mark.parametrize("printed, said", [("", "no docker command here"), ("podman version 4.3.1", "Buildah")])
def test_podman_and_no_docker_command(monkeypatch, printed, said):
    monkeypatch.setattr(docker_command, "_output", lambda *words: printed)
    text = docker_command.docker_build_uses(SimpleNamespace(builders=("buildkit", "legacy")))
    assert said in text and "offers BuildKit and the legacy builder" in text
