"""The session without an engine: packets, order, selection, and the gRPC server."""

import os
import random
import socket
import stat
import struct
import threading
import time

import h2.connection
import h2.events
import pytest

from helpers.builder import filesync, tree
from helpers.builder.context import Context
from helpers.builder.grpc import NOT_FOUND, Server, Status, unary
from helpers.builder.session import Session
from helpers.builder.tree import Facts, Node, Tree
from helpers.errors import ContextError

WHEN = 1_000_000_000_123_456_789

# As the Docker CLI 20.10.24 sent them to an engine of that version.
RECORDED = [
    ("Dockerfile", Facts(stat.S_IFREG | 0o644, 52, WHEN), "121b0a0a446f636b657266696c6510a403283430959afff5bad6adf00d"),
    ("a", Facts(stat.S_IFDIR | 0o755, 0, WHEN), "12130a016110ed8380800830959afff5bad6adf00d"),
    ("a/b", Facts(stat.S_IFREG | 0o4750, 6, WHEN), "12160a03612f6210e8838004280630959afff5bad6adf00d"),
    ("a-b", Facts(stat.S_IFREG | 0o644, 0, WHEN), "12120a03612d6210a40330959afff5bad6adf00d"),
    ("link", Facts(stat.S_IFLNK | 0o777, 3, WHEN, "a/b"),
     "121c0a046c696e6b10ff838040280330959afff5bad6adf00d3a03612f62"),
    ("pipe", Facts(stat.S_IFIFO | 0o644, 0, WHEN), "12150a047069706510a483801030959afff5bad6adf00d"),
    ("sticky", Facts(stat.S_IFDIR | 0o1777, 0, WHEN), "12180a06737469636b7910ff83c0800830959afff5bad6adf00d"),
    ("\u00e4", Facts(stat.S_IFREG | 0o644, 1, WHEN), "12130a02c3a410a403280130959afff5bad6adf00d"),
]


@pytest.mark.parametrize("path, facts, packet", RECORDED)
def test_stat_packets_are_those_of_the_docker_cli(path, facts, packet):
    assert filesync.stat_packet(path, facts).hex() == packet


def test_a_whole_transfer_is_that_of_the_docker_cli(tmp_path):
    """Requests and answers as recorded: STATs, an empty one, DATA, FIN."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text("hello\n")
    (tmp_path / "a" / "b").chmod(0o4750)
    for path in (tmp_path / "a" / "b", tmp_path / "a"):
        os.utime(path, ns=(WHEN, WHEN))
    sent = []
    inbox = filesync.Inbox([bytes.fromhex("08011801"), bytes.fromhex("0803"), None])
    offered = Tree(tmp_path, [Node("a", stat.S_IFDIR), Node("a/b", stat.S_IFREG)])
    packets = list(filesync.diff_copy(lambda _: offered, sent.append)({}, inbox))
    assert [packet.hex() for packet in packets] == [
        RECORDED[1][2], RECORDED[2][2], "",
        "08021801220668656c6c6f0a", "08021801", "0803",
    ]
    assert sent == [6]


@pytest.mark.parametrize("mode, go", [
    (stat.S_IFREG | 0o644, 0o644),
    (stat.S_IFDIR | 0o700, 1 << 31 | 0o700),
    (stat.S_IFLNK | 0o777, 1 << 27 | 0o777),
    (stat.S_IFIFO | 0o600, 1 << 25 | 0o600),
    (stat.S_IFREG | 0o6755, 1 << 23 | 1 << 22 | 0o755),
    (stat.S_IFDIR | 0o1777, 1 << 31 | 1 << 20 | 0o777),
])
def test_modes_are_those_of_go(mode, go):
    assert filesync.go_mode(mode) == go


def test_a_long_piece_has_a_right_length(tmp_path):
    content = os.urandom(100_000)
    offered = Tree(tmp_path, [Node("f", stat.S_IFREG, content=content)])
    inbox = filesync.Inbox([filesync.packet()(type=filesync.REQ, ID=0).SerializeToString(), None])
    packets = [filesync.packet().FromString(packet)
               for packet in filesync.diff_copy(lambda _: offered, lambda _: None)({}, inbox)]
    data = [packet.data for packet in packets if packet.type == filesync.DATA]
    assert b"".join(data) == content and data[-1] == b""


def test_newer_engines_quote_what_is_not_ascii():
    metadata = {"followpaths": ("%C3%A4+b",), "followpaths-encoded": ("1",), "dir-name": ("a%20b",)}
    assert filesync.values(metadata, "followpaths") == ("\u00e4 b",)
    assert filesync.values(metadata, "dir-name") == ("a%20b",)
    assert filesync.values(metadata, "include-patterns") == ()


# -- order and selection --------------------------------------------------------

def go_compare(one, other):
    """fsutil's rule, byte by byte: a slash is less than any other byte."""
    one, other = os.fsencode(one), os.fsencode(other)
    for left, right in zip(one, other, strict=False):
        if left != right:
            if left == ord("/"):
                return -1
            return -1 if right != ord("/") and left < right else 1
    return len(one) - len(other)


