"""The hub of a class: `make class` starts it, with the folder of the class in MULTISTAGE_CLASS.

A learner chooses a name and a password. A name that nobody has yet takes the class's password too; from then on it
is theirs. Learners have no privilege, no engine of the machine's, and reach each other only through the hub.
"""

import json
import os
import re
from hmac import compare_digest
from pathlib import Path

from firstuseauthenticator import FirstUseAuthenticator

c = get_config()  # noqa: F821
FOLDER = Path(os.environ["MULTISTAGE_CLASS"])
ROOM = json.loads((FOLDER / "class.json").read_text())
HUB = f"http://{ROOM['gateway']}:{ROOM['hub_port']}"
INSTRUCTOR = "instructor"
LABELS = ROOM["labels"]
MEMORY = ROOM["memory"]


class ClassAuthenticator(FirstUseAuthenticator):
    """Names that belong to whoever took them first, behind the class's password."""

    async def authenticate(self, handler, data):
        # Two spellings of a name are one user, and have to be one password.
        name, password = self.normalize_username(data["username"]), data["password"]
        if name == INSTRUCTOR:
            return {"name": name, "admin": True} if same(password, ROOM["token"]) else None
        if not re.fullmatch("[a-z][a-z0-9]{1,30}", name):
            return refused(handler, "A name has 2 to 31 letters and digits, without accents, and begins with a letter.")
        if name not in self.taken() and not same(data.get("otp") or "", ROOM["password"]):
            return refused(handler, "Nobody has this name yet: taking it needs the password of the class.")
        if len(password.encode()) > 72:
            return refused(handler, "The password is too long.")    # bcrypt takes no more
        return await super().authenticate(handler, {**data, "username": name})

    def taken(self):
        """The names that have a password."""
        import dbm

        with dbm.open(self.dbm_path, "c", 0o600) as names:
            return {each.decode() for each in names.keys()}  # noqa: SIM118


def same(given, wanted):
    return compare_digest(given.encode(), wanted.encode())


def refused(handler, why):
    handler.custom_login_error = why


async def make_volumes(spawner):
    """Labelled, so that the class can be taken down without touching what is not its own."""
    for kind in ("home", "engine"):
        await spawner.docker("create_volume", f"{ROOM['name']}-{kind}-{spawner.user.name}",
                             labels={**LABELS, "multistage.class.part": kind})


os.environ["DOCKER_HOST"] = ROOM["engine"]
c.JupyterHub.authenticator_class = ClassAuthenticator
c.FirstUseAuthenticator.dbm_path = f"{ROOM['homes']}/passwords"
c.FirstUseAuthenticator.min_password_length = 8
c.Authenticator.allow_all = True
c.Authenticator.admin_users = {INSTRUCTOR}
c.Authenticator.request_otp = True
c.Authenticator.otp_prompt = "Password of the class (the first time only):"
c.JupyterHub.template_vars = {"announcement_login": "Choose a name and a password of your own (8 characters or more)."}

c.JupyterHub.bind_url = f"http://{ROOM['listen']}:{ROOM['port']}"
c.JupyterHub.hub_bind_url = c.JupyterHub.hub_connect_url = HUB
c.JupyterHub.db_url = f"sqlite:///{FOLDER}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{FOLDER}/cookie_secret"
# The proxy and the learners' servers outlive the hub, so that it can be restarted while they work.
c.JupyterHub.cleanup_servers = c.JupyterHub.cleanup_proxy = False
c.ConfigurableHTTPProxy.should_start = False
c.ConfigurableHTTPProxy.auth_token = ROOM["proxy_token"]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ROOM['proxy_port']}"

c.JupyterHub.spawner_class = "docker"
c.JupyterHub.concurrent_spawn_limit = 6
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
c.DockerSpawner.environment = {"MULTISTAGE_SHARED": "/opt/store", **ROOM["environment"]}
c.DockerSpawner.extra_create_kwargs = {"user": "1000:1000", "labels": LABELS}
c.DockerSpawner.extra_host_config = ROOM["limits"]
c.DockerSpawner.notebook_dir = "/home/jovyan/course"
c.DockerSpawner.default_url = "/lab/tree/notebooks/00-is-everything-ready.ipynb"
c.DockerSpawner.http_timeout = 180
c.DockerSpawner.start_timeout = 240
