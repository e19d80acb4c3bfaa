"""The bridge and the firewall rules of an engine that the course owns.

dockerd adds rules of its own and takes none back when it ends. What stood there before is noted at the start, so that
`sweep` leaves the machine as it was found. Public functions take the engine's folder: one folder, one bridge. The
bridge of an engine that was killed, and whose folder may be gone, is taken away by the next start."""

import hashlib
import json
import os
import re
import socket
import subprocess
from pathlib import Path

from .. import paths
from ..errors import EngineError

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_POOLS = {  # subnet of the bridge -> first two bytes of the networks that are made in its engine
    "172.31.77.1/24": "10.232", "172.31.78.1/24": "10.233",
    "10.231.77.1/24": "10.234", "192.168.231.1/24": "10.235",
}
_SUBNETS = tuple(_POOLS)
_CHAINS = (  # what dockerd adds to the firewall besides rules that name the bridge
    ("filter", "FORWARD", "DOCKER-USER"),
    ("filter", "FORWARD", "DOCKER-ISOLATION-STAGE-1"),
    ("nat", "PREROUTING", "DOCKER"),
    ("nat", "OUTPUT", "DOCKER"),
)
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_NOTE = "before.json"    # what the machine was like before the start


def run(*command: str) -> subprocess.CompletedProcess:
    """Run a tool of the system; its output is text, and failing is no exception."""
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": PATH})


def bridge(folder: Path) -> str:
    """Name of the bridge: one for each folder, at most 15 characters."""
    return f"course-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]}"


def address(folder: Path) -> str:
    """The bridge's hardware address: locally administered, for one machine. A bridge without one takes that of a port,
    and another when that port's container ends: the connections of the other containers hang then."""
    digest = hashlib.sha256(os.fsencode(folder)).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def network(subnet: str) -> str:
    """'172.31.77.1/24' -> '172.31.77.0/24'."""
    return f"{subnet.rsplit('.', 1)[0]}.0/24"


def pool(subnet: str) -> str:
    """'172.31.77.1/24' -> '10.232.0.0/16': addresses for networks that are made in the engine
    on that bridge, which no other engine of the course gives out."""
    return f"{_POOLS[subnet]}.0.0/16"


def prepare(folder: Path) -> str:
    """Make the bridge and note what the firewall is like; the bridge's subnet. Raises EngineError where the network may
    not be changed."""
    for name in _orphans():
        _remove(name)
    subnet = _make_bridge(folder)
    _forget_another_subnet(folder, subnet)
    policy = run("iptables", "-S", "FORWARD").stdout
    paths.write_whole(folder / _NOTE, json.dumps({
        "forward_accepts": "-P FORWARD ACCEPT" in policy,
        "ip_forward": _FORWARD.read_text().strip(),
        "had_chains": run("iptables", "-nL", "DOCKER-USER").returncode == 0}).encode())
    return subnet


def sweep(folder: Path) -> None:
    """Take back what `prepare` and dockerd changed."""
    _remove(bridge(folder))
    note = folder / _NOTE
    if note.exists():
        _restore(_noted(note))
        note.unlink()


def _make_bridge(folder: Path) -> str:
    """Make the bridge with the first subnet that no route of the machine holds."""
    routes, name = run("ip", "-4", "route").stdout, bridge(folder)
    subnet = next((s for s in _SUBNETS if s.rsplit(".", 1)[0] not in routes), _SUBNETS[0])
    run("ip", "link", "add", "name", name, "type", "bridge")
    run("ip", "link", "set", name, "address", address(folder))
    run("ip", "addr", "replace", subnet, "dev", name)
    made = run("ip", "link", "set", name, "up")
    if made.returncode:
        raise EngineError("The course's engine has no network bridge.", why=made.stderr.strip(),
                          remedy="It needs root with the right to change the network (in a container: "
                                 "--privileged), and the package iproute2.")
    return subnet


