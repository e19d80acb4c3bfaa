"""Which paths a container of an image sees, without running anything in it."""

from __future__ import annotations

import tarfile

from .. import labels
from ..engine import Engine, connect
from .saved import Stream

_CHUNK = 1 << 20


def paths(reference: str, engine: Engine | None = None) -> frozenset[str]:
    """Absolute paths of all files, folders and links in the image's file system.

    A container is made and never started, so this works on an image with no
    shell, and on scratch. What engines add to every container (/etc/hosts,
    /dev/console and the like) is in it. Raises ImageNotFound and the engine's
    errors.
    """
    engine = engine or connect()
    api = engine.client.api
    with engine.speaking(f"list the files of {reference}"):
        # The command is never run; an image without one needs some word here.
        container = api.create_container(reference, command=["none"], network_disabled=True,
                                         labels=labels.marked(labels.RUN))["Id"]
        try:
            return _names(api.export(container, chunk_size=_CHUNK))
        finally:
            api.remove_container(container, force=True, v=True)


def _names(chunks) -> frozenset[str]:
    names = set()
    with tarfile.open(fileobj=Stream(chunks), mode="r|", bufsize=_CHUNK) as archive:
        for entry in archive:
            archive.members = []
            names.add("/" + entry.name.removeprefix("./").rstrip("/"))
    return frozenset(names)
