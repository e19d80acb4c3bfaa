"""The ssh agent that a build may use: its socket, and what may be asked of it."""

import contextlib
import socket
import struct
import threading

import pytest

from helpers.builder import ssh_agent
from helpers.builder.services import Status
from helpers.errors import CourseError

IDENTITIES, SIGN, REMOVE_ALL = (struct.pack(">IB", 1, kind) for kind in (11, 13, 19))
REFUSED = b"\0\0\0\1\5"


@contextlib.contextmanager
def agent(path, answer=b"\0\0\0\5\x0c\0\0\0\0"):
    """An agent at that socket that answers everything alike, in two pieces; the list of what it was asked."""
    asked = []

    def serve(server):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    while request := connection.recv(1000):
                        asked.append(request)
                        connection.sendall(answer[:3])
                        connection.sendall(answer[3:])

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield asked
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "agent"


def forward(agents, *pieces, name=""):
    """What a command reads that writes these pieces, and then ends."""
    message = ssh_agent._PROTO.BytesMessage
    messages = (message(data=piece).SerializeToString() for piece in pieces)
    method = ssh_agent.methods(agents)["/moby.sshforward.v1.SSH/ForwardAgent"]
    return [message.FromString(each).data for each in method({"buildkit.ssh.id": (name,)}, messages)]


def test_requests_that_change_nothing_are_passed_on_and_answered_in_turn(path):
    with agent(path) as asked:
        answers = forward({"default": str(path)}, IDENTITIES[:2], IDENTITIES[2:] + SIGN)
        refused = forward({"mine": str(path)}, REMOVE_ALL, struct.pack(">I", 0), IDENTITIES, name="mine")
    assert answers == [b"\0\0\0\5\x0c\0\0\0\0"] * 2 and refused[:2] == [REFUSED, REFUSED]
    assert asked == [IDENTITIES, SIGN, IDENTITIES]


def test_an_agent_that_was_not_handed_over_is_not_there(path):
    with pytest.raises(Status, match="unset ssh forward key other"):
        forward({"default": str(path)}, IDENTITIES, name="other")
    assert ssh_agent.methods({}) == {}


def test_an_agent_that_goes_away_ends_the_call(path, monkeypatch):
    monkeypatch.setattr(ssh_agent, "_SECONDS", 0.2)
    with agent(path, b"\0\0\0\5"), pytest.raises(OSError, match="closed|timed out"):
        forward({"default": str(path)}, IDENTITIES)


def test_an_option_as_docker_has_it(path, monkeypatch):
    with agent(path):
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        assert ssh_agent.option("default") == ("default", str(path))
        monkeypatch.delenv("SSH_AUTH_SOCK")
        assert ssh_agent.option(f"mine={path}") == ("mine", str(path))


@pytest.mark.parametrize("text, why", [("default", "SSH_AUTH_SOCK"), ("mine=/nowhere", "/nowhere is not"),
                                       ("", "SSH_AUTH_SOCK"), (f"mine={__file__}", "is not the socket")])
def test_what_is_no_agent_is_refused(monkeypatch, text, why):
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(CourseError, match="cannot be used") as caught:
        ssh_agent.option(text)
    assert why in caught.value.why and "ssh-add" in caught.value.remedy
