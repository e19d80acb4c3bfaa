"""/etc/ld.so.cache, the libraries that ldconfig found. A loader looks there and not into the directories of
/etc/ld.so.conf: a library that is copied into one is not found until ldconfig has run. Source of the format: glibc,
sysdeps/generic/dl-cache.h, `struct cache_file_new`."""

from struct import Struct

_MAGIC = b"glibc-ld.so.cache1.1"
_HEAD = Struct("<20sII20x")      # magic, number of entries, bytes of strings, the rest unused here
_ENTRY = Struct("<iIIIQ")        # kind, offset of the name, offset of the path, two unused here
_ENTRIES_LIMIT, _PATH_LIMIT = 20_000, 4096


def libraries(data: bytes) -> list[str]:
    """The paths in the cache, those that the loader prefers first; [] if it is none."""
    start = data.find(_MAGIC)      # may follow a table in an older format
    if start < 0 or len(data) < start + _HEAD.size:
        return []
    _, count, _ = _HEAD.unpack_from(data, start)
    at = start + _HEAD.size
    count = min(count, _ENTRIES_LIMIT, (len(data) - at) // _ENTRY.size)
    paths = []
    for _, _, place, _, _ in _ENTRY.iter_unpack(data[at:at + count * _ENTRY.size]):
        raw, nul, _ = data[start + place:start + place + _PATH_LIMIT].partition(b"\0")
        if nul and raw.startswith(b"/"):
            paths.append(raw.decode("utf-8", "replace"))
    return list(dict.fromkeys(paths))
