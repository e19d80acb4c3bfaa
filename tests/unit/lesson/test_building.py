"""A lesson's builds, where the engine is older than the Dockerfile; an empty runner; an ssh agent."""

import contextlib
import subprocess
from types import SimpleNamespace

import pytest
from docker.errors import NotFound

from helpers.errors import Unsupported
from helpers.lesson import building, looking, services
from tests.unit import engines


@pytest.mark.parametrize("old", [engines.docker("23.0.1"), engines.podman()])
def test_what_an_engine_is_too_old_for_is_not_sent_to_it(monkeypatch, old):
    monkeypatch.setattr(building, "engine", lambda: old)
    monkeypatch.setattr(building, "supported", lambda engine, since: False)
    monkeypatch.setattr(building.builds, "build", lambda *_, **__: pytest.fail("It was sent."))
    with pytest.raises(Unsupported, match="cannot read this Dockerfile") as raised:
        building.build("syntax", "Dockerfile.exclude", since=28.5)
    assert "Docker Engine 28.5 has it" in raised.value.why and old.describe() in raised.value.why


class Cache:
    """Stands for BuildKit's control API; keeps the filters that it was given."""

    filters: tuple[str, ...] | None = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def prune(self, *filters, all_kinds):
        self.filters = filters
        return [SimpleNamespace(id=each.removeprefix("id==")) for each in filters if all_kinds][:2]


@pytest.fixture
def machine(monkeypatch):
    """A machine with the image app:1 and three records."""
    there = SimpleNamespace(images=["app:1"], cache=Cache(), records=["parent", "child", "other"])

    def remove(tag, force):
        if tag not in there.images:
            raise NotFound("no such image")
        there.images.remove(tag)

    monkeypatch.setattr(looking, "engine", lambda: SimpleNamespace(
        client=SimpleNamespace(images=SimpleNamespace(remove=remove)), translate_errors=contextlib.nullcontext))
    monkeypatch.setattr(looking, "_records", lambda mark: [SimpleNamespace(id=each) for each in there.records])
    monkeypatch.setattr(looking, "Control", lambda engine: there.cache)
    return there


def test_a_new_runner_has_neither_the_images_nor_their_steps(machine):
    gone = looking.new_runner("1234", "app:1", "never:built")
    assert [each.id for each in gone] == ["parent", "child"] and not machine.images
    assert machine.cache.filters == ("id==parent", "id==child", "id==other")


def test_a_runner_that_is_new_already_prunes_nothing(machine):
    machine.records = []
    assert looking.new_runner("1234") == () and machine.cache.filters is None


@pytest.mark.skipif(bool(services.missing()), reason="OpenSSH is not installed")
def test_an_agent_holds_one_key_of_its_own():
    there = services.open_agent()
    listed = subprocess.run(["ssh-add", "-L"], env={"SSH_AUTH_SOCK": there.socket, "PATH": "/usr/bin:/bin"},
                            capture_output=True, text=True, check=True).stdout
    assert listed.count("ssh-ed25519") == 1 and there.private not in listed


def test_without_openssh_there_is_no_agent(monkeypatch):
    monkeypatch.setattr(services.shutil, "which", lambda name: None)
    with pytest.raises(Unsupported, match="no ssh agent"):
        services.open_agent()
