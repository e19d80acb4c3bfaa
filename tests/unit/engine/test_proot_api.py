"""The engine over PRoot's answers over its socket, asked by Docker's SDK; nothing is run."""

import errno
import json
import socket
import tarfile
import threading

import docker
import pytest
import requests
from docker.errors import APIError, NotFound

from helpers.engine.proot.api import Api, CourseEngine
from helpers.engine.proot.http import HttpServer
from tests.unit.engine.test_proot import Nobody, packed
from tests.waiting import until


@pytest.fixture
def engine(tmp_path):
    return CourseEngine(tmp_path / "s", lambda temporary: Nobody())


@pytest.fixture
def api(engine, tmp_path):
    address = str(tmp_path / "s.sock")
    server = HttpServer(address, type("Served", (Api,), {"engine": engine}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    client = docker.APIClient(base_url=f"unix://{address}", version="1.41", timeout=20)
    yield client
    client.close()
    server.shutdown()
    server.server_close()
    thread.join(20)


def built(api, **files):
    context = packed(*((name, text.encode()) for name, text in files.items()))
    answer = api.post(api._url("/build"), data=context, params={"t": "t:1"}, stream=True)
    return [json.loads(line) for line in answer.iter_lines()]


def test_a_build_is_reported_step_by_step_and_its_image_is_there(api):
    told = built(api, Dockerfile="FROM scratch\nCOPY a /\nLABEL k=v\n", a="A")
    assert told[0] == {"stream": "Step 1/3 : FROM scratch"} and told[-1] == {"stream": "Successfully tagged t:1\n"}
    image = api.inspect_image("t:1")
    assert {"aux": {"ID": image["Id"]}} in told and image["Config"]["Labels"] == {"k": "v"}
    assert [each["RepoTags"] for each in api.images()] == [["t:1"]]
    assert [api.images(filters=each) != [] for each in ({"label": "k=v"}, {"label": "k=w"}, {"reference": "t"}, {"dangling": True})] == [
        True, False, True, False]
    assert [(line["CreatedBy"].split()[0], line["Size"]) for line in api.history("t:1")] == [
        ("/bin/sh", 0), ("COPY", 1)]


def test_a_failed_build_ends_with_an_error(api):
    assert built(api, Dockerfile="FROM none\n")[-1]["error"].startswith("pull access denied for none")
    assert "file not found" in built(api, Dockerfile="FROM scratch\nCOPY none /\n")[-1]["error"]
    assert built(api, Dockerfile="FROM scratch\nRUN --mount=type=ssh true\n")[-1]["error"].endswith("requires BuildKit")
    with pytest.raises(APIError) as refused:
        api._raise_for_status(api.post(api._url("/build"), params={"version": "2"}, data=b""))
    assert (refused.value.status_code, refused.value.explanation) == (400, "Course Engine has no BuildKit")


@pytest.mark.parametrize("sent", [lambda whole: whole, lambda whole: iter([whole[:700], whole[700:]])], ids=["whole", "chunked"])
def test_a_saved_image_can_be_loaded(api, sent):
    built(api, Dockerfile="FROM scratch\nCOPY a /\n", a="A" * 3_000_000)
    whole = b"".join(api.get_image("t:1"))
    api.remove_image("t:1")
    assert api.images(all=True) == []
    assert [line["stream"] for line in api.load_image(sent(whole))] == ["Loaded image: t:1\n"]
    assert b"".join(api.get_image("t:1")) == whole


@pytest.mark.parametrize(("ask", "status"), [
    (lambda api: api.inspect_image("none"), 404),
    (lambda api: list(api.get_image("none")), 404),
    (lambda api: api.inspect_container("none"), 404),
    (lambda api: api.exec_inspect("none"), 404),
    (lambda api: api.create_container("none"), 404),
    (lambda api: list(api.load_image(b"no archive")), 400), (lambda api: api.create_network("n"), 501)])
def test_errors_have_dockers_status(api, ask, status):
    with pytest.raises(APIError) as caught:
        ask(api)
    assert caught.value.status_code == status and isinstance(caught.value, NotFound) == (status == 404)
    assert api.ping()


def answered(api, request):
    """The engine's whole answer to a request on a new connection."""
    with socket.socket(socket.AF_UNIX) as raw:
        raw.settimeout(20)
        raw.connect(api._custom_adapter.socket_path)
        raw.sendall(request)
        return b"".join(iter(lambda: raw.recv(1 << 16), b""))


def failing(error):
    def fails(*_):
        raise error
    return fails


def test_a_full_disk_and_an_internal_error_are_reported(api, engine, monkeypatch, capfd):
    monkeypatch.setattr(engine.store, "load", failing(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(APIError, match="no space left on device"):
        list(api.load_image(b"x"))
    monkeypatch.setattr(engine.store, "load", failing(KeyError("odd")))
    with pytest.raises(APIError, match="internal error: KeyError"):
        list(api.load_image(b"x"))
    assert "KeyError" in capfd.readouterr().err
    assert api.ping()


def test_an_answer_that_cannot_be_finished_is_aborted(api, engine, monkeypatch):
    """A client must not take half an archive for a whole one."""
    def half(references):
        yield b"half"
        raise OSError(errno.EIO, "Input/output error")

    built(api, Dockerfile="FROM scratch\nCOPY a /\n", a="A")
    monkeypatch.setattr(engine.store, "save", half)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        b"".join(api.get_image("t:1"))
    said = answered(api, b"GET /v1.41/images/t:1/get HTTP/1.1\r\nHost: x\r\n\r\n")
    assert said.count(b"HTTP/1.1") == 1 and said.endswith(b"4\r\nhalf\r\n")   # and no end of the last piece


def test_an_image_of_a_container_is_not_removed_unless_forced(api):
    built(api, Dockerfile='FROM scratch\nCMD ["/none"]\nCOPY a /\n', a="A")
    made = api.create_container("t:1", name="c")
    with pytest.raises(APIError) as conflict:
        api.remove_image("t:1")
    assert conflict.value.status_code == 409
    with pytest.raises(APIError, match="no such file"):
        api.start(made)
    with pytest.raises(APIError, match="in use"):
        api.create_container("t:1", name="c")
    assert api.wait("c")["StatusCode"] == 127   # not running: at once, as Docker's
    api.remove_container("c")
    api.remove_image("t:1")


def test_a_client_that_disconnects_leaves_nothing(api, engine):
    def begun():
        return list((engine.store.folder / "tmp").iterdir())

    file = tarfile.TarInfo("layer.tar")
    file.size = 900_000
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(api._custom_adapter.socket_path)
        raw.sendall(b"POST /v1.41/images/load HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + file.tobuf())
        assert until(begun)
    assert until(lambda: not begun()) and api.images() == [] and api.ping()
