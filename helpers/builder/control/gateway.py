"""BuildKit's gateway: the client as its own frontend, to look into results that no image was made of.

    >>> with Session(engine, context) as session, Control(engine) as control, Gateway(control, session.id) as gateway:
    ...     state = gateway.solve({"target": "builder"})
    ...     print(state.read_dir("/app"), state.read("/app/main.go"))

A Solve without a frontend keeps the build open under a name; calls of LLBBridge with that name in a header work on it,
and `Return` ends it. Fields: moby/buildkit, frontend/gateway/pb/gateway.proto.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets as random
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..filesync import st_mode
from .client import Control
from .connection import CallFailed
from .messages import FRONTEND, GATEWAY, PROTO, pairs
from .process import Finished, Process, Running

_HEADER = "buildkit-controlapi-buildid"
_PIECE = 1 << 22    # bytes of a file that are read at once: gRPC takes no message above 16 MB


@dataclass(frozen=True)
class Entry:
    """A file, folder or link: mode as st_mode has it, size in bytes, mtime in nanoseconds since 1970."""

    name: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    target: str = ""

    @property
    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


@dataclass(frozen=True)
class Mount:
    """A result mounted into a container: its id, where, and whether read-only."""

    result: str
    dest: str = "/"
    readonly: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


class Gateway:
    """An open build, in which results are solved, read and entered. Use it in a `with` block."""

    def __init__(self, control: Control, session: str):
        """`session`: the id of the Session that serves the build context."""
        self.control = control
        self._solve = control.solve({}, session, frontend="")
        self._metadata = ((_HEADER, self._solve.ref),)

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the build: what was solved in it stays in the cache, containers end."""
        error = PROTO.RpcStatus(code=1, message="closed")
        with contextlib.suppress(CallFailed):
            self.call("Return", PROTO.ReturnRequest(error=error))
            self._solve.wait()

    def call(self, method: str, request: Any, kind: Any = None) -> Any:
        """Call one of LLBBridge's methods, whose answer is of the class `kind` (empty if None)."""
        return self.control.unary(GATEWAY + method, request, kind or PROTO.Empty, self._metadata)

    def open(self, method: str, request: Any) -> Any:
        """Begin a call to which more messages will be sent."""
        return self.control.call(GATEWAY + method, request, self._metadata, end=False)

    def solve(self, attributes: Mapping[str, str], evaluate: bool = False) -> State:
        """The result of a build with these attributes ("target", "build-arg:NAME", ...).

        BuildKit is lazy: nothing runs before the result is looked at, unless `evaluate` (Docker 23 and later). Raises
        CallFailed with the failed step, where there is one.
        """
        request = PROTO.BridgeSolveRequest(
            Frontend=FRONTEND, FrontendOpt=pairs({"filename": "Dockerfile", **attributes}), Evaluate=evaluate)
        return self._solved(request)

    def image(self, name: str) -> State:
        """The files of an image: the engine's own if it has it, else its registry's. `name` is written out, with host
        and tag ("docker.io/library/alpine:3"). Raises CallFailed."""
        source = PROTO.SourceOp(identifier=f"docker-image://{name}", attrs=pairs({"image.resolvemode": "local"}))
        first = PROTO.Op(source=source).SerializeToString()
        last = PROTO.Op(inputs=[PROTO.Input(digest=f"sha256:{hashlib.sha256(first).hexdigest()}")])
        return self._solved(PROTO.BridgeSolveRequest(
            Definition=PROTO.Definition(def_=[first, last.SerializeToString()])))

    def _solved(self, request: Any) -> State:
        request.allowResultReturn = request.allowResultArrayRef = True
        answer = self.call("Solve", request, PROTO.BridgeSolveResponse)
        result = PROTO.BridgeResult.FromString(answer.result)
        refs = [pair.value.id for pair in result.refs.refs]
        ref = result.ref.id or result.refDeprecated or next(iter(refs), "")
        return State(self, ref, {pair.key: pair.value for pair in result.metadata})

    def container(self, mounts: Sequence[Mount], network: bool = True) -> Container:
        """A container of these mounts; `network`: whether it may reach the network."""
        name = random.token_hex(8)
        self.call("NewContainer", PROTO.NewContainerRequest(
            ContainerID=name, Network=0 if network else 2,
            Mounts=[PROTO.Mount(resultID=each.result, dest=each.dest, readonly=each.readonly, **each.extra)
                    for each in mounts]))
        return Container(self, name)