def test_a_slash_sorts_before_everything():
    paths = ["a", "a/b", "a/b/c", "a/b-c", "a!", "a b", "a-b", "a.b", "a0", "ab", "A", "\u00e4", "\udcff", "a\n",
             "a\x01/x"]
    shuffled = random.Random(1).sample(paths, len(paths))
    ordered = sorted(shuffled, key=tree.order)
    assert ordered.index("a/b") < ordered.index("a\n") < ordered.index("a!")
    assert all(go_compare(one, other) < 0 for one, other in zip(ordered, ordered[1:], strict=False))


def test_parents_come_first_even_if_nobody_named_them(tmp_path):
    offered = Tree(tmp_path, [Node("x/y/z", stat.S_IFREG), Node("x-", stat.S_IFREG)])
    assert [node.path for node in offered.nodes] == ["x", "x/y", "x/y/z", "x-"]


def made(*paths, **links):
    nodes = [Node(path, stat.S_IFDIR if path.endswith("/") else stat.S_IFREG) for path in paths]
    nodes = [Node(node.path.rstrip("/"), node.kind) for node in nodes]
    nodes += [Node(path.replace("__", "/"), stat.S_IFLNK, target) for path, target in links.items()]
    return Tree("/nowhere", nodes)


@pytest.mark.parametrize("follow, expected", [
    ([], "a a/b a/c a/c/d a-b abs l out z z/l2 z/q"),
    (["."], "a a/b a/c a/c/d a-b abs l out z z/l2 z/q"),
    (["/"], "a a/b a/c a/c/d a-b abs l out z z/l2 z/q"),
    (["a"], "a a/b a/c a/c/d"),
    (["a/c/"], "a a/c a/c/d"),
    (["a*"], "a a/b a/c a/c/d a-b abs z z/q"),
    (["*/b"], "a a/b abs l out"),   # each link might lead to one
    (["**/d"], "a a/c a/c/d abs l out z z/l2"),
    (["l"], "a a/c a/c/d l"),
    (["l/d"], "a a/c a/c/d l"),
    (["l/x"], "l"),
    (["l", "l/x"], "a a/c a/c/d l"),
    (["l/x", "l"], "a a/c a/c/d l"),
    (["z/l2"], "a a/b z z/l2"),
    (["z/*"], "a a/b z z/l2 z/q"),
    (["*2"], ""),
    (["*/l2"], "a a/b abs l out z z/l2"),
    (["abs"], "abs z z/q"),
    (["out"], "a-b out"),
    (["missing"], ""),
    (["../../a/b"], "a a/b"),
    (["a/["], "a a/b a/c a/c/d a-b abs l out z z/l2 z/q"),
])
def test_followed_paths(follow, expected):
    offered = made("a/", "a/b", "a/c/", "a/c/d", "a-b", "z/", "z/q",
                   l="a/c", z__l2="../a/b", abs="/z/q", out="../../a-b")
    assert " ".join(node.path for node in offered.only(follow=follow).nodes) == expected


def test_links_that_go_round_end():
    offered = made("f", a="b", b="a", c="c/x")
    assert [node.path for node in offered.only(follow=["a", "c/y", "f"]).nodes] == ["a", "b", "c", "f"]


def test_names_that_mean_something_in_an_ignore_file():
    offered = made("!a1", "#b1", "c1")
    assert [node.path for node in offered.only(follow=["!a*", "#b*"]).nodes] == ["!a1", "#b1"]


def test_include_patterns_are_not_followed():
    offered = made("a/", "a/b", l="a/b")
    assert [node.path for node in offered.only(include=["l"]).nodes] == ["l"]


# -- what is offered --------------------------------------------------------------

def paths(offered):
    return [node.path for node in offered.nodes]


def context(tmp_path, ignore=None, text=None, dockerfile="Dockerfile", **files):
    for name, content in files.items():
        path = tmp_path / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(content)
    if ignore is not None:
        (tmp_path / ".dockerignore").write_text(ignore)
    return Context.scan(tmp_path, dockerfile, text)


