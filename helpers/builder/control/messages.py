"""The messages of BuildKit's control and gateway services: the fields that the client uses.

From moby/buildkit: api/services/control/control.proto, frontend/gateway/pb/gateway.proto, solver/pb/ops.proto, and
tonistiigi/fsutil, types/stat.proto. A map<string, string> is a repeated pair on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ..buildkit import STATUS_MESSAGES
from ..messages import classes

CONTROL = "/moby.buildkit.v1.Control/"
GATEWAY = "/moby.buildkit.v1.frontend.LLBBridge/"


def _fields(**fields: tuple[int, str] | tuple[int, str, bool]) -> dict[str, tuple[int, str, bool]]:
    return {name: (field[0], field[1], len(field) > 2 and bool(field[2])) for name, field in fields.items()}


_ALL = True    # repeated
_MESSAGES: Mapping[str, Mapping[str, tuple[int, str, bool]]] = {
    **STATUS_MESSAGES,
    "Empty": {},
    "Pair": _fields(key=(1, "string"), value=(2, "string")),
    "BytesPair": _fields(key=(1, "string"), value=(2, "bytes")),
    # -- Control
    "BuildkitVersion": _fields(package=(1, "string"), version=(2, "string"), revision=(3, "string")),
    "InfoResponse": _fields(buildkitVersion=(1, "BuildkitVersion")),
    "Platform": _fields(Architecture=(1, "string"), OS=(2, "string"), Variant=(3, "string")),
    "WorkerRecord": _fields(ID=(1, "string"), Labels=(2, "Pair", _ALL), platforms=(3, "Platform", _ALL),
                            BuildkitVersion=(5, "BuildkitVersion")),
    "ListWorkersRequest": _fields(filter=(1, "string", _ALL)),
    "ListWorkersResponse": _fields(record=(1, "WorkerRecord", _ALL)),
    "DiskUsageRequest": _fields(filter=(1, "string", _ALL)),
    "UsageRecord": _fields(ID=(1, "string"), Mutable=(2, "bool"), InUse=(3, "bool"), Size=(4, "int64"),
                           Parent=(5, "string"), CreatedAt=(6, "Timestamp"), LastUsedAt=(7, "Timestamp"),
                           UsageCount=(8, "int64"), Description=(9, "string"), RecordType=(10, "string"),
                           Shared=(11, "bool"), Parents=(12, "string", _ALL)),
    "DiskUsageResponse": _fields(record=(1, "UsageRecord", _ALL)),
    "PruneRequest": _fields(filter=(1, "string", _ALL), all=(2, "bool"), keepDuration=(3, "int64"),
                            keepBytes=(4, "int64")),
    "CacheEntry": _fields(Type=(1, "string"), Attrs=(2, "Pair", _ALL)),
    "CacheOptions": _fields(Exports=(4, "CacheEntry", _ALL), Imports=(5, "CacheEntry", _ALL)),
    "SolveRequest": _fields(Ref=(1, "string"), Exporter=(3, "string"), ExporterAttrs=(4, "Pair", _ALL),
                            Session=(5, "string"), Frontend=(6, "string"), FrontendAttrs=(7, "Pair", _ALL),
                            Cache=(8, "CacheOptions"), Internal=(11, "bool")),
    "SolveResponse": _fields(ExporterResponse=(1, "BytesPair", _ALL)),
    "StatusRequest": _fields(Ref=(1, "string")),
    # -- the gateway
    "SourceOp": _fields(identifier=(1, "string"), attrs=(2, "Pair", _ALL)),
    "Input": _fields(digest=(1, "string"), index=(2, "int64")),
    "Op": _fields(inputs=(1, "Input", _ALL), source=(3, "SourceOp")),
    "Definition": _fields(def_=(1, "bytes", _ALL)),
    "BridgeSolveRequest": _fields(Definition=(1, "Definition"), Frontend=(2, "string"), FrontendOpt=(3, "Pair", _ALL),
                                  allowResultReturn=(5, "bool"), allowResultArrayRef=(6, "bool"),
                                  Evaluate=(14, "bool")),
    "BridgeSolveResponse": _fields(ref=(1, "string"), result=(3, "bytes")),
    "Ref": _fields(id=(1, "string")),
    "RefPair": _fields(key=(1, "string"), value=(2, "Ref")),
    "RefMap": _fields(refs=(1, "RefPair", _ALL)),
    "BridgeResult": _fields(refDeprecated=(1, "string"), ref=(3, "Ref"), refs=(4, "RefMap"),
                            metadata=(10, "BytesPair", _ALL)),
    "RpcStatus": _fields(code=(1, "int32"), message=(2, "string")),
    "ReturnRequest": _fields(result=(1, "bytes"), error=(2, "RpcStatus")),
    "ReadFileRequest": _fields(Ref=(1, "string"), FilePath=(2, "string"), Range=(3, "FileRange")),
    "FileRange": _fields(Offset=(1, "int64"), Length=(2, "int64")),
    "ReadFileResponse": _fields(Data=(1, "bytes")),
    "ReadDirRequest": _fields(Ref=(1, "string"), DirPath=(2, "string"), IncludePattern=(3, "string")),
    "Stat": _fields(path=(1, "bytes"), mode=(2, "uint32"), uid=(3, "uint32"), gid=(4, "uint32"), size=(5, "int64"),
                    modTime=(6, "int64"), linkname=(7, "bytes")),
    "ReadDirResponse": _fields(entries=(1, "Stat", _ALL)),
    "StatFileRequest": _fields(Ref=(1, "string"), Path=(2, "string")),
    "StatFileResponse": _fields(stat=(1, "Stat")),
    "Mount": _fields(input=(1, "int64"), selector=(2, "string"), dest=(3, "string"), output=(4, "int64"),
                     readonly=(5, "bool"), mountType=(6, "int32"), resultID=(23, "string")),
    "NewContainerRequest": _fields(ContainerID=(1, "string"), Mounts=(2, "Mount", _ALL), Network=(3, "int32")),
    "ReleaseContainerRequest": _fields(ContainerID=(1, "string")),
    "Meta": _fields(args=(1, "string", _ALL), env=(2, "string", _ALL), cwd=(3, "string"), user=(4, "string")),
    "InitMessage": _fields(ContainerID=(1, "string"), Meta=(2, "Meta"), Fds=(3, "uint32", _ALL), Tty=(4, "bool")),
    "FdMessage": _fields(Fd=(1, "uint32"), EOF=(2, "bool"), Data=(3, "bytes")),
    "ResizeMessage": _fields(Rows=(1, "uint32"), Cols=(2, "uint32")),
    "ExitMessage": _fields(Code=(1, "uint32"), Error=(2, "RpcStatus")),
    "SignalMessage": _fields(Name=(1, "string")),
    "ExecMessage": _fields(ProcessID=(1, "string"), Init=(2, "InitMessage"), File=(3, "FdMessage"),
                           Resize=(4, "ResizeMessage"), Started=(5, "Empty"), Exit=(6, "ExitMessage"),
                           Done=(7, "Empty"), Signal=(8, "SignalMessage")),
}


@cache
def known() -> dict[str, Any]:
    """{name: message class}, made on first use."""
    return classes("moby.buildkit.client", _MESSAGES)


def pairs(values: Mapping[str, str]) -> list[Any]:
    """A map<string, string>."""
    return [known()["Pair"](key=key, value=value) for key, value in values.items()]
