"""The client of BuildKit's control API, with a gRPC server on a socket pair and with recorded replies."""

import contextlib
import io
import json
import socket
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from helpers.builder.control import CallFailed, Entry, FailedState, FailedStep, Finished, Mount, Process
from helpers.builder.control import gateway as gateways
from helpers.builder.control.connection import _PROTO, UNIMPLEMENTED, Connection
from helpers.builder.control.gateway import Container
from helpers.builder.control.messages import GATEWAY, PROTO
from helpers.builder.services import Status, unary
from helpers.builder.tunnel import Upgraded
from helpers.errors import EngineGone
from tests.unit.builder.connected import connected

LARGE = bytes(range(256)) * 20_000    # 5 MB: many times a window
ENDED = threading.Event()             # the server has ended an endless answer


def refuse(metadata, messages):
    raise Status("UNIMPLEMENTED", "no method é")
    yield


def endless(metadata, messages):
    try:
        while True:
            yield LARGE[:100_000]
    finally:
        ENDED.set()


def metadata_of(metadata, messages):
    yield repr(sorted(metadata["x"])).encode()


METHODS = {"/s/Echo": lambda metadata, messages: messages, "/s/Unary": unary(lambda message: message[::-1]),
           "/s/Refuse": refuse, "/s/Endless": endless, "/s/Metadata": metadata_of}


@pytest.fixture
def pair():
    with connected(METHODS) as made:
        yield made


@pytest.fixture
def connection(pair):
    return pair[1]


@pytest.mark.parametrize("message", [b"", b"a", b"abc" * 1000, LARGE], ids=["empty", "one byte", "small", "larger than a window"])
def test_a_unary_call(connection, message):
    assert list(connection.call("/s/Unary", message)) == [message[::-1]]


def test_messages_are_sent_one_after_another_on_an_open_call(connection):
    call = connection.call("/s/Echo", b"1", end=False)
    answers = iter(call)
    assert next(answers) == b"1"
    for sent in (LARGE, b"", b"3"):
        call.send(sent)
        assert next(answers) == sent
    call.send(b"last", end=True)
    assert list(answers) == [b"last"]


def test_an_error_has_a_code_and_a_message(connection):
    with pytest.raises(CallFailed, match="no method é") as caught:
        list(connection.call("/s/Refuse", b""))
    assert caught.value.code == UNIMPLEMENTED and caught.value.details == {} and caught.value.lines == ()
    with pytest.raises(CallFailed) as caught:
        list(connection.call("/s/Other", b""))
    assert caught.value.code == UNIMPLEMENTED


def test_metadata_is_sent(connection):
    assert list(connection.call("/s/Metadata", b"", [("x", "1"), ("x", "2")])) == [b"['1', '2']"]


def test_calls_run_concurrently(connection):
    """One that waits and one that nobody reads hold up no other."""
    waiting, unread = connection.call("/s/Echo", b"", end=False), connection.call("/s/Endless", b"")
    with ThreadPoolExecutor(16) as threads:
        sent = [b"%d" % number + LARGE[:200_000] for number in range(16)]
        assert list(threads.map(lambda each: list(connection.call("/s/Unary", each)), sent)) == [[each[::-1]] for each in sent]
    assert next(iter(unread)) == LARGE[:100_000]
    waiting.cancel()
    unread.cancel()


def test_a_cancelled_call_ends_and_the_connection_goes_on(connection):
    call = connection.call("/s/Echo", b"", end=False)
    threading.Timer(0.05, call.cancel).start()
    with pytest.raises(CallFailed) as caught:
        list(call)
    assert caught.value.code == 1
    assert list(connection.call("/s/Unary", b"ab")) == [b"ba"]


def test_an_answer_that_is_left_before_its_end_is_cancelled_in_the_server(connection):
    ENDED.clear()
    with pytest.raises(KeyboardInterrupt):
        for _ in connection.call("/s/Endless", b""):
            raise KeyboardInterrupt
    assert ENDED.wait(5)


def test_a_lost_connection_ends_every_call_and_refuses_new_ones(pair):
    server, connection = pair
    answers = iter(connection.call("/s/Echo", b"", end=False))
    next(answers)
    server.stop()
    for lost in (answers, connection.call("/s/Unary", b"")):
        with pytest.raises(EngineGone, match="lost"):
            list(lost)