def test_the_dockerfile_is_copied_unless_ignored(tmp_path):
    assert paths(tree.context_tree(context(tmp_path, Dockerfile="FROM scratch", a="1"))) == ["Dockerfile", "a"]
    ignored = context(tmp_path, "Dockerfile\n.dockerignore\n")
    assert paths(tree.context_tree(ignored)) == ["a"]
    assert paths(tree.dockerfile_tree(ignored)) == ["Dockerfile"]
    assert paths(tree.ignore_tree(ignored)) == [".dockerignore"]


def test_copy_sees_the_file_and_the_builder_the_text(tmp_path):
    offered = context(tmp_path, Dockerfile="FROM scratch", text="FROM other")
    [node] = tree.dockerfile_tree(offered).nodes
    assert node.content == b"FROM other"
    [seen] = tree.context_tree(offered).nodes
    assert seen.content is None


def test_a_text_without_a_file_is_not_copied(tmp_path):
    offered = context(tmp_path, a="1", text="FROM scratch")
    assert paths(tree.context_tree(offered)) == ["a"]
    assert paths(tree.ignore_tree(offered)) == []


def test_equal_texts_have_equal_times_and_others_do_not(tmp_path):
    def time_of(text):
        offered = tree.dockerfile_tree(context(tmp_path, text=text))
        return offered.facts(offered.nodes[0]).mtime
    assert time_of("FROM a") == time_of("FROM a") != time_of("FROM b")
    assert 0 <= time_of("FROM a") < 2**30 * 10**9


def test_the_dockerfile_in_a_folder_brings_its_folder(tmp_path):
    offered = context(tmp_path, dockerfile="ci/Dockerfile", ci__Dockerfile="FROM scratch",
                      **{"ci__Dockerfile.dockerignore": "x\n"}, x="1", y="2")
    assert paths(tree.dockerfile_tree(offered)) == ["ci", "ci/Dockerfile", "ci/Dockerfile.dockerignore"]
    assert "x" not in paths(tree.context_tree(offered))


@pytest.mark.parametrize("change", ["vanish", "folder", "link"])
def test_what_is_no_longer_as_it_was(tmp_path, change):
    offered = tree.context_tree(context(tmp_path, Dockerfile="FROM scratch", a="1"))
    (tmp_path / "a").unlink()
    if change == "folder":
        (tmp_path / "a").mkdir()
    if change == "link":
        (tmp_path / "a").symlink_to("Dockerfile")
    with pytest.raises(ContextError, match="a changed while"):
        offered.facts(offered.nodes[1])
    with pytest.raises(ContextError, match="a changed while"):
        list(offered.read(offered.nodes[1], 10))


# -- the server -------------------------------------------------------------------

class Peer:
    """The client's end of a connection to a Server in a thread."""

    def __init__(self, methods):
        self.sock, other = socket.socketpair()
        self.sock.settimeout(5)
        self.server, self.raised = Server(other, methods), None
        self.other = other
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        self.h2 = h2.connection.H2Connection()
        self.h2.initiate_connection()
        self.stream = -1

    def _serve(self):
        try:
            self.server.run()
        except OSError as error:
            self.raised = error
        finally:
            self.other.close()

    def call(self, path, *messages, flush=True):
        self.stream += 2
        self.h2.send_headers(self.stream, [
            (":method", "POST"), (":path", path), (":scheme", "http"), (":authority", "localhost"),
            ("content-type", "application/grpc"), ("te", "trailers")])
        for message in messages:
            self.h2.send_data(self.stream, struct.pack(">BI", 0, len(message)) + message)
        self.h2.end_stream(self.stream)
        if flush:
            self.flush()
        return self.stream

    def flush(self):
        self.sock.sendall(self.h2.data_to_send())

    def events(self, acknowledge=True):
        data = self.sock.recv(1 << 16)
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.DataReceived) and acknowledge:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            yield event
        self.flush()

    def answer(self, stream):
        """(bytes of the messages, trailers)"""
        data, trailers = b"", None
        while trailers is None:
            for event in self.events():
                if isinstance(event, h2.events.DataReceived) and event.stream_id == stream:
                    data += event.data
                if isinstance(event, h2.events.TrailersReceived) and event.stream_id == stream:
                    trailers = {bytes(k).decode(): bytes(v).decode() for k, v in event.headers}
        return data, trailers

    def close(self):
        self.server.stop()
        self.thread.join(2)
        self.sock.close()
        assert not self.thread.is_alive()


@pytest.fixture
def peer():
    made = []

    def make(methods):
        made.append(Peer(methods))
        return made[-1]

    yield make
    for each in made:
        each.close()


