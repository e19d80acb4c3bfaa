"""The package mirror of a lesson: what it serves, and where no engine reaches it."""

import contextlib
import socket
import subprocess
import urllib.request
from types import SimpleNamespace
from urllib.error import HTTPError, URLError

import pytest

from helpers.lesson import services, terminal


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
    served.put("dists/Packages", b"2.0")
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


def test_its_commands_serve_the_same_in_a_terminal(looked, tmp_path):
    looked(True)
    with contextlib.closing(services.open_mirror({"dists/Packages": b"it's 1.0"})) as served, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        terminal.note(f"curl -s --retry 9 --retry-connrefused {served.address}/dists/Packages")
        served.put("dists/Packages", b"2.0")
        terminal.note(f"curl -s {served.address}/dists/Packages")
    script = "\n".join([*terminal._kernel.noted, *terminal._kernel.ends]).replace(
        services._FILES, str(tmp_path / "mirror")).replace(str(services._PORT), port)
    assert subprocess.run(["bash", "-c", script], capture_output=True, text=True).stdout == "it's 1.02.0"
