"""An engine for the tests that build for real.

Without one they are skipped on a laptop, and fail where MULTISTAGE_REQUIRE_ENGINE=1.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import uuid
from functools import cache
from pathlib import Path

import pytest
from docker.errors import NotFound

from helpers import container
from helpers.builder import build
from helpers.engine import connect
from helpers.errors import NoEngine
from helpers.experiments.variants import APPS
from helpers.registry import server
from tests.waiting import lacks

WEB = """
FROM debian:bookworm-slim
RUN mkdir /site && echo hello > /site/index.html && mkdir /site/deep
CMD ["perl", "/serve.pl"]
COPY serve.pl /
"""
# A server in the Perl that every Debian has: a path's file, 404, or a redirect.
PERL = r"""
use IO::Socket::INET;
$| = 1; $0 = "web"; $SIG{CHLD} = "IGNORE";
select(undef, undef, undef, $ENV{WAIT} || 0);
print "ready\n";
my $door = IO::Socket::INET->new(LocalPort => 8000, Listen => 5, ReuseAddr => 1) or die;
while (my $guest = $door->accept) {
    my $asked = <$guest>; while (<$guest> =~ /\S/) {}
    my ($path) = $asked =~ m{^GET (\S+)};
    print "asked $path\n";
    exit 7 if $path eq "/end";
    my $status = -d "/site$path" && $path ne "/" ? "301 Moved\r\nLocation: /" : "404 Not Found";
    $path = "/index.html" if $path eq "/";
    my $body = "";
    if (-f "/site$path" && open my $file, "<", "/site$path") { $body = join "", <$file>; $status = "200 OK"; }
    print $guest "HTTP/1.0 $status\r\nX-Word: yes\r\n\r\n$body";
    close $guest;
}
"""


@pytest.fixture(scope="session")
def engine():
    try:
        return connect()
    except NoEngine as error:
        lacks(str(error))


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
    program = shutil.which("docker-registry") or lacks("docker-registry is not installed")
    with server._started(program, tmp_path_factory.mktemp("registry")) as started:
        yield started.address


@pytest.fixture(scope="session")
def docker(engine):
    """docker(*words, builder=..., text=...) runs a docker command, `docker.program`, that can build with both builders here."""
    if "buildkit" not in engine.builders:
        pytest.skip("this engine has no buildkit for a docker command to build with")
    # A newer command needs a plugin for BuildKit; Debian's own has it built in.
    for program in dict.fromkeys(filter(None, ("/usr/bin/docker", shutil.which("docker")))):
        def run(*words, builder="buildkit", text=None, program=program):
            variables = {"DOCKER_BUILDKIT": str(int(builder == "buildkit")), "DOCKER_HOST": engine.host, "BUILDKIT_PROGRESS": "plain"}
            return subprocess.run([program, *words], input=text, capture_output=True, text=True, env={**os.environ, **variables})

        if Path(program).exists() and run("build", "--quiet", "-", text="FROM scratch\nLABEL a=b\n").returncode == 0:
            run.program = program
            return run
    return lacks("no docker command here can build with BuildKit")


@pytest.fixture
def left(engine, monkeypatch):
    """left() gives the containers that this test started and that are still there. Others may work in the same engine."""
    mark, numbers = uuid.uuid4().hex, itertools.count()
    monkeypatch.setattr(container.sandbox.secrets, "token_hex", lambda size: f"{mark}-{next(numbers)}")

    def listed():
        assert next(numbers) > 0   # the test started some
        return engine.client.containers.list(all=True, filters={"name": mark})

    return listed


@pytest.fixture(scope="module")
def web(engine, tmp_path_factory):
    """The name of an image with the server of PERL on port 8000."""
    folder = tmp_path_factory.mktemp("web")
    (folder / "serve.pl").write_text(PERL)
    tag = f"course-test:{uuid.uuid4().hex[:12]}"
    build(folder, text=WEB, tag=tag, engine=engine)
    yield tag
    engine.client.images.remove(tag, force=True)
