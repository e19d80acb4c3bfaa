"""The registry of a lesson: one at a time, and copies only where there is one."""

from types import SimpleNamespace

import pytest

from helpers.errors import RegistryUnavailable, Unsupported
from helpers.lesson import shipping, terminal


class Registry:
    """Notes what it is asked."""

    address = "127.0.0.1:1"

    def __init__(self, speed, engine, report):
        self.speed, self.closed = speed, False

    def close(self):
        self.closed = True

    def fresh(self, trip):
        return f"copy of {trip.name}"


@pytest.fixture
def registries(monkeypatch):
    monkeypatch.setattr(shipping, "_registry", None)
    monkeypatch.setattr(shipping, "engine", lambda: None)
    monkeypatch.setattr(shipping, "Registry", Registry)


def test_a_second_registry_takes_the_place_of_the_first(registries):
    first, second = shipping.open_registry(1000), shipping.open_registry(2000)
    assert first.closed and not second.closed and second.speed == 2000


def test_without_a_registry_the_lesson_goes_on_unless_it_needs_one(registries, monkeypatch, capsys):
    def none(*_, **__):
        raise RegistryUnavailable("There is no registry.", why="No port is free.")

    monkeypatch.setattr(shipping, "Registry", none)
    assert shipping.open_registry(1000) is None
    assert "There is no registry." in capsys.readouterr().out
    assert shipping.fresh(None, [SimpleNamespace(name="a")]) == []
    with pytest.raises(Unsupported, match="no registry") as raised:
        shipping.open_registry(1000, needed=True)
    assert raised.value.why == "No port is free."


def test_each_transfer_gets_a_copy_of_its_own(registries):
    assert shipping.fresh(shipping.open_registry(1000), [SimpleNamespace(name="a"), SimpleNamespace(name="b")]) == ["copy of a", "copy of b"]


def test_a_digest_that_a_base_is_pinned_to_is_the_terminal_s_own(registries):
    registry = shipping.open_registry(1000)
    registry.push = lambda image, name, watch: SimpleNamespace(name=image, place=f"course/{name}", digest="sha256:abc")
    shipping.push(registry, "base:1", name="base:1")
    terminal.note("docker build --build-arg BASE=127.0.0.1:1/course/base@sha256:abc .")
    assert terminal._kernel.noted[-2:] == [
        "docker tag base:1 127.0.0.1:5000/course/base:1 && "
        "DIGEST=$(docker push 127.0.0.1:5000/course/base:1 | grep -o 'sha256:[0-9a-f]*')",
        "docker build --build-arg BASE=127.0.0.1:5000/course/base@$DIGEST ."]
