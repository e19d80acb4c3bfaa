"""The progress of a pull or push, which the engine reports as lines of JSON."""

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
    """The events of `call` ('images/create'). Leaving the block cancels it in the engine.

    first  seconds that the engine may take until its first event
    later  seconds that it may take between events; unpacking a large layer is silent

    An error is an event with the key 'error'. Iterating raises requests' Timeout and the client's other errors."""
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
            if not patient:     # Podman 4 sends the head of its answer before it asks the registry
                getattr(socket, "_sock", socket).settimeout(later)
                patient = True
            if line.strip():
                yield json.loads(line)
    except requests.exceptions.ConnectionError as error:
        if error.args and isinstance(error.args[0], urllib3.exceptions.TimeoutError):
            raise requests.exceptions.ReadTimeout(*error.args) from error
        raise


class LayerProgress:
    """A summary of a transfer's events; as text '12.3 MB of 310 MB', of the layers known so far."""

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
            # The size of a layer that is being compressed is an estimate, which may be too low.
            self._bytes[layer] = detail["current"], max(detail.get("total") or 0, detail["current"])
        elif layer in self._bytes and status in ("Download complete", "Pull complete"):
            self._bytes[layer] = (self._bytes[layer][1],) * 2

    @property
    def layers(self) -> int:
        """Number of layers known so far."""
        return len(self._status)

    @property
    def ready(self) -> int:
        """Number of layers that are complete."""
        return sum(status in ("Pull complete", "Already exists") for status in self._status.values())

    def __str__(self) -> str:
        done, total = (sum(each) for each in zip(*self._bytes.values())) if self._bytes else (0, 0)
        return f"{units.size(done)} of {units.size(total)}"
