"""The base images, handed from one engine to another: saved here, loaded there, kept nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterable
from unittest import mock

from helpers.bases import ensure
from helpers.engine import Engine, connect
from helpers.engine.model import fault

_CHUNK = 1 << 20
_SECONDS = 900


def hand_on(source: Engine, target: Engine, refs: Iterable[str]) -> None:
    """Give `target` the base images `refs` of `source`, under the names of their Dockerfiles.

    `source` fetches or makes those that it has not. The layers that several of
    them share go once. Raises BaseUnavailable and the engines' errors.
    """
    names = [each.name for each in ensure(source, tuple(refs))]
    api = source.client.api
    with source.speaking("save the base images"):
        saved = api.get(f"{api.base_url}/v{api.api_version}/images/get", params={"names": names},
                        stream=True, timeout=_SECONDS)
        _succeeded(saved, "save the base images")
    with saved, target.speaking("load the base images"):
        loading = target.client.api
        loaded = loading.post(f"{loading.base_url}/v{loading.api_version}/images/load", params={"quiet": "1"},
                              data=saved.iter_content(_CHUNK), headers={"Content-Type": "application/x-tar"},
                              timeout=_SECONDS)
        _succeeded(loaded, "load the base images")


def _succeeded(response, doing: str) -> None:
    if response.status_code >= 400:
        raise fault(doing, response.text.strip())


def at(host: str) -> Engine:
    """The engine at that address, found as one that the user names."""
    with mock.patch.dict(os.environ, DOCKER_HOST=host):
        return connect()


def called(engine: Engine, version: str) -> str:
    """'Docker Engine 28.5.2 (overlayfs (containerd)), Debian 28.5.2+dfsg4-5'."""
    return f"{engine.name} {engine.version.partition('+')[0]} ({engine.store}), Debian's {version}"
