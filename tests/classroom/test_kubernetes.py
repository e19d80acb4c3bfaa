"""A learner's pod on Kubernetes: what KubeSpawner renders from deploy/kubernetes, and its settings tried in a container here."""

import asyncio
import json
import tempfile
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import yaml

from helpers.bases import FIRST, save
from helpers.builder import ensure_bases
from helpers.classroom import containers, image, room, services, store
from tests.unit.classroom.test_room import made

FOLDER = image.ROOT / "deploy" / "kubernetes"
CLUSTER = {"apiVersion": "v1", "kind": "Config", "current-context": "none", "users": [{"name": "none", "user": {}}],
           "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
           "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}]}
CONFINED = {"runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": True, "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "Unconfined"}, "appArmorProfile": {"type": "Unconfined"}}
# What a session says of itself and of a build.
SESSION = """
import json, os
from helpers.engine import connect
from helpers.builder import build, ensure_bases
engine = connect()
built = build("notebooks/apps/go-hello", tag="hello", engine=engine)
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines())
print(json.dumps({"rung": engine.rung, "store": engine.store, "loaded": [each.origin for each in ensure_bases(engine, offline=True)],
                  "built": [stage.status for stage in built.stages], "ids": status["Uid"].split(), "may": int(status["CapBnd"], 16),
                  "gains": status["NoNewPrivs"] == "0", "writes": os.access("/opt/store", os.W_OK)}))
"""
# What the live view answers: that it is there, and nothing to somebody whom no hub knows.
VIEW = """
import time, requests
for _ in range(300):
    try:
        health = requests.get("http://127.0.0.1:8000/services/class/health").text
        break
    except requests.ConnectionError:
        time.sleep(0.2)
print(health, requests.get("http://127.0.0.1:8000/services/class/mine").status_code)
"""


async def rendered(config):
    from jupyterhub.objects import Hub
    from kubernetes_asyncio.client import ApiClient
    from kubespawner import KubeSpawner
    from traitlets.config import Config

    user = SimpleNamespace(name="ada", id=1, escaped_name="ada", url="/user/ada/", groups=[], admin=False, settings={})
    spawner = KubeSpawner(_mock=True, config=Config(config), user=user, hub=Hub(), image="session:1", api_token="token",
                          oauth_client_allowed_scopes=[])
    manifest = await spawner.get_pod_manifest()
    async with ApiClient() as client:
        return client.sanitize_for_serialization(manifest)


@pytest.fixture(scope="module")
def values():
    return yaml.safe_load((FOLDER / "values.yaml").read_text())


@pytest.fixture(scope="module")
def manifest(values, tmp_path_factory):
    """Ada's pod, as it would go to a cluster."""
    file = tmp_path_factory.mktemp("cluster") / "config"
    file.write_text(yaml.safe_dump(CLUSTER))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(file))
        patch.setattr("kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
        return asyncio.run(rendered(values["hub"]["config"]))


@pytest.fixture(scope="module")
def pod(manifest):
    """The specification of Ada's pod."""
    return manifest["spec"]


@pytest.fixture(scope="module")
def job():
    """The specification of the pod that fills the store."""
    return next(each for each in yaml.safe_load_all((FOLDER / "store.yaml").read_text()) if each["kind"] == "Job")["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def view():
    """{kind: what view.yaml has of it}."""
    return {each["kind"]: each for each in yaml.safe_load_all((FOLDER / "view.yaml").read_text())}


@pytest.fixture(scope="module")
def watching(view):
    """The specification of the live view's pod."""
    return view["Deployment"]["spec"]["template"]["spec"]


def test_no_pod_is_privileged(pod, job, watching):
    # Only a session and the store's job have an engine.
    plain = {each: value for each, value in CONFINED.items() if each != "appArmorProfile"} | {"seccompProfile": {"type": "RuntimeDefault"}}
    for spec, confined in ((pod, CONFINED), (job, CONFINED), (watching, plain)):
        [container] = spec["containers"]
        assert container["securityContext"] == confined
        assert spec["automountServiceAccountToken"] is False and "serviceAccountName" not in spec
        assert spec["securityContext"] == {"fsGroup": 1000}
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}


def test_a_learner_has_the_limits_of_a_class_on_one_machine(pod):
    limits = pod["containers"][0]["resources"]["limits"]
    assert (int(limits["memory"]), limits["cpu"]) == (room.MEMORY, 1)


def test_a_learner_can_write_only_to_their_own_volumes(pod, job):
    mounts = {each["mountPath"]: each["name"] for each in pod["containers"][0]["volumeMounts"] if not each.get("readOnly")}
    volumes = {each.pop("name"): each for each in map(dict, pod["volumes"])}
    assert {place: volumes[name] for place, name in mounts.items()} == {
        "/home/jovyan": {"persistentVolumeClaim": {"claimName": "claim-ada"}}, "/var/lib/multistage": {"emptyDir": {"sizeLimit": "8Gi"}}}
    shared = {each["mountPath"] for each in pod["containers"][0]["volumeMounts"] if each.get("readOnly")}
    assert shared == {each["mountPath"] for each in job["containers"][0]["volumeMounts"]} == {store.PLACE}
    assert volumes["store"] == {"persistentVolumeClaim": job["volumes"][0]["persistentVolumeClaim"] | {"readOnly": True}}


def matches(selector, labels):
    """Whether a selector of labels takes them."""
    expressions = selector.get("matchExpressions", ())
    assert {each["operator"] for each in expressions} <= {"In"}
    return (selector.get("matchLabels", {}).items() <= labels.items()
            and all(labels.get(each["key"]) in each["values"] for each in expressions))


def test_a_session_reaches_the_live_view_and_the_view_the_hub(values, manifest, view):
    labels, service = view["Deployment"]["spec"]["template"]["metadata"]["labels"], view["Service"]
    environment = {each["name"]: each.get("value") for each in manifest["spec"]["containers"][0]["env"]}
    address = urlsplit(environment["MULTISTAGE_CLASS_VIEW"])
    [port] = service["spec"]["ports"]
    assert (address.hostname, address.port) == (service["metadata"]["name"], port["port"])
    assert matches({"matchLabels": service["spec"]["selector"]}, labels) and matches(view["Deployment"]["spec"]["selector"], labels)
    assert labels["hub.jupyter.org/network-access-hub"] == "true"    # the chart's own policy of the hub
    [leaves], [enters] = values["singleuser"]["networkPolicy"]["egress"], view["NetworkPolicy"]["spec"]["ingress"]
    assert leaves["ports"] == enters["ports"] == [{"port": address.port}]
    assert matches(leaves["to"][0]["podSelector"], labels) and matches(view["NetworkPolicy"]["spec"]["podSelector"], labels)
    sources = [each["podSelector"] for each in enters["from"]]
    for component, reaches in (("hub", True), ("proxy", True), (manifest["metadata"]["labels"]["app.kubernetes.io/component"], True),
                               ("other", False)):
        assert any(matches(each, {"app.kubernetes.io/component": component}) for each in sources) is reaches


def test_the_hub_knows_the_live_view(values, watching):
    [(name, service)] = values["hub"]["services"].items()
    given = {each["name"]: each.get("value", each.get("valueFrom")) for each in watching["containers"][0]["env"]}
    here = services._view(made()).environment
    assert given.keys() == here.keys()
    own = {"JUPYTERHUB_API_TOKEN", "JUPYTERHUB_API_URL", "MULTISTAGE_VIEW_FILE", "MULTISTAGE_VIEW_LISTEN"}
    assert {key: given[key] for key in given.keys() - own} == {key: here[key] for key in here.keys() - own}
    assert given["JUPYTERHUB_API_TOKEN"] == {"secretKeyRef": {"name": "hub", "key": f"hub.services.{name}.apiToken"}}
    assert urlsplit(service["url"]).port == int(given["MULTISTAGE_VIEW_LISTEN"].partition(":")[2])
    assert all(f"access:services!service={name}" in role["scopes"] for role in values["hub"]["loadRoles"].values())
    assert values["hub"]["loadRoles"].keys() == {"user", "server"}


def test_the_chart_adds_no_privileged_container_and_no_other_command(values):
    assert values["singleuser"]["cloudMetadata"] == {"blockWithIptables": False}
    assert values["singleuser"]["cmd"] is None and "cmd" not in values["hub"]["config"]["KubeSpawner"]


def started(engine, name, spec, volumes, command, **environment):
    """A container with the settings of a pod's, started; its volumes are {name in the pod: name in the engine}."""
    [container] = spec["containers"]
    confined, limits, api = container["securityContext"], container["resources"]["limits"], engine.client.api
    options = ["no-new-privileges"] * (not confined["allowPrivilegeEscalation"])
    options += [f"{what}=unconfined" for what in ("seccomp", "appArmor") if confined.get(f"{what}Profile") == {"type": "Unconfined"}]
    environment = {each["name"]: each["value"] for each in container["env"] if "value" in each} | environment
    binds = {volumes[each["name"]]: {"bind": each["mountPath"], "mode": "ro" if each.get("readOnly") else "rw"}
             for each in container["volumeMounts"]}
    begun = api.create_container(name, command, user=f"{confined['runAsUser']}:{confined['runAsGroup']}", environment=environment,
                                 volumes=[each["bind"] for each in binds.values()], host_config=api.create_host_config(
                                     binds=binds, cap_drop=confined["capabilities"]["drop"], security_opt=[each.lower() for each in options],
                                     mem_limit=str(limits["memory"]).lower().removesuffix("i"), nano_cpus=int(limits["cpu"]) * 10**9))["Id"]
    api.start(begun)
    return begun


@pytest.mark.nightly
def test_a_session_builds_from_a_store_filled_by_the_job(engine, pod, job, watching, tmp_path):
    if "buildkit" not in engine.builders:
        pytest.skip("the learners' image takes BuildKit")
    api, name = engine.client.api, image.make(engine, "multistage-kubernetes", print)
    volumes = {each: f"multistage-kubernetes-{each}" for each in ("home", "engine", "store", "events")}
    begun = []
    try:
        begun.append(started(engine, name, job, volumes, ["sleep", "infinity"], MULTISTAGE_KIT=f"{store.PLACE}/kit"))
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            for base in ensure_bases(engine, FIRST, report=print):     # a cluster fetches them from their registries
                save(engine, base, Path(folder), print)
            api.put_archive(begun[0], store.PLACE, store._packed(Path(folder), FIRST))
        containers.run(engine, begun[0], job["containers"][0]["args"], "/")
        containers.run(engine, begun[0], ["rm", "-r", f"{store.PLACE}/kit"], "/")
        begun.append(started(engine, name, pod, volumes, ["python3", "/opt/session.py", "sleep", "infinity"]))
        containers.run(engine, begun[1], ["sh", "-c", "until grep -q sleep /proc/1/comm; do sleep 0.2; done"], "/")    # the course is unpacked
        said = containers.run(engine, begun[1], ["python3", "-c", SESSION])
        begun.append(started(engine, name, watching, volumes, watching["containers"][0]["args"], JUPYTERHUB_API_TOKEN="token"))
        answered = containers.run(engine, begun[2], ["python3", "-c", VIEW], "/")
    finally:
        for each in begun:
            containers.remove(engine, each)
        for each in volumes.values():
            api.remove_volume(each, force=True)
        api.remove_image(name)
    found = json.loads(said.strip().splitlines()[-1])
    assert (found["rung"], found["store"], found["built"]) == ("podman-one-id", "overlay", ["built", "built"])
    assert set(found["loaded"]) == {"made"} and found["ids"] == ["1000"] * 4
    assert (found["may"], found["gains"], found["writes"]) == (0, False, False)
    assert answered == "ok 403\n"
