"""Where a server is looked for."""

import pytest

from helpers.container.serving import _addresses

BOUND = {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "49153"}], "9090/tcp": None}


def inspected(ports, *networks):
    return {"NetworkSettings": {"Ports": ports, "Networks": {
        str(number): {"IPAddress": address, "IPPrefixLen": prefix} for number, (address, prefix) in enumerate(networks)}}}


@pytest.mark.parametrize("ports, networks, found", [
    (BOUND, [], ["127.0.0.1:49153"]),
    (BOUND, [("127.3.0.9", 8)], ["127.0.0.1:49153", "127.3.0.9:8080"]),   # a network that this machine is on
    ({}, [("127.3.0.9", 8)], ["127.3.0.9:8080"]),
    ({}, [("127.3.0.9", 16)], []),             # the way there leads through another network
    (None, [("198.51.100.7", 24)], []),        # whoever answers there is no container of ours
    ({}, [("198.51.100.7", 0)], []),           # an engine that does not tell the network
    ({}, [("", 0)], []),                       # no network, or the engine's own user cannot reach it
])
def test_a_server_is_asked_where_only_it_can_answer(ports, networks, found):
    assert _addresses(inspected(ports, *networks), 8080) == found
