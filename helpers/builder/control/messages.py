"""The messages of BuildKit's control and gateway services: the fields that the client uses.

From moby/buildkit: api/services/control/control.proto, frontend/gateway/pb/gateway.proto, solver/pb/ops.proto, and
tonistiigi/fsutil, types/stat.proto."""

from collections.abc import Mapping
from typing import Any

from ..buildkit import STATUS
from ..messages import Messages

CONTROL = "/moby.buildkit.v1.Control/"
GATEWAY = "/moby.buildkit.v1.frontend.LLBBridge/"
FRONTEND = "dockerfile.v0"    # BuildKit's own reader of Dockerfiles

PROTO = Messages("moby.buildkit.client", STATUS + """
    message Empty {}
    message Pair { string key = 1; string value = 2; }
    message BytesPair { string key = 1; bytes value = 2; }
    // Control
    message BuildkitVersion { string package = 1; string version = 2; string revision = 3; }
    message InfoResponse { BuildkitVersion buildkitVersion = 1; }
    message Platform { string Architecture = 1; string OS = 2; string Variant = 3; }
    message WorkerRecord { string ID = 1; repeated Pair Labels = 2; repeated Platform platforms = 3; }
    message ListWorkersRequest { repeated string filter = 1; }
    message ListWorkersResponse { repeated WorkerRecord record = 1; }
    message DiskUsageRequest { repeated string filter = 1; }
    message UsageRecord {
        string ID = 1; bool InUse = 3; int64 Size = 4; string Parent = 5; int64 UsageCount = 8; string Description = 9;
        string RecordType = 10; bool Shared = 11; repeated string Parents = 12; }
    message DiskUsageResponse { repeated UsageRecord record = 1; }
    message PruneRequest { repeated string filter = 1; bool all = 2; }
    message CacheEntry { string Type = 1; repeated Pair Attrs = 2; }
    message CacheOptions { repeated CacheEntry Exports = 4; }
    message SolveRequest {
        string Ref = 1; string Exporter = 3; repeated Pair ExporterAttrs = 4; string Session = 5; string Frontend = 6;
        repeated Pair FrontendAttrs = 7; CacheOptions Cache = 8; bool Internal = 11; }
    message SolveResponse { repeated BytesPair ExporterResponse = 1; }
    message StatusRequest { string Ref = 1; }
    // the gateway
    message SourceOp { string identifier = 1; repeated Pair attrs = 2; }
    message Input { string digest = 1; }
    message Op { repeated Input inputs = 1; SourceOp source = 3; }
    message Definition { repeated bytes def_ = 1; }
    message BridgeSolveRequest {
        Definition Definition = 1; string Frontend = 2; repeated Pair FrontendOpt = 3; bool allowResultReturn = 5;
        bool allowResultArrayRef = 6; bool Evaluate = 14; }
    message BridgeSolveResponse { bytes result = 3; }
    message Ref { string id = 1; }
    message RefPair { string key = 1; Ref value = 2; }
    message RefMap { repeated RefPair refs = 1; }
    message BridgeResult {
        string refDeprecated = 1; Ref ref = 3; RefMap refs = 4; repeated BytesPair metadata = 10; }
    message RpcStatus { int32 code = 1; string message = 2; }
    message ReturnRequest { RpcStatus error = 2; }
    message ReadFileRequest { string Ref = 1; string FilePath = 2; FileRange Range = 3; }
    message FileRange { int64 Offset = 1; int64 Length = 2; }
    message ReadFileResponse { bytes Data = 1; }
    message ReadDirRequest { string Ref = 1; string DirPath = 2; }
    message Stat {
        bytes path = 1; uint32 mode = 2; uint32 uid = 3; uint32 gid = 4; int64 size = 5; int64 modTime = 6;
        bytes linkname = 7; }
    message ReadDirResponse { repeated Stat entries = 1; }
    message StatFileRequest { string Ref = 1; string Path = 2; }
    message StatFileResponse { Stat stat = 1; }
    message Mount {
        string selector = 2; string dest = 3; bool readonly = 5; int32 mountType = 6; string resultID = 23; }
    message NewContainerRequest { string ContainerID = 1; repeated Mount Mounts = 2; int32 Network = 3; }
    message ReleaseContainerRequest { string ContainerID = 1; }
    message Meta { repeated string args = 1; repeated string env = 2; string cwd = 3; string user = 4; }
    message InitMessage { string ContainerID = 1; Meta Meta = 2; repeated uint32 Fds = 3; bool Tty = 4; }
    message FdMessage { uint32 Fd = 1; bool EOF = 2; bytes Data = 3; }
    message ResizeMessage { uint32 Rows = 1; uint32 Cols = 2; }
    message ExitMessage { uint32 Code = 1; RpcStatus Error = 2; }
    message ExecMessage {
        string ProcessID = 1; InitMessage Init = 2; FdMessage File = 3; ResizeMessage Resize = 4; Empty Started = 5;
        ExitMessage Exit = 6; Empty Done = 7; }
    """)


def pairs(values: Mapping[str, str]) -> list[Any]:
    """A map<string, string>."""
    return [PROTO.Pair(key=key, value=value) for key, value in values.items()]
