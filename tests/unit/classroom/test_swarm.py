"""A learner's session on a Docker Swarm: the service that SwarmSpawner makes of deploy/swarm."""

import asyncio
from types import SimpleNamespace

import pytest

from helpers.classroom import image, room, store
from tests.unit.classroom.test_room import made

MACHINES = [{"ID": name, "Status": {"State": state}, "Spec": {"Availability": "active"}}
            for name, state in (("one", "ready"), ("two", "ready"), ("off", "down"))]


@pytest.fixture
def service(tmp_path, monkeypatch):
    """service(name): what the hub asks the engine for when that learner starts a session."""
    from jupyterhub.objects import Hub
    from traitlets.config.loader import PyFileConfigLoader

    monkeypatch.chdir(tmp_path)
    for name in ("ADDRESS", "PASSWORD", "TOKEN"):
        monkeypatch.setenv(f"MULTISTAGE_{name}", "192.0.2.1")
    config = PyFileConfigLoader("jupyterhub_config.py", str(image.ROOT / "deploy" / "swarm")).load_config()

    def asked(name):
        requests = {}

        async def docker(method, *_, **options):
            requests[method] = options
            return {"nodes": MACHINES, "tasks": [{}], "create_service": {"ID": "1"}, "inspect_image": {"Config": {"Cmd": ["begin"]}}}[method]

        async def create():
            await spawner.pre_spawn_hook(spawner)
            await spawner.create_object()

        user = SimpleNamespace(name=name, id=1, escaped_name=name, url=f"/user/{name}/", groups=[], admin=False, settings={})
        spawner = config.JupyterHub.spawner_class(_mock=True, config=config, user=user, hub=Hub(), api_token="token",
                                                  oauth_client_allowed_scopes=[])
        spawner.docker = docker
        asyncio.run(create())
        return requests["create_service"]

    return asked


def test_a_session_has_no_privilege(service):
    container = service("ada")["task_template"]["ContainerSpec"]
    assert container["User"] == "1000:1000" and container["CapabilityDrop"] == ["ALL"] and "CapabilityAdd" not in container
    assert container["Privileges"] == {
        "NoNewPrivileges": True, "Seccomp": {"Mode": "unconfined"}, "AppArmor": {"Mode": "disabled"}}


def test_a_session_has_the_limits_of_a_class_on_one_machine(service):
    limits = service("ada")["task_template"]["Resources"]["Limits"]
    assert limits == {"MemoryBytes": room.MEMORY, "NanoCPUs": 10**9, "Pids": made().limits["pids_limit"]}


def test_a_learner_writes_in_volumes_of_their_own_and_reads_the_store(service):
    mounts = service("ada")["task_template"]["ContainerSpec"]["Mounts"]
    assert {(each["Type"], each["Source"], each["Target"]) for each in mounts if not each["ReadOnly"]} == {
        ("volume", "multistage-home-ada", "/home/jovyan"), ("volume", "multistage-engine-ada", "/var/lib/multistage")}
    assert [each["Target"] for each in mounts if each["ReadOnly"]] == [store.PLACE]


def test_the_port_is_that_of_the_sessions_own_machine(service):
    [port] = service("ada")["endpoint_spec"]["Ports"]
    assert (port["TargetPort"], port["PublishMode"]) == (8888, "host")


def test_learners_are_spread_over_machines_that_run_and_come_back_to_their_own(service):
    places = {name: service(name)["task_template"]["Placement"]["Constraints"] for name in ("ada", "bob", "cleo", "dana")}
    assert sorted(map(str, places.values())) == ["['node.id==one']"] * 2 + ["['node.id==two']"] * 2
    assert service("bob")["task_template"]["Placement"]["Constraints"] == places["bob"]
