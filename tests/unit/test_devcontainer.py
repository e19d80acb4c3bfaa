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

import jsonschema
import pytest

from helpers.cli import _parser
from tests import binder

ROOT = binder.ROOT
FEATURE = re.compile(r"[a-z0-9.-]+(/[a-z0-9._-]+){2,}(:[0-9]+(\.[0-9]+){0,2}|:latest)?")
COMMAND = {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string"}},
                     {"type": "object"}]}
# What a dev container made of an image may say; another key would be ignored without a word.
RULES = {
    "type": "object", "required": ["name", "image"], "additionalProperties": False, "properties": {
                                                                                        "name": {"type": "string"},
        "image": {"type": "string", "pattern": r"^[a-z0-9.-]+(/[a-z0-9._-]+)+:[\w.-]+$"},
        "features": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": {
            "type": ["string", "boolean"]}}},
        "hostRequirements": {"type": "object", "additionalProperties": False, "properties": {
            "cpus": {"type": "integer", "minimum": 1},
            "memory": {"type": "string", "pattern": "^[0-9]+([tgmk]b)?$"},
            "storage": {"type": "string", "pattern": "^[0-9]+([tgmk]b)?$"},
            "gpu": {}}},
        "forwardPorts": {"type": "array", "items": {"anyOf": [
            {"type": "integer", "minimum": 0, "maximum": 65535}, {"type": "string", "pattern": "^[a-z0-9-]+:[0-9]{1,5}$"}]}},
        "portsAttributes": {"type": "object", "propertyNames": {"pattern": "^[0-9]+(-[0-9]+)?$|:"},
                            "additionalProperties": {"type": "object", "additionalProperties": False, "properties": {
                                "label": {"type": "string"}, "protocol": {"enum": ["http", "https"]},
                                "onAutoForward": {"enum": ["notify", "openBrowser", "openBrowserOnce", "openPreview",
                                                           "silent", "ignore"]},
                                "elevateIfNeeded": {"type": "boolean"}, "requireLocalPort": {"type": "boolean"}}}},
        **{f"{when}Command": COMMAND for when in ("initialize", "onCreate", "updateContent", "postCreate", "postStart",
                                                  "postAttach")},
        "waitFor": {"enum": ["initializeCommand", "onCreateCommand", "updateContentCommand", "postCreateCommand",
                             "postStartCommand"]},
        **{key: {"type": "object", "additionalProperties": {"type": ["string", "null"]}}
           for key in ("containerEnv", "remoteEnv")},
        "remoteUser": {"type": "string"}, "containerUser": {"type": "string"}, "init": {"type": "boolean"},
        "privileged": {"type": "boolean"}, "mounts": {"type": "array"}, "customizations": {"type": "object"}}}


def unrepeated(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), keys   # the last one would win without a word
    return dict(pairs)


@pytest.fixture(scope="module")
def container():
    return json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(), object_pairs_hook=unrepeated)


def test_it_says_nothing_that_its_format_does_not_know(container):
    jsonschema.Draft202012Validator(RULES).validate(container)
    assert all(FEATURE.fullmatch(name) for name in container["features"])


@pytest.mark.parametrize("wrong", [{"postCreateComand": "make setup"}, {"forwardPorts": [80000]}, {"image": "python"},
                                   {"hostRequirements": {"memory": "4 GB"}}])
def test_the_rules_refuse(container, wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(RULES).validate(container | wrong)


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
