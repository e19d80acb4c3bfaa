"""A BuildKit session: the connection over which the engine fetches what a build needs.

    >>> with Session(engine, context) as session:
    ...     api.post(f"{api.base_url}/build", params=parameters | session.parameters)

POST /session, upgraded to HTTP/2, reverses the connection: the engine calls and we answer. It asks for the Dockerfile,
for files of the context that its last transfer of it lacks, for secrets and for registry credentials. Headers and order
follow moby/buildkit, session/session.go, manager.go and grpc.go; the services are those of
session/filesync/filesync.proto, session/secrets/secrets.proto, session/auth/auth.proto, and grpc.health.v1.Health.
"""

import hashlib
import secrets as random
import threading
from collections.abc import Mapping
from typing import Self

import docker.auth
from docker.errors import DockerException

from .. import paths
from ..engine import Engine
from ..errors import ContextError, EngineGone
from ..text import plain, printable
from . import ssh_agent, tree
from .context import Context
from .filesync import diff_copy, values
from .messages import Messages
from .services import Metadata, Method, SessionServer, Status, unary
from .tunnel import upgrade

_HEADER = "X-Docker-Expose-Session-"
_SERVING = b"\x08\x01"    # HealthCheckResponse with status SERVING
_PROTO = Messages("moby.session", """
    message GetSecretRequest { string ID = 1; }
    message GetSecretResponse { bytes data = 1; }
    message CredentialsRequest { string Host = 1; }
    message CredentialsResponse { string Username = 1; string Secret = 2; }
    """)


class Session:
    """Serves `context`, `secrets` {id: value}, the agents `ssh` {id: socket} and further `methods` to one build, in a
    `with` block.

    sent    bytes of files sent so far, the Dockerfile included
    """

    def __init__(self, engine: Engine, context: Context, secrets: Mapping[str, bytes] | None = None,
                 ssh: Mapping[str, str] | None = None, methods: Mapping[str, Method] | None = None):
        self.id = random.token_hex(16)
        self.sent, self._counting = 0, threading.Lock()
        self._engine, self._context, self._secrets = engine, context, secrets or {}
        self._more = ssh_agent.methods(ssh or {}) | dict(methods or {})
        self._server: SessionServer | None = None

    @property
    def parameters(self) -> dict[str, str]:
        """The parameters of POST /build that name it; the body stays empty."""
        return {"session": self.id, "remote": "client-session"}

    @property
    def error(self) -> Exception | None:
        """What went wrong on this side: ContextError for a file that changed or vanished, EngineGone for a lost
        connection; None for nothing."""
        if self._server is None or self._server.error or not self._server.lost:
            return self._server.error if self._server else None
        return EngineGone("The engine ended the build's session.", why=str(self._server.lost),
                          remedy="Build again. If it happens again, `python -m helpers doctor` says what is wrong.")

    def cause(self, failure: str) -> Exception | None:
        """The reason of a failed build, if it is on this side of the session."""
        strange = [entry.path for entry in self._context.entries    # bytes that are no text
                   if plain(entry.path + entry.target) != entry.path + entry.target]
        if not self.error and "invalid UTF-8" in failure and strange:
            # To BuildKit of Docker 23 and later, such a name is a broken message.
            return ContextError(
                f"This engine takes no file whose name is not UTF-8: {', '.join(map(printable, strange[:5]))}.",
                why=failure, remedy="Rename it, or add it to .dockerignore.")
        return self.error

    def __enter__(self) -> Self:
        methods = {
            "/grpc.health.v1.Health/Check": unary(lambda _: _SERVING),
            "/moby.filesync.v1.FileSync/DiffCopy": diff_copy(self._tree, self._count),
            "/moby.buildkit.secrets.v1.Secrets/GetSecret": unary(self._secret),
            "/moby.filesync.v1.Auth/Credentials": unary(_credentials), **self._more}
        exposed = {"Uuid": [self.id], "Name": ["multistage"],
                   "Sharedkey": [_shared_key(self._context)], "Grpc-Method": methods}
        self._server = SessionServer(upgrade(
            self._engine, f"/v{self._engine.client.api.api_version}/session", "open a build session",
            [(_HEADER + name, value) for name, several in exposed.items() for value in several]), methods)
        return self

    def __exit__(self, *_: object) -> None:
        if self._server:
            self._server.stop()

    def _count(self, size: int) -> None:
        with self._counting:    # of several transfers at once
            self.sent += size

    def _tree(self, metadata: Metadata) -> tree.FileTree:
        name = "".join(values(metadata, "dir-name")[:1])
        follow = values(metadata, "followpaths")
        if name == "dockerfile":
            return tree.dockerfile_tree(self._context, follow)
        if name != "context":
            raise Status("NOT_FOUND", f"there is no directory {name!r} here")
        if follow == (".dockerignore",) and not values(metadata, "exclude-patterns"):
            return tree.ignore_tree(self._context)
        # The scan of the context has applied the patterns to exclude.
        return tree.context_tree(self._context).only(values(metadata, "include-patterns"), follow)

    def _secret(self, request: bytes) -> bytes:
        name = _PROTO.GetSecretRequest.FromString(request).ID
        if name not in self._secrets:
            raise Status("NOT_FOUND", f"there is no secret {name!r}")
        return _PROTO.GetSecretResponse(data=self._secrets[name]).SerializeToString()


def _credentials(request: bytes) -> bytes:
    """The credentials that `docker login` stored for a registry, if any."""
    host = _PROTO.CredentialsRequest.FromString(request).Host
    hub = host in ("registry-1.docker.io", "docker.io")
    try:
        login = docker.auth.load_config().resolve_authconfig(None if hub else host) or {}
    except DockerException as error:
        raise Status("UNIMPLEMENTED", str(error)) from error
    token = login.get("IdentityToken") or login.get("identitytoken")
    user, password = ((login.get(key) or login.get(key.lower()) or "") for key in ("Username", "Password"))
    return _PROTO.CredentialsResponse(Username="" if token else user, Secret=token or password).SerializeToString()


def _shared_key(context: Context) -> str:
    """The name of the engine's copy of this folder: from its path and, as with the Docker CLI, a random word that stays
    on this machine, so that no two machines share a name."""
    node = paths.state() / "node"
    try:
        if not node.exists():
            paths.write_whole(node, random.token_hex(16).encode())
        machine = node.read_text()
    except OSError:    # a home without write access
        machine = str(node)
    return hashlib.sha256(f"{machine}:{context.root}".encode("utf-8", "surrogateescape")).hexdigest()
