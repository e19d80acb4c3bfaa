"""Pull an image through the engine, without waiting long for an unreachable registry."""

import re
import time

import docker.auth
import requests
from docker import APIClient

from .. import units
from ..engine import Engine
from ..engine.processes import Report
from ..engine.transfer_events import NO_LOGIN, LayerProgress, event_stream
from ..engine.translate import engine_fault
from ..errors import EngineError
from .references import Reference

FIRST_SECONDS = 20       # until the first progress event
_LATER_SECONDS = 300     # between events
_REPORT_SECONDS = 5      # between lines of the report
_REMEMBERED_SECONDS = 120

# dockerd's errors (of Go's net package) for an unreachable registry.
_UNREACHABLE = re.compile(r"no such host|connection refused|i/o timeout|Client\.Timeout|TLS handshake timeout"
                          r"|network is unreachable|no route to host|server misbehaving|deadline exceeded"
                          r"|temporary failure in name resolution", re.IGNORECASE)

# (engine, registry) -> when and why it was unreachable, so that further images fail at once.
_unreachable: dict[tuple[str, str], tuple[float, str]] = {}


class PullRefused(Exception):
    """The registry's error, or why it could not be `reached`."""

    def __init__(self, why: str, *, reached: bool):
        super().__init__(why)
        self.reached = reached


def pull(engine: Engine, reference: Reference, report: Report) -> None:
    """Pull exactly `reference`; an interrupt cancels it in the engine. Raises PullRefused, DiskFull, EngineGone."""
    key = (engine.host, reference.registry)
    since, why = _unreachable.get(key, (0.0, ""))
    if why and time.monotonic() - since < _REMEMBERED_SECONDS:
        raise PullRefused(why, reached=False)
    started = time.monotonic()
    report(f"Pulling {reference} ...")
    try:
        _pull(engine, reference, report)
    except PullRefused as refusal:
        if not refusal.reached:
            _unreachable[key] = (time.monotonic(), str(refusal))
        raise
    _unreachable.pop(key, None)
    report(f"Pulled {reference} in {units.seconds(time.monotonic() - started)}.")


def _pull(engine: Engine, reference: Reference, report: Report) -> None:
    api, progress, reported, begun = engine.client.api, LayerProgress(), time.monotonic(), False
    parameters = {"fromImage": reference.repository, "tag": reference.version}
    with engine.translate_errors(f"pull {reference}"):
        try:
            with event_stream(api, "images/create", parameters, first=FIRST_SECONDS, later=_LATER_SECONDS,
                              login=_login(api, reference)) as events:
                for event in events:
                    if event.get("error"):
                        raise _refused(event["error"])
                    begun = True
                    progress.take(event)
                    if time.monotonic() - reported > _REPORT_SECONDS:
                        reported = time.monotonic()
                        report(f"  {reference}: {progress.ready} of {progress.layers} layers ready, "
                               f"{progress} downloaded")
        except requests.exceptions.Timeout as error:
            waited = _LATER_SECONDS if begun else FIRST_SECONDS
            raise PullRefused(f"no answer within {waited} s", reached=begun) from error


def _login(api: APIClient, reference: Reference) -> str:
    """The credentials of `docker login` for the registry, in the form of Docker's API."""
    registry, _ = docker.auth.resolve_repository_name(reference.repository)
    header = docker.auth.get_config_header(api, registry)
    return header.decode() if header else NO_LOGIN


def _refused(message: str) -> PullRefused | EngineError:
    if "no space left on device" in message.lower():
        return engine_fault("pull an image", message)
    return PullRefused(" ".join(message.split()), reached=not _UNREACHABLE.search(message))
