"""What pip installs into a learner's session: the course's dependencies and JupyterHub, at the hub's own version."""

import tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
print(*project["dependencies"], *(each for each in project["optional-dependencies"]["class"]
                                  if each.startswith("jupyterhub>")), sep="\n")
