"""The hub of a class. `make class` starts it with the class's folder in MULTISTAGE_CLASS.

Learners have no privileges and no access to the machine's engine, and reach each other only through the hub.
"""

import asyncio
import json
import os
from pathlib import Path

import docker

from helpers.classroom import disks, room

c = get_config()  # noqa: F821
FOLDER = Path(os.environ["MULTISTAGE_CLASS"])
ROOM = json.loads((FOLDER / "class.json").read_text())
HUB = f"http://{ROOM['gateway']}:{ROOM['hub_port']}"
LABELS = ROOM["labels"]
MEMORY = ROOM["memory"]
IDLE_SECONDS = 3600


async def make_volumes(spawner):
    """Create the volumes on size-limited disks, so that a learner cannot fill anybody else's."""
    volumes = {f"{ROOM['name']}-{kind}-{spawner.user.name}": kind for kind in disks.SIZES}
    await asyncio.to_thread(disks.make, docker.APIClient(ROOM["engine"], timeout=120), room.current(), volumes)


os.environ["DOCKER_HOST"] = ROOM["engine"]
load_subconfig("authenticator.py", str(Path(__file__).parent))  # noqa: F821
c.ClassAuthenticator.class_password = ROOM["password"]
c.ClassAuthenticator.instructor_token = ROOM["token"]
c.FirstUseAuthenticator.dbm_path = f"{ROOM['homes']}/passwords"

# The live class view runs next to the hub, and identifies a session by its token.
VIEW = f"http://{ROOM['gateway']}:{ROOM['view_port']}"
c.JupyterHub.services = [{"name": "class", "url": VIEW, "api_token": ROOM["view_token"], "oauth_no_confirm": True,
                          "display": False}]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", "access:services!service=class"]},
    {"name": "server", "scopes": ["users:activity!user", "access:servers!server", "access:services!service=class"]}]

c.JupyterHub.bind_url = f"http://{ROOM['listen']}:{ROOM['port']}"
c.JupyterHub.hub_bind_url = c.JupyterHub.hub_connect_url = HUB
c.JupyterHub.db_url = f"sqlite:///{FOLDER}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{FOLDER}/cookie_secret"
# The proxy and the learners' servers outlive the hub, so that it can be restarted while they work.
c.JupyterHub.cleanup_servers = c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.auth_token = ROOM["proxy_token"]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ROOM['proxy_port']}"

c.JupyterHub.spawner_class = "helpers.classroom.spawner.YieldingSpawner"
c.Spawner.poll_interval = 15
c.JupyterHub.concurrent_spawn_limit = 0    # a limit would show an error instead of waiting
c.DockerSpawner.image = ROOM["image"]
c.DockerSpawner.pull_policy = "never"
c.DockerSpawner.prefix = ROOM["name"]
c.DockerSpawner.name_template = "{prefix}-{username}"
c.DockerSpawner.remove = True
c.DockerSpawner.network_name = ROOM["name"]
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.mem_limit = MEMORY
c.DockerSpawner.cpu_limit = 1
c.DockerSpawner.pre_spawn_hook = make_volumes
c.DockerSpawner.volumes = {
    f"{ROOM['name']}-home-{{username}}": "/home/jovyan",
    f"{ROOM['name']}-engine-{{username}}": "/var/lib/multistage",
    ROOM["store"]: {"bind": "/opt/store", "mode": "ro"},
}
# Temporary files go to the learner's disk: /tmp is memory, and the rest of the container is read-only.
c.DockerSpawner.environment = {"MULTISTAGE_SHARED": "/opt/store", "TMPDIR": "/var/lib/multistage",
                               "MULTISTAGE_CLASS_VIEW": f"{VIEW}/services/class",
                               **ROOM["environment"]}
c.DockerSpawner.extra_create_kwargs = {"user": "1000:1000", "labels": LABELS}
c.DockerSpawner.extra_host_config = ROOM["limits"] | {
    "read_only": True, "tmpfs": {"/tmp": "size=64m,mode=1777,exec"}}
# An idle session ends; the hub starts it again on demand.
c.DockerSpawner.args = [
    f"--MappingKernelManager.cull_idle_timeout={IDLE_SECONDS}", "--MappingKernelManager.cull_connected=True",
    f"--ServerApp.shutdown_no_activity_timeout={IDLE_SECONDS}"]
c.DockerSpawner.notebook_dir = "/home/jovyan/course"
c.DockerSpawner.default_url = "/lab/tree/notebooks/00-is-everything-ready.ipynb"
c.DockerSpawner.http_timeout = 180
c.DockerSpawner.start_timeout = 240
