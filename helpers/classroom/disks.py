"""A disk of its own for each learner's home and engine: a file on a loop device, whose size the kernel holds.

Docker's own limits of volumes and containers take project quotas, which few machines have set up. A loop device takes
an engine that lends them: every Docker Engine that is root does. A container that attaches one lives for a second; the
learners' own are lent none.
"""

from collections.abc import Callable, Mapping, Sequence

from docker import APIClient
from docker.errors import APIError, NotFound

from ..errors import CourseError
from . import containers
from .room import PART, Room

SIZES = {"home": 1_000_000_000, "engine": 6_000_000_000}    # bytes; files take only what is written
_PLACE = "/disks"
_LOOPS = ["b 7:* rmw", "c 10:237 rmw"]      # the kernel's devices.txt: loop devices, and what makes them
_FILES = "disks"     # the part of the volume in which they lie
# Arguments: NAME SIZE, again and again. Prints the device of each. The part of a file that was half made is made again.
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
    """Make a learner's volumes, {name: kind of SIZES}, or what is missing of them. Those that exist are attached again
    where the machine was restarted. Raises CourseError."""
    devices = _run(api, room, _ATTACH, [word for name, kind in volumes.items() for word in (name, str(SIZES[kind]))]
                   ) if room.limited else ["" for _ in volumes]
    for (name, kind), device in zip(volumes.items(), devices):
        if device and _device(api, name) not in (None, device):
            api.remove_volume(name)     # its files are on the disk
        api.create_volume(name, labels={**room.labels, PART: kind},
                          driver_opts={"type": "ext4", "device": device, "o": "discard,nosuid,nodev"} if device else {})


def _device(api: APIClient, volume: str) -> str | None:
    """The device of a volume, '' for one without; None where there is no such volume."""
    try:
        return (api.inspect_volume(volume)["Options"] or {}).get("device", "")
    except NotFound:
        return None


def remove(api: APIClient, room: Room, volumes: Sequence[str]) -> None:
    """Remove volumes and their disks. Raises CourseError, and the engine's errors for one in use."""
    for name in volumes:
        try:
            api.remove_volume(name)
        except NotFound:
            continue
    if room.limited:
        _run(api, room, _DETACH, volumes)


def available(api: APIClient, room: Room, report: Callable[[str], None]) -> bool:
    """Whether this engine lets each learner have a disk of its own; why not is reported."""
    name = f"{room.name}-probe"
    try:
        _run(api, room, _ATTACH, [name, "8000000"])
        _run(api, room, _DETACH, [name])
        return True
    except (CourseError, APIError) as error:
        report(f"The disk has no limit for each learner, since this engine attaches no loop device: {error}")
        return False


def _run(api: APIClient, room: Room, script: str, words: Sequence[str]) -> list[str]:
    """The lines that a script prints in a container with the loop devices. Raises CourseError where it fails."""
    files = f"{room.name}-{_FILES}"
    api.create_volume(files, labels={**room.labels, PART: _FILES})
    output = containers.run_as_root(
        api, room, ["sh", "-ec", script, "sh", *words], "The disk of a learner could not be attached.",
        "`losetup --list` shows the loop devices of this machine.", working_dir=_PLACE, network_mode="none",
        binds={files: {"bind": _PLACE}, "/dev": {"bind": "/dev"}}, device_cgroup_rules=_LOOPS)
    return output.split()
