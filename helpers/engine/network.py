"""The bridge and firewall rules of the course's dockerd, which itself removes none when it ends.

`prepare` records the machine's settings, which `sweep` restores. Each engine's folder has its bridge. The bridges of
engines that were killed are removed by the next start, since their folder may be gone."""

import contextlib
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
_POOLS = {  # subnet of the bridge -> first two bytes of further networks in its engine
    "172.31.77.1/24": "10.232", "172.31.78.1/24": "10.233",
    "10.231.77.1/24": "10.234", "192.168.231.1/24": "10.235",
}
_SUBNETS = tuple(_POOLS)
_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_NOTE = "before.json"    # the machine's settings before the start


def run(*command: str) -> subprocess.CompletedProcess:
    """Run a system tool. Failure is not an exception."""
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PATH": PATH})


def bridge(folder: Path) -> str:
    """Name of the folder's bridge, at most 15 characters."""
    return f"course-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]}"


def address(folder: Path) -> str:
    """The bridge's MAC address, locally administered. Without a fixed one a bridge takes that of a port, and when that
    port's container ends another one, which hangs the connections of other containers."""
    digest = hashlib.sha256(os.fsencode(folder)).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def free_port() -> int:
    """A free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def network(subnet: str) -> str:
    """'172.31.77.1/24' -> '172.31.77.0/24'."""
    return f"{subnet.rsplit('.', 1)[0]}.0/24"


def pool(subnet: str) -> str:
    """'172.31.77.1/24' -> '10.232.0.0/16': addresses for further networks in the engine with that bridge, disjoint from
    those of the course's other engines."""
    return f"{_POOLS[subnet]}.0.0/16"


def prepare(folder: Path) -> str:
    """Make the bridge and record the settings of firewall and kernel. Returns the bridge's subnet. Raises EngineError
    without the right to change the network."""
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
    """Undo what `prepare` and dockerd changed."""
    _remove(bridge(folder))
    note = folder / _NOTE
    if not note.exists():
        return
    before = {"forward_accepts": False, "ip_forward": "", "had_chains": True}   # by default, restore nothing
    with contextlib.suppress(ValueError, TypeError):
        before = {**before, **json.loads(note.read_text())}
    if not before["had_chains"]:
        _remove_chains()
    if before["forward_accepts"]:
        run("iptables", "-P", "FORWARD", "ACCEPT")
    if before["ip_forward"] == "0":
        _FORWARD.write_text("0")
    note.unlink()


def _make_bridge(folder: Path) -> str:
    """Make the bridge in the first subnet without a route on this machine."""
    routes, name = run("ip", "-4", "route").stdout, bridge(folder)
    subnet = next((s for s in _SUBNETS if s.rsplit(".", 1)[0] not in routes), _SUBNETS[0])
    run("ip", "link", "add", "name", name, "type", "bridge")
    run("ip", "link", "set", name, "address", address(folder))
    run("ip", "addr", "replace", subnet, "dev", name)
    made = run("ip", "link", "set", name, "up")
    if made.returncode:
        raise EngineError("The network bridge of the course's engine could not be made.", why=made.stderr.strip(),
                          remedy="This takes the package iproute2 and root with the right to change the network "
                                 "(in a container: --privileged).")
    return subnet


def _orphans() -> list[str]:
    """Bridges of the course's engines that no longer run: those with the MAC address of `address` and no engine
    listening. /proc/net/unix lists the sockets of the whole network namespace (proc(5))."""
    links = run("ip", "-o", "link", "show", "type", "bridge").stdout
    ours = {name for name, digest, *rest in re.findall(
        r"^\d+: (course-([0-9a-f]{8})):.* link/ether 02:(..):(..):(..):(..):", links, re.MULTILINE)
        if digest == "".join(rest)}
    sockets = (line.split()[7:] for line in Path("/proc/net/unix").read_text().splitlines()[1:])
    alive = {bridge(Path(path[0]).parent) for path in sockets if path}
    return sorted(ours - alive)


def _subnet(name: str) -> str:
    """The subnet of a bridge: '172.31.77.1/24'; '' if it is not one of ours."""
    words = run("ip", "-o", "-4", "addr", "show", "dev", name).stdout.split()
    return next((word for word in words if word in _POOLS), "")


def _forget_another_subnet(folder: Path, subnet: str) -> None:
    """If the bridge's subnet has changed, make dockerd forget its networks: it would give the bridge its old address,
    which another bridge may have."""
    last = folder / "subnet"
    if (last.read_text() if last.exists() else _SUBNETS[0]) != subnet:
        (folder / "data/network/files/local-kv.db").unlink(missing_ok=True)
    paths.write_whole(last, subnet.encode())


def _bridges(name: str, subnet: str) -> set[str]:
    """An engine's bridge and those of its further networks."""
    addresses = [line.split() for line in run("ip", "-o", "-4", "addr").stdout.splitlines()]
    return {name} | {words[1] for words in addresses if words[1].startswith("br-") and subnet
                     and words[3].startswith(f"{_POOLS[subnet]}.")}


def _remove(name: str) -> None:
    """Remove an engine's bridges and the firewall rules with their names or addresses."""
    subnet = _subnet(name)   # a recorded one may be another engine's now
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


def _remove_chains() -> None:
    """Remove dockerd's chains and the jumps to them."""
    for table in ("filter", "nat"):
        rules = [line.split() for line in run("iptables", "-t", table, "-S").stdout.splitlines()]
        chains = [words[1] for words in rules if words[0] == "-N" and words[1].startswith("DOCKER")]
        for words in rules:
            if words[0] == "-A" and words[1] not in chains and words[-1] in chains:
                run("iptables", "-t", table, "-D", *words[1:])
        for flag in ("-F", "-X"):
            for chain in chains:
                run("iptables", "-t", table, flag, chain)
