"""BuildKit's gateway: the client as its own frontend, to inspect results that are in no image.

A Solve without a frontend keeps the build open under a name; calls of LLBBridge with that name in a header work on it,
and `Return` ends it. Fields: moby/buildkit, frontend/gateway/pb/gateway.proto."""

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
_PIECE = 1 << 22    # bytes of a file read at once: gRPC's messages have at most 16 MB


@dataclass(frozen=True)
class Entry:
    """A file, folder or link: mode as st_mode, size in bytes, mtime in nanoseconds since 1970."""

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
    """A mount of a container: the id of a result, its place, and whether it is read-only."""

    result: str
    dest: str = "/"
    readonly: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


class Gateway:
    """An open build. Use it in a `with` block. `session` is the id of the Session that serves the build context."""

    def __init__(self, control: Control, session: str):
        self.control = control
        self._solve = control.solve({}, session, frontend="")
        self._metadata = ((_HEADER, self._solve.ref),)

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the build and its containers; its results stay in the cache."""
        error = PROTO.RpcStatus(code=1, message="closed")
        with contextlib.suppress(CallFailed):
            self.call("Return", PROTO.ReturnRequest(error=error))
            self._solve.wait()

    def call(self, method: str, request: Any, kind: Any = None) -> Any:
        """Call a method of LLBBridge, whose answer is of the class `kind` (empty if None)."""
        return self.control.unary(GATEWAY + method, request, kind or PROTO.Empty, self._metadata)

    def open(self, method: str, request: Any) -> Any:
        """Start a call to which more messages will be sent."""
        return self.control.call(GATEWAY + method, request, self._metadata, end=False)

    def solve(self, attributes: Mapping[str, str], evaluate: bool = False) -> State:
        """The result of a build with these attributes ("target", "build-arg:NAME", ...). BuildKit runs nothing before
        the result is used, unless `evaluate` (Docker 23 and later). Raises CallFailed, with the failed step if any."""
        request = PROTO.BridgeSolveRequest(
            Frontend=FRONTEND, FrontendOpt=pairs({"filename": "Dockerfile", **attributes}), Evaluate=evaluate)
        return self._solved(request)

    def image(self, name: str) -> State:
        """The files of an image in the engine, or else in its registry. `name` has a host and a tag
        ("docker.io/library/alpine:3"). Raises CallFailed."""
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
        """A container with these mounts, with access to the network or without."""
        name = random.token_hex(8)
        self.call("NewContainer", PROTO.NewContainerRequest(
            ContainerID=name, Network=0 if network else 2,
            Mounts=[PROTO.Mount(resultID=each.result, dest=each.dest, readonly=each.readonly, **each.extra)
                    for each in mounts]))
        return Container(self, name)


class State:
    """A file system in the build cache, to be read or run in. An empty `ref` is `scratch`."""

    def __init__(self, gateway: Gateway, ref: str, metadata: Mapping[str, bytes]):
        self.ref, self.metadata = ref, dict(metadata)
        self.gateway = gateway

    @cached_property
    def config(self) -> dict[str, Any]:
        """The image's configuration so far (Env, WorkingDir, User, Entrypoint, Cmd), {} if none."""
        image = json.loads(self.metadata.get("containerimage.config", b"{}"))
        return image.get("config") or {}

    def read_dir(self, path: str = "/") -> tuple[Entry, ...]:
        """The entries of a folder, by name. Raises CallFailed if it is none."""
        if not self.ref:
            return ()
        answer = self.gateway.call("ReadDir", PROTO.ReadDirRequest(Ref=self.ref, DirPath=path), PROTO.ReadDirResponse)
        return tuple(sorted(map(_entry, answer.entries), key=lambda entry: entry.name))

    def stat(self, path: str) -> Entry:
        """The entry of one path. Raises CallFailed if it does not exist."""
        request = PROTO.StatFileRequest(Ref=self.ref, Path=path)
        return _entry(self.gateway.call("StatFile", request, PROTO.StatFileResponse).stat)

    def read(self, path: str, limit: int | None = None) -> bytes:
        """The content of a file, or its first `limit` bytes. Raises CallFailed if it does not exist."""
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
        """The mounts of a container of this state."""
        return (Mount(self.ref),)

    def container(self, network: bool = True, more: Sequence[Mount] = ()) -> Container:
        """A container with a writable copy of this state, and `more` mounts."""
        return self.gateway.container((*self.mounts(), *more), network)


class Container:
    """A container in an open build. Use it in a `with` block, or `release` it. It ends with the first process started
    in it, so each command needs its own."""

    def __init__(self, gateway: Gateway, name: str):
        self._gateway, self.name = gateway, name

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """End it and its processes."""
        with contextlib.suppress(CallFailed):
            self._gateway.call("ReleaseContainer", PROTO.ReleaseContainerRequest(ContainerID=self.name))

    def start(self, process: Process) -> Running:
        """Start a process. Raises CallFailed if its program does not exist."""
        meta = PROTO.Meta(args=process.args, env=process.env, cwd=process.cwd, user=process.user)
        name = random.token_hex(8)
        call = self._gateway.open("ExecProcess", PROTO.ExecMessage(ProcessID=name, Init=PROTO.InitMessage(
            ContainerID=self.name, Meta=meta, Fds=[0, 1, 2], Tty=process.terminal)))
        return Running(call, name)

    def run(self, process: Process, stdin: bytes = b"") -> Finished:
        """Run a process to its end."""
        running = self.start(process)
        if stdin:
            running.write(stdin)
        running.end_input()
        written = b"".join(piece for _, piece in running.output())
        return Finished(running.exit_code or 0, written, running.error)


def _entry(found: Any) -> Entry:
    return Entry(os.fsdecode(found.path).rpartition("/")[2], st_mode(found.mode), found.uid, found.gid, found.size,
                 found.modTime, os.fsdecode(found.linkname))
