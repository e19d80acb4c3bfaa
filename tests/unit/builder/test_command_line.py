"""A request in Docker's own words."""

import shlex
import subprocess

import pytest

from helpers.builder import BuildRequest, command_line, heredoc, variable

APP = "notebooks/apps/go-hello"


@pytest.mark.parametrize("options, line", [
    ({}, f"docker build {APP}"),
    ({"tag": "go-hello:two", "dockerfile": "Dockerfile.two"},
     f"docker build -t go-hello:two -f {APP}/Dockerfile.two {APP}"),
    ({"target": "builder", "no_cache": True, "network": "none", "platform": "linux/amd64"},
     f"docker build --no-cache --target builder --platform linux/amd64 --network none {APP}"),
    ({"args": {"NOW": "1", "TEXT": "it's two words"}},
     f"docker build --build-arg NOW=1 --build-arg 'TEXT=it'\"'\"'s two words' {APP}"),
    ({"secrets": {"npm-token": b"hunter2"}, "ssh": {"default": "/run/agent"}},
     f"docker build --secret id=npm-token,env=NPM_TOKEN --ssh default=/run/agent {APP}"),
    ({"builder": "legacy", "labels": {"a": "b"}}, f"DOCKER_BUILDKIT=0 docker build --label a=b {APP}"),
    ({"output": "out", "provenance": "mode=max", "cache_from": ["type=local,src=c"], "cache_to": ["type=inline"]},
     "docker buildx build --provenance mode=max --output out --cache-from type=local,src=c "
     f"--cache-to type=inline {APP}"),
    ({"sbom": "generator=me/scan"}, f"docker buildx build --sbom generator=me/scan {APP}"),
    ({"text": "FROM scratch\n"}, f"docker build -f - {APP} <<'END'\nFROM scratch\nEND")])
def test_a_request_as_docker_writes_it(options, line):
    assert command_line(BuildRequest(APP, **options)) == line


def test_another_folder_takes_the_place_of_the_request_s():
    line = command_line(BuildRequest("/tmp/x", "Dockerfile.two"), "my copy")
    assert shlex.split(line) == ["docker", "build", "-f", "my copy/Dockerfile.two", "my copy"]


@pytest.mark.parametrize("text", ["RUN <<END\necho $HOME `id` \\\nEND\n", "one", "END\nEND_\n", "tail\n\n"])
def test_a_shell_reads_the_text_as_it_is(text):
    done = subprocess.run(["sh", "-c", heredoc("cat", text)], capture_output=True, text=True, check=True)
    assert done.stdout == text.removesuffix("\n") + "\n"


@pytest.mark.parametrize("secret, name", [("token", "TOKEN"), ("pip.conf", "PIP_CONF"), ("npm-token", "NPM_TOKEN")])
def test_the_variable_of_a_secret(secret, name):
    assert variable(secret) == name
