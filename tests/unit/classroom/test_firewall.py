"""A class's firewall rules, with a fake iptables that only keeps a list."""

import os
import subprocess

import pytest

from helpers.classroom import firewall

from .test_disks import Api
from .test_room import made

BRIDGE = "br-0123456789ab"
OTHERS = ["-P INPUT ACCEPT", "-A INPUT -i br-ba9876543210 -j DROP"]
IPTABLES = """#!/bin/sh
shift    # --wait
case "$1" in
  -S) cat "$RULES" ;;
  -I) shift; echo "-A $*" >> "$RULES" ;;
  -D) shift; grep -vxF -e "-A $*" "$RULES" > "$RULES.new"; mv "$RULES.new" "$RULES" ;;
esac
"""


@pytest.fixture
def rules(tmp_path):
    """rules(BRIDGE, PORTS): the machine's rules after running the script."""
    file, program = tmp_path / "rules", tmp_path / "iptables"
    file.write_text("".join(f"{each}\n" for each in OTHERS))
    program.write_text(IPTABLES)
    program.chmod(0o755)

    def after(*words):
        subprocess.run(["sh", "-ec", firewall._SCRIPT, "sh", *words], check=True,
                       env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "RULES": str(file)})
        return file.read_text().splitlines()

    return after


class Network(Api):
    def inspect_network(self, name):
        return {"Id": "0123456789abcdef"}


def test_the_rules_of_an_earlier_class_are_replaced(rules):
    rules(BRIDGE, "53,1")
    assert rules(BRIDGE, "53,4001,4003") == [
        *OTHERS, f"-A INPUT -i {BRIDGE} -p tcp -m conntrack --ctstate NEW -m multiport ! --dports 53,4001,4003 -j REJECT",
        f"-A INPUT -i {BRIDGE} -p udp -m conntrack --ctstate NEW -m udp ! --dport 53 -j REJECT"]


def test_removing_rules_keeps_those_of_others(rules):
    rules(BRIDGE, "53,4001")
    assert rules(BRIDGE, "") == OTHERS


def test_the_ports_of_hub_view_and_packages_stay_open():
    api = Network()
    assert firewall.close(api, made(), print) is True
    assert api.command[-2:] == [BRIDGE, "53,4001,4003"]
    firewall.close(api, made(packages_port=4005), print)
    assert api.command[-1] == "53,4001,4003,4005"


def test_a_machine_without_a_firewall_is_reported():
    said = []
    assert firewall.close(Network("iptables: not found", code=127), made(), said.append) is False
    assert "listens on all addresses" in said[0] and "iptables: not found" in said[0]
