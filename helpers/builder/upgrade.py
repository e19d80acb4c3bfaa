"""A connection of the Docker SDK, turned into HTTP/2.

The engine answers `Upgrade: h2c` on /session and on /grpc with 101, and hands the connection to BuildKit: see
moby/moby, api/server/router/session and router/grpc.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable

import requests
from urllib3 import HTTPHeaderDict

from ..engine import Engine
from ..engine.translate import engine_fault

_CONNECT_SECONDS = 10


def upgrade(engine: Engine, path: str, doing: str,
            headers: Iterable[tuple[str, str]] = ()) -> tuple[requests.Response, socket.socket, bytes]:
    """POST `path` and upgrade. `doing` names it in errors ("open a build session").

    Returns the answer (close it last), its socket, not blocking, and what was read beyond the answer's head. Raises
    the engine's errors.
    """
    api = engine.client.api
    prepared = api.prepare_request(requests.Request(
        "POST", f"{api.base_url}{path}", headers={"Connection": "Upgrade", "Upgrade": "h2c"}))
    # requests keeps one value a header, and a session names each of its methods in a header of its own.
    prepared.headers = HTTPHeaderDict(prepared.headers)
    for name, value in headers:
        prepared.headers.add(name, value)
    settings = api.merge_environment_settings(prepared.url, {}, True, None, None)
    with engine.translate_errors(doing):
        response = api.send(prepared, timeout=_CONNECT_SECONDS, **settings)
    if response.status_code != 101:
        with response:
            raise engine_fault(doing, _message(response))
    # As in the SDK's own attach: the socket lies below the answer's buffered file.
    file = response.raw._fp.fp
    sock = file.raw._sock
    sock.settimeout(0)
    try:
        early = file.peek()
    except ssl.SSLWantReadError:   # TLS raises this where other sockets give nothing
        early = b""
    return response, sock, early


def _message(response: requests.Response) -> str:
    try:
        return response.json()["message"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code} {response.reason}"
