"""The session without an engine: packets, order, selection, and the gRPC server."""

import io
import os
import random
import socket
import stat
import threading

import pytest

from helpers.builder import filesync, tree
from helpers.builder.context import Context
from helpers.builder.control import CallFailed
from helpers.builder.services import SessionServer, unary
from helpers.builder.session import Session
from helpers.builder.tree import Facts, FileTree, Node
from helpers.builder.tunnel import Upgraded
from helpers.errors import ContextError
from tests.unit.builder.connected import connected
from tests.waiting import until

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
    ("\u00e4", Facts(stat.S_IFREG | 0o644, 1, WHEN), "12130a02c3a410a403280130959afff5bad6adf00d")]


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
    inbox = iter([bytes.fromhex("08011801"), bytes.fromhex("0803")])
    offered = FileTree(tmp_path, [Node("a", stat.S_IFDIR), Node("a/b", stat.S_IFREG)])
    packets = list(filesync.diff_copy(lambda _: offered, sent.append)({}, inbox))
    assert [packet.hex() for packet in packets] == [
        RECORDED[1][2], RECORDED[2][2], "",
        "08021801220668656c6c6f0a", "08021801", "0803"]
    assert sent == [6]


@pytest.mark.parametrize("mode, go", [(stat.S_IFREG | 0o6755, 1 << 23 | 1 << 22 | 0o755),
                                      (stat.S_IFDIR | 0o1777, 1 << 31 | 1 << 20 | 0o777)])
def test_modes_are_those_of_go_and_back(mode, go):
    assert filesync.go_mode(mode) == go and filesync.st_mode(go) == mode


def test_newer_engines_quote_what_is_not_ascii():
    metadata = {"followpaths": ("%C3%A4+b",), "followpaths-encoded": ("1",), "dir-name": ("a%20b",)}
    assert filesync.values(metadata, "followpaths") == ("\u00e4 b",)
    assert filesync.values(metadata, "dir-name") == ("a%20b",)
    assert filesync.values(metadata, "include-patterns") == ()


def paths(offered):
    return [node.path for node in offered.nodes]


def test_a_slash_sorts_before_every_other_byte():
    paths = ["A", "a", "a/b", "a/b/c", "a/b-c", "a\x01/x", "a\n", "a b", "a!", "a-b", "a.b", "a0", "ab", "\u00e4", "\udcff"]
    assert sorted(random.Random(1).sample(paths, len(paths)), key=tree.order) == paths


def test_parents_come_first_even_if_nobody_named_them(tmp_path):
    offered = FileTree(tmp_path, [Node("x/y/z", stat.S_IFREG), Node("x-", stat.S_IFREG)])
    assert paths(offered) == ["x", "x/y", "x/y/z", "x-"]


def made(*paths, **links):
    nodes = [Node(path.rstrip("/"), stat.S_IFDIR if path.endswith("/") else stat.S_IFREG) for path in paths]
    nodes += [Node(path.replace("__", "/"), stat.S_IFLNK, target) for path, target in links.items()]
    return FileTree("/nowhere", nodes)


ALL = "a a/b a/c a/c/d a-b abs l out z z/l2 z/q"


@pytest.mark.parametrize("follow, expected", [
    ([], ALL), (["."], ALL), (["/"], ALL), (["a/["], ALL),
    (["a"], "a a/b a/c a/c/d"),
    (["a/c/"], "a a/c a/c/d"),
    (["a*"], "a a/b a/c a/c/d a-b abs z z/q"),
    (["*/b"], "a a/b abs l out"),   # each link might lead to one
    (["**/d"], "a a/c a/c/d abs l out z z/l2"),
    *((wanted, "a a/c a/c/d l") for wanted in (["l"], ["l/d"], ["l", "l/x"], ["l/x", "l"])),
    (["l/x"], "l"),
    (["z/l2"], "a a/b z z/l2"),
    (["z/*"], "a a/b z z/l2 z/q"),
    (["*2"], ""),
    (["*/l2"], "a a/b abs l out z z/l2"),
    (["abs"], "abs z z/q"),
    (["out"], "a-b out"),
    (["missing"], ""),
    (["../../a/b"], "a a/b"),
])
def test_followed_paths(follow, expected):
    offered = made("a/", "a/b", "a/c/", "a/c/d", "a-b", "z/", "z/q",
                   l="a/c", z__l2="../a/b", abs="/z/q", out="../../a-b")
    assert " ".join(paths(offered.only(follow=follow))) == expected


@pytest.mark.parametrize("names, links, wanted, expected", [
    (["f"], {"a": "b", "b": "a", "c": "c/x"}, {"follow": ["a", "c/y", "f"]}, "a b c f"),     # links that go round
    (["!a1", "#b1", "c1"], {}, {"follow": ["!a*", "#b*"]}, "!a1 #b1"),    # what means something in an ignore file
    (["a/", "a/b"], {"l": "a/b"}, {"include": ["l"]}, "l")])              # include patterns are not followed
