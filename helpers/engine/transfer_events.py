"""A pull or a push as the engine reports it: a line of JSON for each piece of news."""

import base64
import contextlib
import json
from collections.abc import Iterator, Mapping

import requests
import urllib3
from docker import APIClient

from .. import units
from .translate import message_of

NO_LOGIN = base64.urlsafe_b64encode(b"{}").decode()


@contextlib.contextmanager
def event_stream(api: APIClient, call: str, parameters: Mapping[str, str], *, first: float, later: float,
                 login: str = NO_LOGIN) -> Iterator[Iterator[dict]]:
    """The events of `call` ('images/create'). Leaving the block stops it in the engine.

    first  seconds that the engine may take until its first event
    later  seconds between two of them: unpacking a large layer is silent

    An answer that is an error is one event, with the key 'error'. Raises requests' Timeout for an engine that is silent
    for longer, and what else the client raises."""
    response = api.post(f"{api.base_url}/v{api.api_version}/{call}", params=parameters, stream=True,
                        headers={"Connection": "close", "X-Registry-Auth": login}, timeout=(first, first))
    with response:
        if response.status_code >= 400:
            yield iter([{"error": message_of(response)}])
        else:
            yield _events(api, response, later)


def _events(api: APIClient, response: requests.Response, later: float) -> Iterator[dict]:
    socket = api._get_raw_response_socket(response)
    patient = False
    try:
        for line in response.iter_lines(chunk_size=None):   # type: ignore[call-overload]
            if not patient:     # Podman 4 sends the head of its answer before it knows of a registry
                getattr(socket, "_sock", socket).settimeout(later)
                patient = True
            if line.strip():
                yield json.loads(line)
    except requests.exceptions.ConnectionError as error:
        if error.args and isinstance(error.args[0], urllib3.exceptions.TimeoutError):
            raise requests.exceptions.ReadTimeout(*error.args) from error
        raise


class LayerProgress:
    """The events of one transfer, summed up; in words '12.3 MB of 310 MB', of the layers known so far.

    layers  how many there are; ready: how many of them are there"""

    def __init__(self) -> None:
        self._status: dict[str, str] = {}
        self._bytes: dict[str, tuple[int, int]] = {}

    def take(self, event: dict) -> None:
        """Add one event."""
        layer, status, detail = event.get("id"), event.get("status") or "", event.get("progressDetail") or {}
        if not layer or status.startswith("Pulling from"):
            return
        self._status[layer] = status
        if status in ("Downloading", "Pushing") and detail.get("current"):
            # An engine's guess of a layer's size while it compresses may be too low.
            self._bytes[layer] = detail["current"], max(detail.get("total") or 0, detail["current"])
        elif layer in self._bytes and status in ("Download complete", "Pull complete"):
            self._bytes[layer] = (self._bytes[layer][1],) * 2

    @property
    def layers(self) -> int:
        """How many layers are known of."""
        return len(self._status)

    @property
    def ready(self) -> int:
        """How many of them are there."""
        return sum(status in ("Pull complete", "Already exists") for status in self._status.values())

    def __str__(self) -> str:
        done, total = (sum(each) for each in zip(*self._bytes.values())) if self._bytes else (0, 0)
        return f"{units.size(done)} of {units.size(total)}"
