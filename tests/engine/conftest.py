"""An engine for the tests that build for real.

Without one they are skipped on a laptop, and fail where MULTISTAGE_REQUIRE_ENGINE=1.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
import uuid
from functools import cache

import pytest
from docker.errors import NotFound

from helpers.builder import build
from helpers.engine import connect
from helpers.errors import NoEngine
from helpers.experiments.variants import APPS


@pytest.fixture(scope="session")
def engine():
    try:
        return connect()
    except NoEngine as error:
        if os.environ.get("MULTISTAGE_REQUIRE_ENGINE") == "1":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def built(engine):
    """built(app, dockerfile) builds an application of the lessons, once. The image stays: the
    lessons build the same, and find it in the builder's cache."""
    @cache
    def one(app, dockerfile="Dockerfile"):
        tag = f"{app}:{dockerfile.removeprefix('Dockerfile').strip('.') or 'multi'}"
        return build(APPS / app, dockerfile=dockerfile, tag=tag, engine=engine)

    return one


@pytest.fixture(scope="module")
def temporary(engine):
    """temporary(context, **words) builds like `build`, under a name of its own; the images go with the file's last test."""
    tags = []

    def one(context, **words):
        tags.append(f"course-test:{uuid.uuid4().hex[:12]}")
        return build(context, tag=tags[-1], engine=engine, **words)

    yield one
    for tag in tags:
        with contextlib.suppress(NotFound):     # it was not built
            engine.client.images.remove(tag, force=True)


@pytest.fixture(scope="session")
def registry(tmp_path_factory):
    """Address of a real, empty registry on loopback: Debian's docker-registry."""
    program = shutil.which("docker-registry")
    if not program:
        if os.environ.get("MULTISTAGE_REQUIRE_ENGINE") == "1":
            pytest.fail("docker-registry is not installed")
        pytest.skip("docker-registry is not installed")
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    settings = folder / "config.yml"
    settings.write_text(
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'data'}}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '{address}'}}\n"
        "log: {level: error}\n")
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([program, "serve", str(settings)], stdout=log, stderr=log,
                                   start_new_session=True)
    try:
        _await(address, process, folder / "log")
        yield address
    finally:
        process.terminate()
        process.wait(10)


def _await(address, process, log, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{address}/v2/", timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"docker-registry did not answer: {log.read_text(errors='replace')[-500:]}")
