"""A BuildKit session: the connection over which the engine fetches what a build needs.

    >>> with Session(engine, context) as session:
    ...     api.post(f"{api.base_url}/build", params=parameters | session.parameters)

POST /session, upgraded to HTTP/2, reverses the connection: the engine calls and we answer. It asks for the Dockerfile,
for those files of the context that it lacks (it keeps the last transfer of the same context), for secrets and for
registry credentials. The headers and the order of things follow moby/buildkit, session/session.go, manager.go and
grpc.go; the services are those of session/filesync/filesync.proto, session/secrets/secrets.proto,
session/auth/auth.proto, and grpc.health.v1.Health.
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
    """Serves `context`, `secrets` {id: value}, the agents `ssh` {id: socket} and further `methods`
    to one build, while it is entered.

    id          what the build names it by
    parameters  for the query of POST /build, whose body stays empty
    sent        bytes of files handed over so far, the Dockerfile included
    error       what ended it or a transfer, None while all is well: ContextError
                for a file that changed or vanished, EngineGone
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
        """The parameters of POST /build that name it."""
        return {"session": self.id, "remote": "client-session"}

    @property
    def error(self) -> Exception | None:
        """What went wrong on this side, or why the connection is gone; None if nothing did."""
        if self._server is None or self._server.error or not self._server.lost:
            return self._server.error if self._server else None
        return EngineGone("The engine ended the build's session.", why=str(self._server.lost),
                          remedy="Build again. If it stays so, `python -m helpers doctor` says what is wrong.")

    def cause(self, failure: str) -> Exception | None:
        """What lies behind a failed build, if it lies on this side of the session."""
        names = {entry.path: entry.path + entry.target for entry in self._context.entries}
        strange = [path for path, name in names.items() if plain(name) != name]    # bytes that are no text
        if not self.error and "invalid UTF-8" in failure and strange:
            # BuildKit of Docker 23 and later takes such a name for a broken message.
            return ContextError(
                f"This engine takes no file whose name is not UTF-8: {', '.join(map(printable, strange[:5]))}.",
                why=failure, remedy="Rename it, or put it into .dockerignore.")
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
        # The patterns to exclude were applied when the context was scanned.
        return tree.context_tree(self._context).only(values(metadata, "include-patterns"), follow)

    def _secret(self, request: bytes) -> bytes:
        name = _PROTO.GetSecretRequest.FromString(request).ID
        if name not in self._secrets:
            raise Status("NOT_FOUND", f"there is no secret {name!r}")
        return _PROTO.GetSecretResponse(data=self._secrets[name]).SerializeToString()


def _credentials(request: bytes) -> bytes:
    """What `docker login` left for a registry, an empty answer if nothing."""
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
    """The name under which the engine keeps the last transfer of this folder.

    Like the Docker CLI's it is made of the folder and of something random that
    stays on this machine, so that no two machines mean the same by it.
    """
    return hashlib.sha256(f"{_node()}:{context.root}".encode("utf-8", "surrogateescape")).hexdigest()


def _node() -> str:
    file = paths.state() / "node"
    try:
        if not file.exists():
            paths.write_whole(file, random.token_hex(16).encode())
        return file.read_text()
    except OSError:
        return str(file)   # a home that cannot be written still has a name
