"""Remove what the course made from an engine, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from docker.errors import APIError, NotFound

from ..build import leftovers
from ..engine import Engine
from ..labels import BASE, COURSE, STEP


@dataclass(frozen=True)
class Removed:
    """How many of each were removed."""

    images: int
    containers: int
    networks: int
    volumes: int

    def facts(self) -> dict[str, dict[str, int]]:
        """The content of `clean --json`."""
        return {"removed": asdict(self)}


def clean(engine: Engine, *, bases: bool = False) -> Removed:
    """Remove containers, images, networks and volumes that carry the course's label.

    The base images stay unless `bases`: making them took minutes, and the next
    build needs them. BuildKit's cache carries no labels; it is emptied only
    with `bases`, and only in an engine that the course owns.
    """
    api, ours = engine.client.api, {"label": COURSE}
    with engine.speaking("clean up"):
        containers = _each(api.containers(all=True, filters=ours),
                           lambda c: api.remove_container(c["Id"], force=True, v=True))
        images = _each(_images(engine, bases), lambda i: _remove_image(api, i))
        images += _each([{"Id": i} for i in leftovers.noted(engine)],
                        lambda i: api.remove_image(i["Id"]))
        leftovers.forget(engine)
        networks = _each(api.networks(filters=ours), lambda n: api.remove_network(n["Id"]))
        volumes = _each(api.volumes(filters=ours)["Volumes"] or (),
                        lambda v: api.remove_volume(v["Name"]))
        if bases and engine.owned:
            api.prune_builds()
    return Removed(images, containers, networks, volumes)


def _images(engine: Engine, bases: bool) -> list[dict]:
    kept = () if bases else (BASE, STEP)
    found = engine.client.api.images(filters={"label": COURSE})
    return [image for image in found if (image["Labels"] or {}).get(COURSE) not in kept]


def _remove_image(api, image: dict) -> None:
    # By name, so that an image with a second name that is not ours keeps it.
    names = [tag for tag in image["RepoTags"] or () if tag != "<none>:<none>"]
    for name in names or [image["Id"]]:
        api.remove_image(name)


def _each(things: Iterable[dict], remove) -> int:
    """Remove each; what is in use or gone already is left and not counted."""
    count = 0
    for thing in things:
        try:
            remove(thing)
            count += 1
        except NotFound:
            continue
        except APIError as error:
            if error.status_code != 409:
                raise
    return count