def refuses(_):
    raise Status(NOT_FOUND, "no caf\u00e9, 100%")


def test_calls_are_answered(peer):
    one = peer({"/echo": unary(lambda message: message[::-1]), "/no": unary(refuses)})
    assert one.answer(one.call("/echo", b"abc")) == (b"\0\0\0\0\x03cba", {"grpc-status": "0"})
    assert one.answer(one.call("/echo", b"")) == (b"\0\0\0\0\0", {"grpc-status": "0"})
    assert one.answer(one.call("/no", b"")) == (
        b"", {"grpc-status": "5", "grpc-message": "no caf%C3%A9, 100%25"})
    assert one.answer(one.call("/other", b""))[1]["grpc-status"] == "12"
    assert one.server.error is None


def test_an_error_in_a_method_is_reported_and_kept(peer):
    def broken(_):
        raise ValueError("oh")
    one = peer({"/broken": unary(broken), "/echo": unary(bytes)})
    assert one.answer(one.call("/broken", b""))[1] == {"grpc-status": "2", "grpc-message": "oh"}
    assert isinstance(one.server.error, ValueError)
    assert one.answer(one.call("/echo", b"a"))[1] == {"grpc-status": "0"}


def test_windows_hold_a_stream_back_and_not_the_others(peer):
    def flood(_, inbox):
        for _ in range(100):
            yield bytes(10_000)
    one = peer({"/flood": flood, "/echo": unary(bytes)})
    one.h2.increment_flow_control_window(1 << 20)   # of the connection, not of the stream
    stream = one.call("/flood")
    got = 0
    while got < 65_535:
        got += sum(len(event.data) for event in one.events(acknowledge=False)
                   if isinstance(event, h2.events.DataReceived))
    assert got == 65_535
    assert one.answer(one.call("/echo", b"still there"))[1] == {"grpc-status": "0"}
    one.h2.increment_flow_control_window(1 << 21, stream)
    one.flush()
    data, trailers = one.answer(stream)
    assert got + len(data) == 100 * 10_005 and trailers == {"grpc-status": "0"}


def test_a_call_that_is_taken_back_is_closed(peer):
    closed = threading.Event()

    def waits(_, inbox):
        try:
            while True:
                yield None
        finally:
            closed.set()
    one = peer({"/waits": waits, "/echo": unary(bytes)})
    stream = one.call("/waits")
    one.answer(one.call("/echo", b""))
    one.h2.reset_stream(stream)
    one.flush()
    assert closed.wait(2)
    for _ in range(3):   # begun, taken back and followed by another at one go
        one.h2.reset_stream(one.call("/echo", b"", flush=False))
    assert one.answer(one.call("/echo", b"x"))[1] == {"grpc-status": "0"}


def test_long_headers_are_taken(peer):
    """A .dockerignore of thousands of lines comes as metadata."""
    one = peer({"/echo": unary(bytes)})
    one.answer(one.call("/echo", b""))
    assert one.h2.remote_settings.max_header_list_size >= 1 << 20


@pytest.mark.parametrize("junk", [None, b"GET / HTTP/1.1\r\n\r\n" * 10])
def test_a_peer_that_disconnects_or_sends_garbage_ends_it(peer, junk):
    one = peer({})
    if junk:
        one.sock.sendall(junk)
    else:
        one.sock.close()
    one.thread.join(2)
    assert not one.thread.is_alive() and isinstance(one.raised, OSError)


def test_nothing_is_left_open(peer):
    def count():
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    before = count(), threading.active_count()
    for _ in range(20):
        one = Peer({"/echo": unary(bytes)})
        one.answer(one.call("/echo", b"x"))
        began = time.monotonic()
        one.close()
        assert time.monotonic() - began < 1
    assert (count(), threading.active_count()) == before


# -- what lies behind a failure ------------------------------------------------------------

REFUSED = "grpc: failed to unmarshal the received message: string field contains invalid UTF-8"


@pytest.mark.parametrize("names, failure, named", [
    ([b"latin-\xe9", b"plain"], REFUSED, "latin-\\xe9"),
    ([b"latin-\xe9"], "no space left on device", None),     # of another kind
    (["\u00e4".encode()], REFUSED, None),                   # and no name is to blame
])
def test_a_name_that_the_builder_cannot_read_is_reported(tmp_path, names, failure, named):
    for name in names:
        (tmp_path / os.fsdecode(name)).write_text("")
    cause = Session(None, context(tmp_path, text="FROM scratch\n")).cause(failure)
    assert (cause is None) is (named is None)
    assert not named or named in cause.what and "plain" not in cause.what and cause.remedy
