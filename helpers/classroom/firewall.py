"""What sessions of a class reach of the machine: the hub, the live view, the packages of a kit, and nothing else.

The engine's own rules are about what it forwards. What sessions send to the machine itself arrives from the bridge of
their network; two rules on it are set here, by a container that lives for a second. They last until the machine is
restarted.
"""

import contextlib
from collections.abc import Callable

from docker import APIClient
from docker.errors import APIError

from ..errors import CourseError
from . import containers
from .room import Room

_HOST = "/host"
_NAMES = "53"     # the machine may answer for DNS
# Arguments: BRIDGE [PORTS]. Rules that an earlier class left are removed first.
_SCRIPT = """
iptables --wait -S INPUT | grep -F -e "-i $1 " | sed 's/^-A/-D/' | while read -r rule; do iptables --wait $rule; done
[ "$2" ] || exit 0
new() { iptables --wait -I INPUT -i "$@" -j REJECT; }
new "$1" -p tcp -m conntrack --ctstate NEW -m multiport ! --dports "$2"
new "$1" -p udp -m conntrack --ctstate NEW -m udp ! --dport 53"""


def close(api: APIClient, room: Room, report: Callable[[str], None]) -> bool:
    """Let sessions reach nothing of the machine but the class; whether it can. Why not is reported."""
    ports = {room.hub_port, room.view_port, room.packages_port} - {0}
    try:
        _set(api, room, ",".join([_NAMES, *map(str, sorted(ports))]))
        return True
    except (CourseError, APIError) as error:
        report("Sessions reach every service of this machine that listens on all its addresses, since its firewall "
               f"cannot be set: {error}")
        return False


def remove(api: APIClient, room: Room) -> None:
    """Remove the rules; they name a bridge that goes with the class, so one that is left harms nobody."""
    with contextlib.suppress(CourseError, APIError):
        _set(api, room, "")


def _set(api: APIClient, room: Room, ports: str) -> None:
    """With the machine's own iptables: it knows which of the kernel's firewalls the machine uses."""
    bridge = f"br-{api.inspect_network(room.name)['Id'][:12]}"     # as Docker calls it
    containers.run_as_root(
        api, room, ["chroot", _HOST, "sh", "-ec", _SCRIPT, "sh", bridge, ports], "The firewall could not be set.",
        "`iptables --list-rules INPUT` shows the rules of this machine.", network_mode="host", cap_add=["NET_ADMIN"],
        security_opt=["label=disable"], binds={"/": {"bind": _HOST}})
