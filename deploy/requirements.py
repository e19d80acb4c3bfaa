"""Prints the requirements of a session: the course's dependencies, and JupyterHub in the hub's version."""

import tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
print(*project["dependencies"], *(each for each in project["optional-dependencies"]["class"]
                                  if each.startswith("jupyterhub>")), sep="\n")
