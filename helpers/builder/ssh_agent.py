"""An ssh agent of this machine for RUN --mount=type=ssh: `--ssh` as `docker build` has it.

BuildKit opens a stream for each connection of a command to SSH_AUTH_SOCK, whose messages go to the agent's socket. The
service is moby.sshforward.v1.SSH (moby/buildkit, session/sshforward/ssh.proto); it carries the ssh agent protocol
(draft-miller-ssh-agent). As with Docker, a build may list keys and have the agent sign; no key leaves this machine.
"""

import os
import socket
import stat
from collections.abc import Mapping
from io import BufferedRWPair

from ..errors import CourseError
from .messages import Messages
from .services import Metadata, Method, Status, Stream, unary

_DEFAULT = "default"
_ALLOWED = (bytes([11]), bytes([13]))    # SSH_AGENTC_REQUEST_IDENTITIES, SSH_AGENTC_SIGN_REQUEST
_REFUSED = b"\x00\x00\x00\x01\x05"    # SSH_AGENT_FAILURE
_LENGTH = 4               # bytes before a message, big-endian
_SECONDS = 60             # an agent may ask its user
_PROTO = Messages("moby.sshforward.v1", """
    message BytesMessage { bytes data = 1; }
    message CheckAgentRequest { string ID = 1; }
    """)


def option(text: str) -> tuple[str, str]:
    """(id, path of the agent's socket) of an `--ssh` of `docker build`: default, ID, or ID=SOCKET. Raises CourseError
    without a socket, and for a key file."""
    name, separator, path = text.partition("=")
    path = path if separator else os.environ.get("SSH_AUTH_SOCK", "")
    try:
        found = bool(name) and stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        found = False
    if not found:
        raise CourseError(
            f"--ssh {text} cannot be used.",
            why=f"{path} is not the socket of an ssh agent." if path else
                "No agent runs here: SSH_AUTH_SOCK is not set.",
            remedy="Start one, eval $(ssh-agent) and ssh-add KEY, and use --ssh default or --ssh ID=SOCKET.")
    return name, path


def methods(agents: Mapping[str, str]) -> dict[str, Method]:
    """The methods of the service for {id: socket}; none without an agent."""
    def check(request: bytes) -> bytes:
        _socket_of(agents, _PROTO.CheckAgentRequest.FromString(request).ID)
        return b""

    def forward(metadata: Metadata, messages: Stream) -> Stream:
        path = _socket_of(agents, metadata.get("buildkit.ssh.id", ("",))[0])
        with socket.socket(socket.AF_UNIX) as agent:
            agent.settimeout(_SECONDS)
            agent.connect(path)
            with agent.makefile("rwb") as stream:
                yield from _forwarded(stream, messages)

    service = "/moby.sshforward.v1.SSH/"
    return {f"{service}CheckAgent": unary(check), f"{service}ForwardAgent": forward} if agents else {}


def _socket_of(agents: Mapping[str, str], name: str) -> str:
    try:
        return agents[name or _DEFAULT]
    except KeyError:
        raise Status("NOT_FOUND", f"unset ssh forward key {name or _DEFAULT}") from None


def _forwarded(agent: BufferedRWPair, messages: Stream) -> Stream:
    """One answer for each request, in turn, by the protocol."""
    pending = bytearray()
    for message in messages:
        pending += _PROTO.BytesMessage.FromString(message).data
        while len(pending) >= _LENGTH and len(pending) >= (end := _LENGTH + int.from_bytes(pending[:_LENGTH])):
            yield _PROTO.BytesMessage(data=_asked(agent, bytes(pending[:end]))).SerializeToString()
            del pending[:end]


def _asked(agent: BufferedRWPair, request: bytes) -> bytes:
    if request[_LENGTH:][:1] not in _ALLOWED:
        return _REFUSED
    agent.write(request)
    agent.flush()
    head = agent.read(_LENGTH)
    body = agent.read(int.from_bytes(head)) if len(head) == _LENGTH else b""
    if head != len(body).to_bytes(_LENGTH):
        raise ConnectionResetError("the ssh agent closed the connection")
    return head + body
