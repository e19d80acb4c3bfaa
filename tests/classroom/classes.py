"""Ten learners of the live class view, who send through the session's client without kernels."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import requests

from helpers.classroom.live import client
from helpers.engine import processes

SIZE, CONTENT = "How large is the image?", "How many of the five will the program find?"     # lesson 01 asks both
EXERCISE = "01-split-the-stage"
NAMES = ("ada", "bob", "cem", "dana", "eve", "finn", "gita", "hugo", "ines", "jo")
GUESSES = (100, 300, 300, 300, 500, 500, 800, 800, 1000, 2000)
MEASURED = 837_000_000
PREFIX = "/services/class/"


def take_part(view: str, tokens: Iterable[str]) -> None:
    """Let learners with these tokens predict and try an exercise: three are stuck on its size, four pass."""
    for number, token in enumerate(tokens):
        with mock.patch.dict(os.environ, {client.ADDRESS: view, "JUPYTERHUB_API_TOKEN": token}):
            client._post({"kind": "answer", "question": SIZE, "answer": GUESSES[number] * 1e6, "found": MEASURED})
            content = "1 or 2" if number % 3 else "3 or 4"
            client._post({"kind": "answer", "question": CONTENT, "answer": content})
            for fails in [["size"]] * 3 if number < 3 else [["single-stage"], []] if number < 7 else []:
                client._post({"kind": "check", "exercise": EXERCISE, "passed": not fails, "fails": fails})


class _Hub(BaseHTTPRequestHandler):
    """A fake JupyterHub, for which `NAME token` is NAME's token."""

    def do_GET(self) -> None:
        name = self.headers["Authorization"].removeprefix("token ").removesuffix(" token")
        user = {"name": name, "kind": "user", "scopes": ["access:services!service=class"]}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(user).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def view(folder: Path) -> Iterator[str]:
    """Run the service with the fake hub; yields its address."""
    hub = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers.classroom.live.service"], stdin=subprocess.DEVNULL, env={
            **processes.environment(), "JUPYTERHUB_API_URL": f"http://127.0.0.1:{hub.server_port}/hub/api",
            "JUPYTERHUB_API_TOKEN": "x", "JUPYTERHUB_CLIENT_ID": "service-class", "JUPYTERHUB_SERVICE_NAME": "class",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX, "MULTISTAGE_VIEW_LISTEN": f"127.0.0.1:{port}",
            "MULTISTAGE_VIEW_FILE": str(folder / "events.jsonl"), "MULTISTAGE_VIEW_INSTRUCTORS": "instructor"})
    try:
        address = f"http://127.0.0.1:{port}{PREFIX}"
        _await(f"{address}health", process)
        yield address
    finally:
        process.terminate()
        process.wait()
        hub.shutdown()
        hub.server_close()


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            requests.get(url, timeout=5).raise_for_status()
            return
        except requests.RequestException:
            time.sleep(0.1)
    raise RuntimeError("the class view did not start")
