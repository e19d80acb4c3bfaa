"""The entries of one layer: a column for each property and a row for each entry, since a layer may have millions.
Properties that few entries have are in dictionaries, by row number."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
from array import array
from dataclasses import dataclass, field
from typing import Any

from ..formats import Elf, Package
from .byte_stream import Damaged

_FORMAT = b"layer entries 9"     # raise the number when the readers of `formats` find more
_SEAL = 32        # bytes of a SHA-256
_BLOCK = 8192     # paths that are encoded together


@dataclass(frozen=True, slots=True)
class Program:
    """What an executable file is."""

    elf: Elf | None = None         # None for a script
    interpreter: str = ""          # of a script, with its arguments
    marks: tuple[str, ...] = ()    # programs recognized in its bytes: 'busybox', 'bash'
    applets: tuple[str, ...] = ()  # the tools in a multi-call binary


@dataclass
class Entries:
    """The entries of a layer in the archive's order, without whiteouts."""

    paths: list[str] = field(default_factory=list)  # absolute
    kinds: bytearray = field(default_factory=bytearray)  # the letters of `archive.Member`
    modes: array = field(default_factory=lambda: array("H"))
    uids: array = field(default_factory=lambda: array("I"))
    gids: array = field(default_factory=lambda: array("I"))
    sizes: array = field(default_factory=lambda: array("Q"))  # bytes
    links: dict[int, str] = field(default_factory=dict)  # {row: target of a symbolic or hard link}
    capabilities: dict[int, str] = field(default_factory=dict)  # {row: file capabilities in hexadecimal}
    programs: dict[int, Program] = field(default_factory=dict)  # {row: Program}
    packages: dict[int, tuple[Package, ...]] = field(default_factory=dict)  # {row: packages recorded in the file}
    texts: dict[int, str] = field(default_factory=dict)  # {row: content of os-release, or the paths in ld.so.cache}
    hidden: list[str] = field(default_factory=list)  # paths that it removes from lower layers
    emptied: list[str] = field(default_factory=list)  # directories whose content it removes from lower layers

    def __len__(self) -> int:
        return len(self.paths)

    def kind(self, row: int) -> str:
        """The letter of an entry's kind."""
        return chr(self.kinds[row])

    def __getstate__(self) -> dict[str, Any]:
        # A million paths take a hundred megabytes, so they are encoded and decoded in blocks.
        return {**self.__dict__, "paths": ["\0".join(self.paths[at:at + _BLOCK]).encode("utf-8", "surrogateescape")
                                           for at in range(0, len(self.paths), _BLOCK)]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        blocks, paths = state["paths"], list[str]()
        while blocks:
            paths += blocks.pop(0).decode("utf-8", "surrogateescape").split("\0")
        self.__dict__.update(state, paths=paths)

    def to_bytes(self) -> bytes:
        """Serialize, compress, and put a hash in front."""
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as file:
            pickler = pickle.Pickler(file, 5)
            pickler.fast = True    # no memo, which would hold every block
            pickler.dump(self)
        return _seal(packed.getbuffer()) + packed.getvalue()

    @staticmethod
    def from_bytes(data: bytes) -> Entries:
        """Read what `to_bytes` wrote. Raises Damaged for anything else."""
        body = memoryview(data)[_SEAL:]
        if _seal(body) != data[:_SEAL]:
            raise Damaged("the hash is wrong")   # damaged, or of another version of the course
        return _Reader(gzip.GzipFile(fileobj=io.BytesIO(body))).load()


class _Reader(pickle.Unpickler):
    """Loads these classes and no others, so that a file cannot run code."""

    _KNOWN = {(each.__module__, each.__name__): each for each in (Entries, Program, Elf, Package)}

    def find_class(self, module: str, name: str) -> Any:
        if module == "array":
            return super().find_class(module, name)
        if (module, name) not in self._KNOWN:
            raise Damaged(f"it holds a {module}.{name}")
        return self._KNOWN[module, name]


def _seal(body: bytes | memoryview) -> bytes:
    return hashlib.sha256(_FORMAT + body).digest()