class State:
    """A file system in the build cache: read it, or run something in it. An empty `ref` is `scratch`."""

    def __init__(self, gateway: Gateway, ref: str, metadata: Mapping[str, bytes]):
        self.ref, self.metadata = ref, dict(metadata)
        self.gateway = gateway

    @cached_property
    def config(self) -> dict[str, Any]:
        """The image's configuration so far: Env, WorkingDir, User, Entrypoint, Cmd; {} where there is none."""
        image = json.loads(self.metadata.get("containerimage.config", b"{}"))
        return image.get("config") or {}

    def read_dir(self, path: str = "/") -> tuple[Entry, ...]:
        """What is in a folder, in order of names. Raises CallFailed if it is not one."""
        if not self.ref:
            return ()
        answer = self.gateway.call("ReadDir", PROTO.ReadDirRequest(Ref=self.ref, DirPath=path), PROTO.ReadDirResponse)
        return tuple(sorted(map(_entry, answer.entries), key=lambda entry: entry.name))

    def stat(self, path: str) -> Entry:
        """One path's facts. Raises CallFailed if it is not there."""
        request = PROTO.StatFileRequest(Ref=self.ref, Path=path)
        return _entry(self.gateway.call("StatFile", request, PROTO.StatFileResponse).stat)

    def read(self, path: str, limit: int | None = None) -> bytes:
        """A file's content, or its first `limit` bytes. Raises CallFailed if it is not there."""
        found = bytearray()
        while limit is None or len(found) < limit:
            length = _PIECE if limit is None else min(_PIECE, limit - len(found))
            part = PROTO.FileRange(Offset=len(found), Length=length)
            request = PROTO.ReadFileRequest(Ref=self.ref, FilePath=path, Range=part)
            found += self.gateway.call("ReadFile", request, PROTO.ReadFileResponse).Data
            if len(found) < part.Offset + part.Length:
                break
        return bytes(found)

    def mounts(self) -> tuple[Mount, ...]:
        """What a container of this state mounts."""
        return (Mount(self.ref),)

    def container(self, network: bool = True, more: Sequence[Mount] = ()) -> Container:
        """A container of this state, and of `more` mounts. What runs in it changes nothing but the container."""
        return self.gateway.container((*self.mounts(), *more), network)


class Container:
    """A container in an open build: use it in a `with` block, or `release` it. BuildKit ends it with the first process
    that was started in it: one container a command."""

    def __init__(self, gateway: Gateway, name: str):
        self._gateway, self.name = gateway, name

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """End it and all that runs in it."""
        with contextlib.suppress(CallFailed):
            self._gateway.call("ReleaseContainer", PROTO.ReleaseContainerRequest(ContainerID=self.name))

    def start(self, process: Process) -> Running:
        """Start a process. Raises CallFailed if its program is not there."""
        meta = PROTO.Meta(args=process.args, env=process.env, cwd=process.cwd, user=process.user)
        name = random.token_hex(8)
        call = self._gateway.open("ExecProcess", PROTO.ExecMessage(ProcessID=name, Init=PROTO.InitMessage(
            ContainerID=self.name, Meta=meta, Fds=[0, 1, 2], Tty=process.terminal)))
        return Running(call, name)

    def run(self, process: Process, stdin: bytes = b"") -> Finished:
        """Run a process to its end; both of its outputs, as they came."""
        running = self.start(process)
        if stdin:
            running.write(stdin)
        running.end_input()
        written = b"".join(piece for _, piece in running.output())
        return Finished(running.exit_code or 0, written, running.error)


def _entry(found: Any) -> Entry:
    return Entry(os.fsdecode(found.path).rpartition("/")[2], st_mode(found.mode), found.uid, found.gid, found.size,
                 found.modTime, os.fsdecode(found.linkname))
