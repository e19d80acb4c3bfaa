"""Firewall rules that let sessions reach only the hub, the live view and a kit's packages on the machine.

Docker's own rules filter forwarded traffic. Traffic to the machine itself arrives on the bridge of the sessions'
network; a short-lived container sets two rules there, which last until the machine restarts.
"""

import contextlib
from collections.abc import Callable

from docker import APIClient
from docker.errors import APIError

from ..errors import CourseError
from . import containers
from .room import Room

_HOST = "/host"
# Arguments: BRIDGE [PORTS]. Removes the rules of an earlier class first. UDP 53: the machine may serve DNS.
_SCRIPT = """
iptables --wait -S INPUT | grep -F -e "-i $1 " | sed 's/^-A/-D/' | while read -r rule; do iptables --wait $rule; done
[ "$2" ] || exit 0
new() { iptables --wait -I INPUT -i "$@" -j REJECT; }
new "$1" -p tcp -m conntrack --ctstate NEW -m multiport ! --dports "$2"
new "$1" -p udp -m conntrack --ctstate NEW -m udp ! --dport 53"""


def close(api: APIClient, room: Room, report: Callable[[str], None]) -> bool:
    """Close the machine to sessions, except for the class's own ports and DNS. Returns whether that worked; if not,
    `report` gets the reason."""
    ports = {53, room.hub_port, room.view_port, room.packages_port} - {0}
    try:
        _set(api, room, ",".join(map(str, sorted(ports))))
        return True
    except (CourseError, APIError) as error:
        report("Sessions can reach every service on this machine that listens on all addresses, because the firewall "
               f"could not be set: {error}")
        return False


def remove(api: APIClient, room: Room) -> None:
    """Remove the rules. A failure is harmless: the bridge they name is removed with the class."""
    with contextlib.suppress(CourseError, APIError):
        _set(api, room, "")


def _set(api: APIClient, room: Room, ports: str) -> None:
    """Uses the machine's own iptables, which knows whether the machine uses nft or legacy tables."""
    bridge = f"br-{api.inspect_network(room.name)['Id'][:12]}"     # Docker's name for it
    containers.run_as_root(
        api, room, ["chroot", _HOST, "sh", "-ec", _SCRIPT, "sh", bridge, ports], "The firewall could not be set.",
        "`iptables --list-rules INPUT` shows this machine's rules.", network_mode="host", cap_add=["NET_ADMIN"],
        security_opt=["label=disable"], binds={"/": {"bind": _HOST}})
