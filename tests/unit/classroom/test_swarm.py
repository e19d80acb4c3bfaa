"""A session on a Docker Swarm: the service that SwarmSpawner creates with the settings in deploy/swarm."""

import asyncio
from types import SimpleNamespace

import pytest

from helpers.classroom import image, room, store
from tests.unit.classroom.test_room import made

MACHINES = [{"ID": name, "Status": {"State": state}, "Spec": {"Availability": "active"}}
            for name, state in (("one", "ready"), ("two", "ready"), ("off", "down"))]


@pytest.fixture
def service(tmp_path, monkeypatch):
    """service(name): the hub's request to the engine when this learner starts a session."""
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


def test_a_session_has_no_privileges_and_the_usual_limits(service):
    task = service("ada")["task_template"]
    container, limits = task["ContainerSpec"], task["Resources"]["Limits"]
    assert container["User"] == "1000:1000" and container["CapabilityDrop"] == ["ALL"] and "CapabilityAdd" not in container
    assert container["Privileges"] == {
        "NoNewPrivileges": True, "Seccomp": {"Mode": "unconfined"}, "AppArmor": {"Mode": "disabled"}}

    assert limits == {"MemoryBytes": room.MEMORY, "NanoCPUs": 10**9, "Pids": made().limits["pids_limit"]}


def test_a_learner_can_write_only_to_their_own_volumes(service):
    mounts = service("ada")["task_template"]["ContainerSpec"]["Mounts"]
    assert {(each["Type"], each["Source"], each["Target"]) for each in mounts if not each["ReadOnly"]} == {
        ("volume", "multistage-home-ada", "/home/jovyan"), ("volume", "multistage-engine-ada", "/var/lib/multistage")}
    assert [each["Target"] for each in mounts if each["ReadOnly"]] == [store.PLACE]


def test_the_port_is_on_the_session_s_machine(service):
    [port] = service("ada")["endpoint_spec"]["Ports"]
    assert (port["TargetPort"], port["PublishMode"]) == (8888, "host")


def test_learners_are_spread_over_running_machines_and_return_to_theirs(service):
    places = {name: service(name)["task_template"]["Placement"]["Constraints"] for name in ("ada", "bob", "cleo", "dana")}
    assert sorted(map(str, places.values())) == ["['node.id==one']"] * 2 + ["['node.id==two']"] * 2
    assert service("bob")["task_template"]["Placement"]["Constraints"] == places["bob"]
