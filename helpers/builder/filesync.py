"""The sender's half of fsutil's file transfer.

    we    STAT of every node, in order; an empty STAT ends them
    they  REQ of a file that they lack, by its place in that order
    we    its DATA in pieces; an empty DATA ends it
    they  FIN when they have all; we answer FIN. ERR, from either, ends it all.

The messages are those of tonistiigi/fsutil, types/wire.proto and
types/stat.proto; the order of things is described in receive.go there. The
service is moby.filesync.v1.FileSync (moby/buildkit,
session/filesync/filesync.proto); what is wanted comes as metadata, as in
filesync.go beside it.
"""

from __future__ import annotations

import os
import stat
import urllib.parse
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from ..errors import ContextError
from .grpc import UNKNOWN, Inbox, Messages, Metadata, Method, Status
from .messages import classes
from .tree import Facts, Node, Tree

STAT, REQ, DATA, FIN, ERR = range(5)

_CHUNK = 1 << 15
_MESSAGES = {
    "Stat": {
        "path": (1, "bytes", False), "mode": (2, "uint32", False), "uid": (3, "uint32", False),
        "gid": (4, "uint32", False), "size": (5, "int64", False), "modTime": (6, "int64", False),
        "linkname": (7, "bytes", False),
    },
    "Packet": {
        "type": (1, "int32", False), "stat": (2, "Stat", False), "ID": (3, "uint32", False),
        "data": (4, "bytes", False),
    },
}
_DATA_FIELD = b"\x22"   # field 4, a length and bytes: they come last in a Packet

# Go's os.FileMode, whose bits beyond the permissions are not those of st_mode.
_GO_TYPES = {stat.S_IFDIR: 1 << 31, stat.S_IFLNK: 1 << 27, stat.S_IFIFO: 1 << 25}
_GO_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}

Choose = Callable[[Metadata], Tree]


@cache
def packet() -> Any:
    """The message class of a Packet, made on first use."""
    return classes("fsutil.types", _MESSAGES)["Packet"]


def diff_copy(choose: Choose, sent: Callable[[int], None]) -> Method:
    """The method that sends the tree which `choose` finds for a call.

    `sent` is called with the size of every piece of file content.
    """
    def method(metadata: Metadata, inbox: Inbox) -> Messages:
        tree = choose(metadata)
        try:
            yield from _stats(tree)
            yield from _requests(tree, inbox, sent)
        except ContextError as error:
            yield packet()(type=ERR, data=str(error).encode("utf-8", "backslashreplace")).SerializeToString()
            raise

    return method


def values(metadata: Metadata, key: str) -> tuple[str, ...]:
    """The values of `key`; newer engines quote those that are not ASCII."""
    found = metadata.get(key, ())
    if metadata.get(f"{key}-encoded", ("",))[0] in ("1", "true"):
        return tuple(urllib.parse.unquote_plus(value, errors="surrogateescape") for value in found)
    return found


def go_mode(mode: int) -> int:
    """st_mode as Go's os.FileMode."""
    bits = sum(go for unix, go in _GO_BITS.items() if mode & unix)
    return mode & 0o777 | _GO_TYPES.get(stat.S_IFMT(mode), 0) | bits


def st_mode(mode: int) -> int:
    """Go's os.FileMode as st_mode."""
    kind = next((unix for unix, go in _GO_TYPES.items() if mode & go), stat.S_IFREG)
    return mode & 0o777 | kind | sum(unix for unix, go in _GO_BITS.items() if mode & go)


def stat_packet(path: str, facts: Facts) -> bytes:
    # Owner and group stay 0, as with the Docker CLI.
    message = packet()(type=STAT)
    message.stat.path = os.fsencode(path)
    message.stat.mode = go_mode(facts.mode)
    message.stat.size = facts.size
    message.stat.modTime = facts.mtime
    message.stat.linkname = os.fsencode(facts.target)
    return message.SerializeToString()


def _stats(tree: Tree) -> Iterator[bytes]:
    for node in tree.nodes:
        yield stat_packet(node.path, tree.facts(node))
    yield packet()(type=STAT).SerializeToString()


def _requests(tree: Tree, inbox: Inbox, sent: Callable[[int], None]) -> Iterator[bytes | None]:
    while True:
        while inbox:
            message = inbox.popleft()
            if message is None:
                return
            asked = packet().FromString(message)
            if asked.type == FIN:
                yield packet()(type=FIN).SerializeToString()
                return
            if asked.type == ERR:
                raise Status(UNKNOWN, asked.data.decode("utf-8", "replace"))
            if asked.type == REQ:
                yield from _content(tree, asked.ID, sent)
        yield None


def _content(tree: Tree, number: int, sent: Callable[[int], None]) -> Iterator[bytes]:
    node = tree.nodes[number] if number < len(tree.nodes) else Node("", 0)
    if node.kind != stat.S_IFREG:
        raise Status(UNKNOWN, f"there is no file number {number}")
    # Only the piece differs from packet to packet: protobuf makes the rest once.
    head = packet()(type=DATA, ID=number).SerializeToString()
    for piece in tree.read(node, _CHUNK):
        sent(len(piece))
        yield b"".join((head, _DATA_FIELD, _varint(len(piece)), piece))
    yield head


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
