"""A size-limited disk for each learner's home and engine: a file on a loop device.

Docker's own size limits need project quotas, which few machines have set up. Loop devices need only a Docker Engine
that runs as root. A short-lived container attaches them; the learners' containers get no access to devices.
"""

from collections.abc import Callable, Mapping, Sequence

from docker import APIClient
from docker.errors import APIError, NotFound

from ..errors import CourseError
from . import containers
from .room import PART, Room

SIZES = {"home": 1_000_000_000, "engine": 6_000_000_000}    # bytes; the files are sparse
_PLACE = "/disks"
_LOOPS = ["b 7:* rmw", "c 10:237 rmw"]      # the kernel's devices.txt: loop devices, loop-control
_FILES = "disks"     # the part label of the volume that holds the files
# Arguments: NAME SIZE, repeated. Prints the device of each. A partly made file is made again.
_ATTACH = """
while [ "$1" ]; do
  if [ ! -e "$1.img" ]; then
    rm -f "$1.part" && truncate --size "$2" "$1.part"
    mkfs.ext4 -q -m 0 -E root_owner=1000:1000,lazy_itable_init=1,lazy_journal_init=1 "$1.part" && mv "$1.part" "$1.img"
  fi
  attached() { losetup --associated "$PWD/$1.img" --noheadings --output NAME; }
  [ "$(attached "$1")" ] || losetup --find --direct-io=on "$PWD/$1.img" 2>/dev/null || true
  [ "$(attached "$1")" ] || losetup --find "$PWD/$1.img"
  attached "$1"
  shift 2
done"""
_DETACH = """
for name; do
  for device in $(losetup --associated "$PWD/$name.img" --noheadings --output NAME); do losetup --detach "$device"; done
  rm -f "$name.img"
done"""


def make(api: APIClient, room: Room, volumes: Mapping[str, str]) -> None:
    """Make a learner's missing volumes, {name: kind in SIZES}, and reattach existing ones after a restart of the
    machine. Raises CourseError."""
    devices = _run(api, room, _ATTACH, [word for name, kind in volumes.items() for word in (name, str(SIZES[kind]))]
                   ) if room.limited else ["" for _ in volumes]
    for (name, kind), device in zip(volumes.items(), devices):
        if device and _device(api, name) not in (None, device):
            api.remove_volume(name)     # the data stays in the disk's file
        api.create_volume(name, labels={**room.labels, PART: kind},
                          driver_opts={"type": "ext4", "device": device, "o": "discard,nosuid,nodev"} if device else {})


def _device(api: APIClient, volume: str) -> str | None:
    """The device of a volume, '' if it has none; None if there is no such volume."""
    try:
        return (api.inspect_volume(volume)["Options"] or {}).get("device", "")
    except NotFound:
        return None


def remove(api: APIClient, room: Room, volumes: Sequence[str]) -> None:
    """Remove volumes and their disks. Raises CourseError, and the engine's error for a volume in use."""
    for name in volumes:
        try:
            api.remove_volume(name)
        except NotFound:
            continue
    if room.limited:
        _run(api, room, _DETACH, volumes)


def available(api: APIClient, room: Room, report: Callable[[str], None]) -> bool:
    """Whether this engine can attach loop devices; if not, `report` gets the reason."""
    name = f"{room.name}-probe"
    try:
        _run(api, room, _ATTACH, [name, "8000000"])
        _run(api, room, _DETACH, [name])
        return True
    except (CourseError, APIError) as error:
        report(f"Learners' disks have no size limit, because this engine cannot attach loop devices: {error}")
        return False


def _run(api: APIClient, room: Room, script: str, words: Sequence[str]) -> list[str]:
    """Run a script in a container that may use loop devices; returns its output as words. Raises CourseError."""
    files = f"{room.name}-{_FILES}"
    api.create_volume(files, labels={**room.labels, PART: _FILES})
    output = containers.run_as_root(
        api, room, ["sh", "-ec", script, "sh", *words], "A learner's disk could not be attached.",
        "Free disk space, or detach unused loop devices: `losetup --list`.", working_dir=_PLACE, network_mode="none",
        binds={files: {"bind": _PLACE}, "/dev": {"bind": "/dev"}}, device_cgroup_rules=_LOOPS)
    return output.split()
