"""A JupyterLab server for tests, on a copy of the lessons."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from helpers.maintenance.lab import command

CHECKOUT = Path(__file__).resolve().parents[2]
_START_SECONDS, _STOP_SECONDS = 60, 20


def copy_lessons(root: Path) -> Path:
    """Copy the checkout's notebooks to `root`."""
    leave = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
    return Path(shutil.copytree(CHECKOUT / "notebooks", root / "notebooks", ignore=leave))


def add_kernel(home: Path, name: str, **environment: str) -> None:
    """Add a Python kernel with these environment variables to the server with this home."""
    folder = home / "data" / "kernels" / name
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps({
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3", "language": "python", "env": environment}))


def set_theme(address: str, token: str, name: str) -> None:
    """Set the theme of pages that are opened from now on."""
    request = urllib.request.Request(f"{address}/lab/api/settings/@jupyterlab/apputils-extension:themes?token={token}", method="PUT",
                                     data=json.dumps({"raw": json.dumps({"theme": name})}).encode())
    urllib.request.urlopen(request, timeout=_START_SECONDS).close()


@contextmanager
def serve(notebook: Path, home: Path) -> Iterator[tuple[str, str]]:
    """Run JupyterLab as `make lab` starts it: (address, token)."""
    port, token = _free_port(), secrets.token_hex(16)
    home.mkdir(exist_ok=True)
    with open(home / "log", "wb") as log:
        process = subprocess.Popen(_words(notebook, port, token), stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, env=_environment(home), start_new_session=True)
    try:
        address = f"http://127.0.0.1:{port}"
        _await(f"{address}/api/status?token={token}", process, home / "log")
        yield address, token
    finally:
        _stop(process)


def _words(notebook: Path, port: int, token: str) -> list[str]:
    words = command(str(notebook), {})
    return [*words, f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={token}",
            *["--no-browser"] * ("--no-browser" not in words)]


def _environment(home: Path) -> dict[str, str]:
    """This environment with new folders for Jupyter, so that the user's settings have no effect."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("JUPYTER", "IPYTHON"))}
    folders = {"JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "data",
               "JUPYTER_RUNTIME_DIR": "runtime", "JUPYTERLAB_SETTINGS_DIR": "settings",
               "JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython"}
    return kept | {name: str(home / folder) for name, folder in folders.items()}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _await(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(process: subprocess.Popen) -> None:
    """On SIGTERM the server ends its kernels too. Then kill whatever is left of its process group."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
