"""What it takes to give back a layer's tar byte for byte from its files: containers/storage's
tar-split, lines of JSON in gzip.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import tarfile
from pathlib import Path

from fastcrc.crc64 import go_iso  # it is written in Go, with Go's own polynomial


class Writer:
    """The lines of a tar-split file: segments of raw bytes, and files by name."""

    def __init__(self, path: Path) -> None:
        self._file, self._position = gzip.open(path, "wb", compresslevel=1), 0  # noqa: SIM115

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def segment(self, raw: bytes) -> None:
        self._line({"type": 2, "payload": base64.b64encode(raw).decode()})

    def file(self, member: tarfile.TarInfo, content: memoryview) -> None:
        size = len(content)
        raw = os.fsencode(member.name)
        plain = raw == member.name.encode("utf-8", "replace")
        called = {"name": member.name} if plain else {"name_raw": base64.b64encode(raw).decode()}
        self._line({"type": 1, **called, **({"size": size} if size else {}),
                    "payload": base64.b64encode(go_iso(content).to_bytes(8, "big")).decode() if size else None})

    def _line(self, entry: dict) -> None:
        self._file.write(json.dumps(entry | {"position": self._position}, separators=(",", ":")).encode() + b"\n")
        self._position += 1


def size(split: Path) -> int:
    """Bytes of the tar that a tar-split file stands for."""
    with gzip.open(split, "rb") as lines:
        return sum(each.get("size", 0) if each["type"] == 1 else len(base64.b64decode(each["payload"]))
                   for each in map(json.loads, lines))
