"""Pull an image through the engine, without waiting for a registry that is not there."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator

import requests
import urllib3
from docker import APIClient
from docker.errors import APIError

from .. import units
from ..engine import Engine
from ..engine.timeouts import patient
from ..engine.translate import engine_fault
from ..errors import DiskFull
from .references import Reference

FIRST_SECONDS = 20       # until the first sign of progress
_LATER_SECONDS = 300     # between two of them: unpacking a large layer is silent
_TOLD_SECONDS = 5        # between two lines of report
_REMEMBERED_SECONDS = 120

# How dockerd (Go's net package) says that there is nobody to talk to.
_NOBODY = re.compile(
    r"no such host|connection refused|i/o timeout|Client\.Timeout|TLS handshake timeout"
    r"|network is unreachable|no route to host|server misbehaving|deadline exceeded"
    r"|temporary failure in name resolution", re.IGNORECASE)
_SILENT = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)

# (engine, registry) -> when and why it could not be reached. A second image is
# not waited for; a cell run again a little later tries again.
_unreachable: dict[tuple[str, str], tuple[float, str]] = {}


class Refused(Exception):
    """The registry did not give the image; the text says why, in its own words.

    `reached`: whether there was a registry to say so.
    """

    def __init__(self, why: str, *, reached: bool):
        super().__init__(why)
        self.reached = reached


def pull(engine: Engine, reference: Reference, report: Callable[[str], None]) -> None:
    """Pull `reference` as it stands. Interrupting it makes the engine stop too.

    Raises Refused, DiskFull, EngineGone.
    """
    key = (engine.host, reference.registry)
    since, why = _unreachable.get(key, (0.0, ""))
    if why and time.monotonic() - since < _REMEMBERED_SECONDS:
        raise Refused(why, reached=False)
    started = time.monotonic()
    report(f"Pulling {reference} ...")
    try:
        _pull(engine, reference, report)
    except Refused as refusal:
        if not refusal.reached:
            _unreachable[key] = (time.monotonic(), str(refusal))
        raise
    _unreachable.pop(key, None)
    report(f"Pulled {reference} in {units.seconds(time.monotonic() - started)}.")


def _pull(engine: Engine, reference: Reference, report: Callable[[str], None]) -> None:
    progress = _Progress(str(reference), report)
    with engine.translate_errors(f"pull {reference}"):
        try:
            with _events(engine.client.api, reference) as events:
                for event in events:
                    if event.get("error"):
                        raise _refused(event["error"])
                    progress.take(event)
        except APIError as error:
            raise _refused(error.explanation or str(error)) from error
        except _SILENT as error:
            waited = _LATER_SECONDS if progress.begun else FIRST_SECONDS
            raise Refused(f"no answer within {waited} s", reached=progress.begun) from error


def _refused(message: str) -> Refused | DiskFull:
    if "no space left on device" in message.lower():
        return engine_fault("pull an image", message)
    return Refused(" ".join(message.split()), reached=not _NOBODY.search(message))


@contextlib.contextmanager
def _events(api: APIClient, reference: Reference) -> Iterator[Iterator[dict]]:
    """The pull's events. Closing the connection is what ends the engine's work."""
    impatient = patient(api, FIRST_SECONDS)
    responses: list[requests.Response] = []

    def stream(response: requests.Response, decode: bool = False) -> Iterator[dict]:
        responses.append(response)
        socket = impatient._get_raw_response_socket(response)
        for number, event in enumerate(type(api)._stream_helper(impatient, response, decode)):
            if not number:   # Podman 4 sends the answer's head before it knows of a registry
                getattr(socket, "_sock", socket).settimeout(_LATER_SECONDS)
            yield event

    impatient._stream_helper = stream
    try:
        yield impatient.pull(reference.repository, tag=reference.version, stream=True, decode=True)
    finally:
        for response in responses:
            response.close()


class _Progress:
    """A pull's events as a line now and then."""

    def __init__(self, name: str, report: Callable[[str], None]) -> None:
        self._name, self._report = name, report
        self._layers: dict[str, str] = {}
        self._bytes: dict[str, tuple[int, int]] = {}
        self._told = time.monotonic()
        self.begun = False

    def take(self, event: dict) -> None:
        self.begun = True
        layer, status = event.get("id"), event.get("status", "")
        if not layer or status.startswith("Pulling from"):
            return
        self._layers[layer] = status
        detail = event.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            self._bytes[layer] = (detail["current"], detail["total"])
        elif layer in self._bytes and status in ("Download complete", "Pull complete"):
            self._bytes[layer] = (self._bytes[layer][1],) * 2
        if time.monotonic() - self._told > _TOLD_SECONDS:
            self._told = time.monotonic()
            self._report(f"  {self._line()}")

    def _line(self) -> str:
        ready = sum(s in ("Pull complete", "Already exists") for s in self._layers.values())
        here = sum(done for done, _ in self._bytes.values())
        total = sum(whole for _, whole in self._bytes.values())
        return (f"{self._name}: {ready} of {len(self._layers)} layers ready, "
                f"{units.size(here)} of {units.size(total)} downloaded")
