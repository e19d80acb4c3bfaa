"""The dev container, held to the rules of its format, and the badges that lead to it.

The format: containers.dev, "Dev Container metadata reference", and the reference of
GitHub Codespaces for what stands under `customizations.codespaces`.
"""

import json
import re
import shlex
import subprocess
import tomllib
from urllib.parse import parse_qs, urlsplit

import pytest

from helpers.cli import _parser
from tests import binder

ROOT = binder.ROOT
FEATURE = re.compile(r"[a-z0-9.-]+(/[a-z0-9._-]+){2,}(:[0-9]+(\.[0-9]+){0,2}|:latest)?")
# What a dev container made of an image may say; another key would be ignored without a word.
KEYS = {"name", "image", "features", "hostRequirements", "forwardPorts", "portsAttributes", "waitFor", "containerEnv", "remoteEnv",
        "remoteUser", "containerUser", "init", "privileged", "mounts", "customizations",
        *(f"{when}Command" for when in ("initialize", "onCreate", "updateContent", "postCreate", "postStart", "postAttach"))}


def unrepeated(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), keys   # the last one would win without a word
    return dict(pairs)


@pytest.fixture(scope="module")
def container():
    return json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(), object_pairs_hook=unrepeated)


def test_it_says_nothing_that_its_format_does_not_know(container):
    assert container.keys() <= KEYS and re.fullmatch(r"[a-z0-9.-]+(/[a-z0-9._-]+)+:[\w.-]+", container["image"])
    assert all(FEATURE.fullmatch(name) for name in container["features"])
    needs = container["hostRequirements"]
    assert needs.keys() == {"cpus", "memory", "storage"} and needs["cpus"] >= 1
    assert all(re.fullmatch("[0-9]+[tgmk]b", needs[each]) for each in ("memory", "storage"))
    ports = container["forwardPorts"]
    assert all(isinstance(port, int) and 0 < port < 65536 for port in ports) and {*container["portsAttributes"]} <= {*map(str, ports)}
    assert {each["onAutoForward"] for each in container["portsAttributes"].values()} <= {"notify", "openBrowser", "silent", "ignore"}


def test_it_has_a_docker_of_its_own_and_room_for_it(container):
    (options,) = [value for name, value in container["features"].items() if "/docker-in-docker:" in name]
    # Debian's suites after bookworm have no Moby packages of Microsoft's.
    assert container["image"].endswith("-bookworm") or options.get("moby") is False
    assert int(container["hostRequirements"]["storage"].removesuffix("gb")) >= 32


def test_its_python_is_one_that_the_project_takes(container):
    version = re.search(r"/python:(\d+)\.(\d+)", container["image"]).groups()
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert tuple(map(int, version)) >= tuple(map(int, wanted.removeprefix(">=").split(".")))


def test_its_command_makes_the_environment(container):
    """Each part is a target of the Makefile, or a command that the helpers know."""
    parts = [shlex.split(part) for part in container["postCreateCommand"].split("&&")]
    assert parts[0] == ["make", "setup"]
    for program, *words in parts:
        if program == "make":
            planned = subprocess.run(["make", "--dry-run", *words], cwd=ROOT, capture_output=True, text=True)
            assert planned.returncode == 0, planned.stderr
        else:
            assert program == ".venv/bin/python" and words[:2] == ["-m", "helpers"]
            assert _parser().parse_args(words[2:]).command
    assert container["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"].endswith(parts[-1][0])


def test_what_it_opens_is_there(container):
    assert all((ROOT / path).is_file() for path in container["customizations"]["codespaces"]["openFiles"])


def address() -> str:
    """OWNER/NAME of the project, from the one place that says so."""
    url = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]
    return urlsplit(url).path.strip("/")


def test_the_badges_lead_to_the_projects_address_and_to_the_first_lesson():
    text = (ROOT / "README.md").read_text()
    found = {urlsplit(link).netloc: urlsplit(link) for link in
             re.findall(r"\[!\[[^\]]+\]\(https://[^)]+\)\]\((https://[^)]+)\)", text)}
    assert set(found) == {"mybinder.org", "codespaces.new"}
    assert found["mybinder.org"].path == f"/v2/gh/{address()}/HEAD"
    assert found["codespaces.new"].path == f"/{address()}"
    (opened,) = parse_qs(found["mybinder.org"].query)["urlpath"]
    assert (ROOT / opened.removeprefix("lab/tree/")).is_file()
    assert text.index("[![") < text.index("make lab")
