"""The sender's half of fsutil's file transfer.

    we    STAT of every node, in order; an empty STAT ends them
    they  REQ of a file that they lack, by its number in that order
    we    its DATA in pieces; an empty DATA ends it
    they  FIN at the end; we answer FIN. ERR, from either, ends the transfer.

The messages are those of tonistiigi/fsutil, types/wire.proto and types/stat.proto, in the order of receive.go there.
The service is moby.filesync.v1.FileSync (moby/buildkit, session/filesync/filesync.proto); metadata names the files, as
in filesync.go there.
"""

import os
import stat
import urllib.parse
from collections.abc import Callable, Iterator

from ..errors import ContextError
from .messages import Messages
from .services import Metadata, Method, Status, Stream
from .tree import Facts, FileTree, Node

STAT, REQ, DATA, FIN, ERR = range(5)

_CHUNK = 1 << 17
_PROTO = Messages("fsutil.types", """
    message Stat { bytes path = 1; uint32 mode = 2; int64 size = 5; int64 modTime = 6; bytes linkname = 7; }
    message Packet { int32 type = 1; Stat stat = 2; uint32 ID = 3; bytes data = 4; }
    """)

# Bits of Go's os.FileMode that differ from st_mode.
_GO_TYPES = {stat.S_IFDIR: 1 << 31, stat.S_IFLNK: 1 << 27, stat.S_IFIFO: 1 << 25}
_GO_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


def diff_copy(choose: Callable[[Metadata], FileTree], sent: Callable[[int], None]) -> Method:
    """The method that sends the tree that `choose` returns for a call; `sent` is called with the size of each piece."""
    def method(metadata: Metadata, messages: Stream) -> Stream:
        tree = choose(metadata)
        try:
            yield from (stat_packet(node.path, tree.facts(node)) for node in tree.nodes)
            yield _PROTO.Packet(type=STAT).SerializeToString()
            yield from _requests(tree, messages, sent)
        except ContextError as error:
            yield _PROTO.Packet(type=ERR, data=str(error).encode("utf-8", "backslashreplace")).SerializeToString()
            raise

    return method


def values(metadata: Metadata, key: str) -> tuple[str, ...]:
    """The values of `key`; newer engines quote them if they are not ASCII."""
    found = tuple(metadata.get(key, ()))
    if metadata.get(f"{key}-encoded", ("",))[0] in ("1", "true"):
        return tuple(urllib.parse.unquote_plus(value, errors="surrogateescape") for value in found)
    return found


def go_mode(mode: int) -> int:
    """st_mode as Go's os.FileMode. Source: Go, io/fs."""
    bits = sum(go for unix, go in _GO_BITS.items() if mode & unix)
    return mode & 0o777 | _GO_TYPES.get(stat.S_IFMT(mode), 0) | bits


def st_mode(mode: int) -> int:
    """Go's os.FileMode as st_mode."""
    kind = next((unix for unix, go in _GO_TYPES.items() if mode & go), stat.S_IFREG)
    return mode & 0o777 | kind | sum(unix for unix, go in _GO_BITS.items() if mode & go)


def stat_packet(path: str, facts: Facts) -> bytes:
    """A PACKET_STAT message on one file, with owner and group 0, as with the Docker CLI."""
    facts_of = _PROTO.Stat(path=os.fsencode(path), mode=go_mode(facts.mode), size=facts.size, modTime=facts.mtime,
                           linkname=os.fsencode(facts.target))
    return _PROTO.Packet(type=STAT, stat=facts_of).SerializeToString()


def _requests(tree: FileTree, messages: Stream, sent: Callable[[int], None]) -> Stream:
    for message in messages:
        asked = _PROTO.Packet.FromString(message)
        if asked.type == FIN:
            yield _PROTO.Packet(type=FIN).SerializeToString()
            return
        if asked.type == ERR:
            raise Status("UNKNOWN", asked.data.decode("utf-8", "replace"))
        if asked.type == REQ:
            yield from _content(tree, asked.ID, sent)


def _content(tree: FileTree, number: int, sent: Callable[[int], None]) -> Iterator[bytes]:
    node = tree.nodes[number] if number < len(tree.nodes) else Node("", 0)
    if node.kind != stat.S_IFREG:
        raise Status("UNKNOWN", f"there is no file number {number}")
    for piece in tree.read(node, _CHUNK):
        sent(len(piece))
        yield _PROTO.Packet(type=DATA, ID=number, data=piece).SerializeToString()
    yield _PROTO.Packet(type=DATA, ID=number).SerializeToString()