def test_a_closed_connection_ends_its_calls_and_refuses_new_ones(connection):
    call = connection.call("/s/Echo", b"", end=False)
    connection.close()
    with pytest.raises(EngineGone, match="lost"):
        list(call)
    with pytest.raises(EngineGone, match="lost"):
        connection.call("/s/Unary", b"")


def test_a_peer_that_does_not_speak_http2_is_a_lost_connection():
    ours, theirs = socket.socketpair()
    theirs.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    theirs.shutdown(socket.SHUT_WR)
    with ours, theirs, contextlib.closing(Connection(Upgraded(io.BytesIO(), ours, b""))) as connection, \
            pytest.raises(EngineGone, match="lost"):
        list(connection.call("/s/Unary", b""))


def test_what_grpc_calls_unavailable_is_a_lost_connection(connection):
    failure = SimpleNamespace(code=lambda: SimpleNamespace(value=(14, "unavailable")), trailing_metadata=lambda: (),
                              details=lambda: "failed to connect to all addresses")
    found = connection.error(failure)
    assert isinstance(found, EngineGone) and found.why == "failed to connect to all addresses"


SOLVE = {"inputIDs": ["in"], "mountIDs": ["out", "", "cache"], "op": {"Op": {"Exec": {
    "meta": {"args": ["/bin/sh", "-c", "false"], "env": ["A=1"], "cwd": "/app"},
    "mounts": [{"dest": "/"}, {"input": -1, "dest": "/tmp"}, {"dest": "/cache", "readonly": True, "mountType": 3}]}}}}
SOURCE = {"info": {"filename": "Dockerfile"}, "ranges": [{"start": {"line": 4}, "end": {"line": 6}}]}


def failure(**details) -> CallFailed:
    status = _PROTO.Status(details=[dict(type_url=f"github.com/moby/buildkit/errdefs.{name}+json",
                                         value=value if isinstance(value, bytes) else json.dumps(value).encode())
                                    for name, value in details.items()])
    return CallFailed(2, "m", status.SerializeToString())


def test_a_failed_step_is_read_from_the_details():
    error = failure(Solve=SOLVE, Source=SOURCE)
    assert error.step == FailedStep(tuple(SOLVE["op"]["Op"]["Exec"]["mounts"]), ("out", "", "cache"),
                                    SOLVE["op"]["Op"]["Exec"]["meta"])
    assert error.lines == (4, 5, 6)


@pytest.mark.parametrize("details", [{}, {"Solve": b"{"}, {"Solve": []}, {"Solve": {"op": {"File": {}}, "mountIDs": ["a"]}},
                                     {"Solve": {"op": None}}])
def test_an_error_without_a_step_has_none(details):
    error = failure(**details)
    assert error.step is None and error.lines == ()


def test_the_mounts_of_a_failed_step_are_restored():
    state = FailedState(object(), failure(Solve=SOLVE).step)
    assert state.ref == "out" and state.config == {"Env": ["A=1"], "WorkingDir": "/app", "User": ""}
    assert state.mounts() == (Mount("out", "/", False, {"selector": "", "mountType": 0}),
                              Mount("cache", "/cache", True, {"selector": "", "mountType": 3}))


def test_a_failed_step_is_listed_by_its_own_programs(monkeypatch):
    state = FailedState(object(), failure(Solve=SOLVE).step)
    listed = b"81a4 0 5 12 1700000000\nb\xff\0\0a1ff 0 0 1 1\na\0/to\n\0"
    monkeypatch.setattr(FailedState, "_ask", lambda self, script, path: Finished(0, listed))
    assert state.read_dir("/x") == (Entry("a", 0o120777, 0, 0, 1, 1_000_000_000, "/to\n"),
                                    Entry("b\udcff", 0o100644, 0, 5, 12, 1_700_000_000 * 1_000_000_000))