def _orphans() -> list[str]:
    """Bridges of the course's engines that no longer run: with the hardware address that `address` gives, and no
    engine listening. Sockets are listed for the whole network namespace, whoever opened them (proc(5))."""
    links = run("ip", "-o", "link", "show", "type", "bridge").stdout
    ours = {name for name, digest, *rest in re.findall(
        r"^\d+: (course-([0-9a-f]{8})):.* link/ether 02:(..):(..):(..):(..):", links, re.MULTILINE)
        if digest == "".join(rest)}
    sockets = (line.split()[7:] for line in Path("/proc/net/unix").read_text().splitlines()[1:])
    alive = {bridge(Path(path[0]).parent) for path in sockets if path}
    return sorted(ours - alive)


def _subnet(name: str) -> str:
    """The subnet of a bridge of the course: '172.31.77.1/24'; '' if it has none of them."""
    words = run("ip", "-o", "-4", "addr", "show", "dev", name).stdout.split()
    return next((word for word in words if word in _POOLS), "")


def _forget_another_subnet(folder: Path, subnet: str) -> None:
    """dockerd keeps its networks' addresses over a restart, and would put the bridge's old one in place of the
    new one, which another bridge holds by now. Where they differ it forgets its networks, and makes them again."""
    last = folder / "subnet"
    if (last.read_text() if last.exists() else _SUBNETS[0]) != subnet:
        (folder / "data/network/files/local-kv.db").unlink(missing_ok=True)
    paths.write_whole(last, subnet.encode())


def _bridges(name: str, subnet: str) -> set[str]:
    """An engine's bridge, and those of networks that were made in the engine."""
    addresses = [line.split() for line in run("ip", "-o", "-4", "addr").stdout.splitlines()]
    return {name} | {words[1] for words in addresses if words[1].startswith("br-") and subnet
                     and words[3].startswith(f"{_POOLS[subnet]}.")}


def _noted(note: Path) -> dict:
    """What was noted. One that cannot be read says: change nothing that may not be ours."""
    careful = {"forward_accepts": False, "ip_forward": "", "had_chains": True}
    try:
        return {**careful, **json.loads(note.read_text())}
    except (ValueError, TypeError):
        return careful


def _remove(name: str) -> None:
    """Remove an engine's bridges, and the firewall's rules that name them or their addresses. The subnet is the one
    that the bridge has: what a note says may be another engine's since."""
    subnet = _subnet(name)
    bridges = _bridges(name, subnet)
    sources = (network(subnet), f"{_POOLS[subnet]}.") if subnet else ()
    for table in ("filter", "nat"):
        for rule in run("iptables", "-t", table, "-S").stdout.splitlines():
            words = rule.split()
            ours = bridges & set(words) or ("MASQUERADE" in words and any(word.startswith(sources) for word in words))
            if words[:1] == ["-A"] and ours:
                run("iptables", "-t", table, "-D", *words[1:])
    for each in sorted(bridges):
        run("ip", "link", "del", each)


def _restore(before: dict) -> None:
    """Give the firewall and the kernel the settings back that were noted."""
    if not before["had_chains"]:
        _remove_chains()
    if before["forward_accepts"]:
        run("iptables", "-P", "FORWARD", "ACCEPT")
    if before["ip_forward"] == "0":
        _FORWARD.write_text("0")


def _remove_chains() -> None:
    for table, parent, chain in _CHAINS:
        for rule in run("iptables", "-t", table, "-S", parent).stdout.splitlines():
            if rule.startswith("-A") and rule.split()[-1] == chain:
                run("iptables", "-t", table, "-D", *rule.split()[1:])
    for table in ("filter", "nat"):
        chains = [line.split()[1] for line in run("iptables", "-t", table, "-S").stdout.splitlines()
                  if line.startswith("-N DOCKER")]
        for flag in ("-F", "-X"):
            for chain in chains:
                run("iptables", "-t", table, flag, chain)
