"""Removes what the course created in an engine, and nothing else."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass

from docker import APIClient
from docker.errors import APIError, NotFound

from .. import registry
from ..bases import ALL, original, status
from ..bases.references import short
from ..builder import legacy_images
from ..engine import Engine
from ..labels import BUILD, CLASS, COURSE, NAME, RUN, STEP


@dataclass(frozen=True)
class Removed:
    """How many of each kind were removed."""

    images: int
    containers: int
    networks: int
    volumes: int

    def facts(self) -> dict[str, dict[str, int]]:
        """The content of `clean --json`."""
        return {"removed": asdict(self)}


def clean(engine: Engine, *, bases: bool = False) -> Removed:
    """Remove the containers, images, networks and volumes that the course created. Base images stay unless `bases`,
    because the next build needs them and rebuilding takes minutes. BuildKit's cache has no labels, so it is emptied
    only with `bases` and in the course's own engine. Raises the engine's errors."""
    api = engine.client.api
    with engine.translate_errors("clean up"):
        containers = _each(_containers(api), lambda c: api.remove_container(c, force=True, v=True))
        images = _each(_in_transfer(api), lambda name: registry.forget(engine, name))
        images += _each(_built(api), api.remove_image)
        images += _each(_untagged(api, legacy_images.noted(engine)), api.remove_image)
        legacy_images.forget(engine)
        images += _each(_bases(engine) if bases else (), api.remove_image)
        networks = _each(_named(api.networks(filters={"label": COURSE}), "Id"), api.remove_network)
        volumes = _each(_named(api.volumes(filters={"label": COURSE})["Volumes"] or (), "Name"), api.remove_volume)
        if bases and engine.owned and "buildkit" in engine.builders:   # other builders have no separate cache
            api.prune_builds()
    return Removed(images, containers, networks, volumes)


def _named(listed: Iterable[dict], key: str) -> list[str]:
    """All but those of a class, whose volumes hold learners' work."""
    return [each[key] for each in listed if (each["Labels"] or {}).get(COURSE) != CLASS]


def _containers(api: APIClient) -> list[str]:
    """Ids. By value, because the user's own containers inherit the label from a stand-in's image."""
    return [container["Id"] for kind in (RUN, STEP)
            for container in api.containers(all=True, filters={"label": f"{COURSE}={kind}"})]


def _built(api: APIClient) -> list[str]:
    """The names that the course gave its images, and ids of images without any name. Names given by the user stay."""
    found = []
    for image in api.images(filters={"label": f"{COURSE}={BUILD}"}):
        names = [name for name in image["RepoTags"] or () if name != "<none>:<none>"]
        given = (image["Labels"] or {}).get(NAME)
        found += [name for name in names if short(name) == given] if names else [image["Id"]]
    return found


def _in_transfer(api: APIClient) -> list[str]:
    """Temporary names left by an interrupted push or pull."""
    return list(filter(registry.is_transfer_name, _tags(api)))


def _tags(api: APIClient) -> list[str]:
    return [name for image in api.images() for name in image["RepoTags"] or ()]


def _untagged(api: APIClient, ids: Iterable[str]) -> Iterator[str]:
    """Those of `ids` that still have no name; the user named the others."""
    for image in ids:
        with contextlib.suppress(NotFound):
            if not api.inspect_image(image).get("RepoTags"):
                yield image


def _bases(engine: Engine) -> list[str]:
    """Names of the bases that the course built, and its own names for others."""
    made = [base.name for base in status(engine, ALL) if base.origin == "made"]
    return list(dict.fromkeys(made + [name for name in _tags(engine.client.api) if original(name) != name]))


def _each(things: Iterable[str], remove: Callable[[str], object]) -> int:
    """Remove each, and count them; skip what is in use or already gone."""
    count = 0
    for thing in things:
        try:
            remove(thing)
            count += 1
        except APIError as error:
            if error.status_code not in (404, 409):
                raise
    return count