class Replies:
    """A Control that returns the given answers, and keeps what was asked."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def solve(self, attributes, session, frontend):
        return SimpleNamespace(ref="r", wait=dict)

    def unary(self, path, request, kind, metadata):
        method = path.removeprefix(GATEWAY)
        self.asked.append((method, request, metadata))
        found = self.answers[method]
        return found(request) if callable(found) else found or kind()

    def call(self, path, request, metadata, end):
        self.asked.append((path.removeprefix(GATEWAY), request, metadata))
        return self.answers["process"]


def state(ref="x", metadata=None, **answers):
    control = Replies(**answers)
    return gateways.State(gateways.Gateway(control, "s"), ref, metadata or {}), control


def test_a_folder_is_listed_in_order_with_kinds_and_modes():
    stats = PROTO.ReadDirResponse(entries=[
        dict(path=b"b\xff", mode=1 << 27 | 0o777, linkname=b"/a"), dict(path=b"a", mode=1 << 31 | 1 << 23 | 0o755, uid=5, size=7)])
    found, control = state(ReadDir=stats)
    assert found.read_dir("/x") == (
        Entry("a", stat.S_IFDIR | stat.S_ISUID | 0o755, 5, 0, 7, 0),
        Entry("b\udcff", stat.S_IFLNK | 0o777, 0, 0, 0, 0, "/a"))
    assert control.asked[0][1].DirPath == "/x" and control.asked[0][2] == (("buildkit-controlapi-buildid", "r"),)
    assert state(ref="")[0].read_dir() == ()    # scratch


@pytest.mark.parametrize("size, limit, reads", [(0, None, 1), (10, None, 1), (gateways._PIECE, None, 2),
                                                (2 * gateways._PIECE + 1, None, 3), (10, 4, 1), (gateways._PIECE * 3, gateways._PIECE + 1, 2)])
def test_a_file_is_read_in_pieces(size, limit, reads):
    content = (LARGE * 3)[:size]

    def answer(request):
        at = request.Range.Offset
        return PROTO.ReadFileResponse(Data=content[at:at + request.Range.Length])

    found, control = state(ReadFile=answer)
    assert found.read("/f", limit) == content[:limit]
    assert len(control.asked) == reads


def test_the_configuration_so_far_is_read_from_the_metadata():
    config = {"containerimage.config": json.dumps({"config": {"Env": ["A=1"], "WorkingDir": "/app"}}).encode()}
    assert state(metadata=config)[0].config == {"Env": ["A=1"], "WorkingDir": "/app"}
    assert state()[0].config == {}


def test_a_container_mounts_the_result_and_is_released():
    found, control = state(NewContainer=None, ReleaseContainer=None)
    with found.container(network=False) as container:
        assert isinstance(container, Container)
    made, released = control.asked
    assert made[1].Mounts[0].resultID == "x" and made[1].Mounts[0].dest == "/" and made[1].Network == 2
    assert released[1].ContainerID == made[1].ContainerID


class Events(list):
    """A call of ExecProcess with these events, which keeps what is sent."""

    def __init__(self, *events):
        super().__init__(PROTO.ExecMessage(**event).SerializeToString() for event in events)
        self.sent, self.cancelled = [], False

    def send(self, message, end=False):
        self.sent.append(PROTO.ExecMessage.FromString(message))

    def cancel(self):
        self.cancelled = True


def test_a_process_runs_to_its_end_and_its_outputs_come_as_written():
    events = Events(dict(Started={}), dict(File=dict(Fd=1, Data=b"a\xff")), dict(File=dict(Fd=2, Data=b"b")),
                    dict(File=dict(Fd=1, EOF=True)), dict(Exit=dict(Code=3)), dict(Done={}))
    found, control = state(NewContainer=None, process=events)
    assert found.container().run(Process(["/bin/false"], ["A=1"], "/app", "me"), b"in") == Finished(3, b"a\xffb")
    started = control.asked[-1][1].Init
    assert (list(started.Meta.args), list(started.Meta.env), started.Meta.cwd, started.Meta.user) == (
        ["/bin/false"], ["A=1"], "/app", "me")
    assert [event.File.Data for event in events.sent][:2] == [b"in", b""] and events.sent[1].File.EOF and events.cancelled


def test_a_terminal_is_resized_and_its_input_is_closed_once_the_process_ends():
    events = Events(dict(Exit=dict(Code=0)), dict(Done={}))
    running = state(NewContainer=None, process=events)[0].container().start(Process(["sh"], terminal=True))
    running.resize(20, 50)
    assert list(running.output()) == [] and running.exit_code == 0
    assert (events.sent[0].Resize.Rows, events.sent[0].Resize.Cols) == (20, 50)
    assert events.sent[1].File.EOF
