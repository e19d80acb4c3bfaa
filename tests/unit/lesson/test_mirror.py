"""The package mirror of a lesson: what it serves, and where no engine reaches it."""

import contextlib
import urllib.request
from types import SimpleNamespace
from urllib.error import HTTPError, URLError

import pytest

from helpers.lesson import services


@pytest.fixture
def looked(monkeypatch):
    """Has an engine that comes to the mirror, or one that does not."""
    def engine(comes):
        def look(name):
            if comes:
                with pytest.raises(HTTPError):
                    urllib.request.urlopen(f"http://{name.partition('/')[0]}/v2/")

        api = SimpleNamespace(inspect_distribution=look)
        monkeypatch.setattr(services, "engine", lambda: SimpleNamespace(
            client=SimpleNamespace(api=api), translate_errors=lambda _: contextlib.nullcontext()))

    return engine


def test_it_serves_what_its_files_are_now_and_nothing_after_its_end(looked):
    looked(True)
    served = services.open_mirror({"dists/Packages": b"1.0"})
    address = f"{served.address}/./dists/Packages"
    assert urllib.request.urlopen(address).read() == b"1.0"
    served.files["dists/Packages"] = b"2.0"
    assert urllib.request.urlopen(address).read() == b"2.0"
    assert urllib.request.urlopen(urllib.request.Request(address, method="HEAD")).headers["Content-Length"] == "3"
    with pytest.raises(HTTPError, match="404"):
        urllib.request.urlopen(f"{served.address}/Packages")
    served.close()
    served.close()
    with pytest.raises(URLError):
        urllib.request.urlopen(address)


def test_where_the_engine_does_not_reach_it_there_is_none(looked, capsys):
    looked(False)
    assert services.open_mirror({}) is None
    assert "cannot reach a server on this machine" in capsys.readouterr().out