def test_only_what_is_wanted_is_sent(names, links, wanted, expected):
    assert " ".join(paths(made(*names, **links).only(**wanted))) == expected


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
    assert paths(Session(None, ignored)._tree({"dir-name": ["context"]})) == ["a"]
    assert paths(tree.dockerfile_tree(ignored)) == ["Dockerfile"]
    assert paths(tree.ignore_tree(ignored)) == [".dockerignore"]


def test_copy_sees_the_file_if_there_is_one_and_the_builder_the_text(tmp_path):
    without = context(tmp_path, a="1", text="FROM scratch")
    assert paths(tree.context_tree(without)) == ["a"] and paths(tree.ignore_tree(without)) == []
    offered = context(tmp_path, Dockerfile="FROM scratch", text="FROM other")
    assert [node.content for node in tree.dockerfile_tree(offered).nodes] == [b"FROM other"]
    assert [node.content for node in tree.context_tree(offered).nodes] == [None, None]


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


@pytest.mark.parametrize("become", [lambda path: None, lambda path: path.mkdir(), lambda path: path.symlink_to("Dockerfile")])
def test_what_is_no_longer_as_it_was(tmp_path, become):
    offered = tree.context_tree(context(tmp_path, Dockerfile="FROM scratch", a="1"))
    (tmp_path / "a").unlink()
    become(tmp_path / "a")
    for look in (offered.facts, lambda node: list(offered.read(node, 10))):
        with pytest.raises(ContextError, match="a changed while"):
            look(offered.nodes[1])


def broken(_):
    raise ValueError("oh")


def test_an_error_in_a_method_is_reported_and_kept():
    with connected({"/broken": unary(broken), "/echo": unary(bytes)}) as (server, connection):
        with pytest.raises(CallFailed, match="oh") as caught:
            list(connection.call("/broken", b""))
        assert caught.value.code == 2 and isinstance(server.error, ValueError)
        assert list(connection.call("/echo", b"a")) == [b"a"]


def test_a_call_that_the_engine_takes_back_is_no_error():
    closed = threading.Event()

    def waits(_, messages):
        try:
            yield from messages
        finally:
            closed.set()
    with connected({"/waits": waits}) as (server, connection):
        call = connection.call("/waits", b"", end=False)
        next(iter(call))
        call.cancel()
        assert closed.wait(5) and server.error is None


def test_long_metadata_is_taken():
    """A .dockerignore of thousands of lines comes as metadata."""
    long = [("x", f"pattern-{number}/**") for number in range(20_000)]
    with connected({"/count": lambda metadata, _: iter([b"%d" % len(metadata["x"])])}) as (_, connection):
        assert list(connection.call("/count", b"", long)) == [b"20000"]


def test_requests_may_run_far_ahead_of_the_answers():
    """The engine asks for each file while it is still being sent the list of all."""
    def late(_, messages):
        yield b"list"
        go.wait(20)
        yield b"%d" % sum(1 for _ in messages)
    go = threading.Event()
    with connected({"/late": late}) as (_, connection):
        call = connection.call("/late", b"request", end=False)
        answers = iter(call)
        next(answers)
        for _ in range(200):
            call.send(bytes(10_000))
        assert until(call._messages.empty)    # all of them have left
        call.send(b"request", end=True)
        go.set()
        assert list(answers) == [b"202"]


def test_sessions_at_once_answer_by_their_own_methods():
    with connected({"/name": unary(lambda _: b"one"), "/only": unary(bytes)}) as (_, one), \
            connected({"/name": unary(lambda _: b"two")}) as (two, other):
        assert [list(each.call("/name", b"")) for each in (one, other, one)] == [[b"one"], [b"two"], [b"one"]]
        with pytest.raises(CallFailed, match="no method /only"):
            list(other.call("/only", b""))
        two.stop()
        assert list(one.call("/only", b"x")) == [b"x"]


def test_a_peer_that_disconnects_is_reported():
    ours, theirs = socket.socketpair()
    server = SessionServer(Upgraded(io.BytesIO(), theirs, b""), {})
    ours.close()
    server._tunnel.join()
    assert isinstance(server.lost, OSError)
    server.stop()
    theirs.close()


def test_nothing_is_left_open():
    def count():
        return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for number in range(20):
        with connected({"/echo": unary(bytes)}) as (_, connection):
            assert list(connection.call("/echo", b"x")) == [b"x"]
        if number == 4:    # gRPC keeps a few of its own
            before = count(), threading.active_count()
    assert until(lambda: count() <= before[0] and threading.active_count() <= before[1])    # its threads end a moment later


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
