"""The session that repo2docker makes of the project, for real, as near as can be here.

Its own Dockerfile is built, on a Debian instead of Ubuntu and with pip in the place of
conda, against a registry on loopback that has two of the three bases. Then a session
runs as on Binder: user 1000, no capabilities, no new privileges, one processor.
"""

import json

import pytest

from helpers import labels
from helpers.builder import build, ensure_bases
from tests import binder

from .test_bases import drop

HOME = f"/home/{binder.USER}"
NAME = "course-binder-test:1"
MIRRORED = ("gcr.io/distroless/base-debian12", binder.BASE)
pytestmark = pytest.mark.nightly   # `make test` builds in the session of tests/sandbox, which has no more rights
PACKAGES = 300_000_000   # bytes that apt.txt may add to the image
KIT = 400_000_000        # that the kit may: what postBuild asks for


@pytest.fixture(scope="module")
def image(engine, registry, tmp_path_factory):
    if "buildkit" not in engine.builders:
        pytest.skip("repo2docker's Dockerfile takes BuildKit")
    for base in ensure_bases(engine, MIRRORED):
        name = f"{registry}/{base.ref}"
        repository, _, tag = name.rpartition(":") if ":" in base.ref else (name, "", "latest")
        engine.client.api.tag(base.name, repository, tag)
        said = list(engine.client.api.push(repository, tag=tag, stream=True, decode=True))
        assert not [line for line in said if "error" in line]
        drop(engine, f"{repository}:{tag}")
    folder = tmp_path_factory.mktemp("binder")
    text = binder.context(folder, mirror=registry)
    built = build(folder, text=text, tag=NAME, args=binder.arguments(), engine=engine, network="host",
                  context_limit=None, lend=("pip.conf", "trust"))
    yield built.image
    drop(engine, NAME)


@pytest.fixture(scope="module")
def session(engine, image):
    """Runs a command as a session on Binder does: through the entry point."""

    def run(*command, security=()):
        container = engine.client.containers.create(
            image, list(command), labels=labels.marked(labels.RUN), user="1000:1000", cap_drop=["ALL"],
            security_opt=["no-new-privileges", *security], mem_limit=2_000_000_000, nano_cpus=10**9)
        try:
            container.start()
            code = container.wait(timeout=300)["StatusCode"]
            return code, container.logs(stderr=False).decode()   # the entry point puts both in one
        finally:
            container.remove(force=True)

    return run


def test_what_post_build_made(session):
    code, told = session("python3", "-c", (
        "import json, os, helpers, sys; from helpers.bases import kit\n"
        "print(json.dumps([helpers.__file__, sys.prefix, os.getcwd(), os.getuid(),"
        " [[str(k.path), k.ref, k.origin, k.size] for k in kit.entries(kit.folders()[0])]]))"))
    assert code == 0, told
    file, prefix, cwd, uid, kept = json.loads(told.splitlines()[-1])
    assert (file, prefix, cwd, uid) == (f"{HOME}/helpers/__init__.py", "/srv/conda/envs/notebook", HOME, 1000)
    # golang is not in this registry: the image is there all the same.
    assert [each[1] for each in kept] == sorted(MIRRORED) and {each[2] for each in kept} == {"mirror"}
    assert all(path.startswith(f"{HOME}/.kit/") for path, *_ in kept)


def test_a_session_is_the_command_and_its_exit_code(session):
    """And what `start` makes ready beside it leaves a log, not a word in the server's."""
    code, told = session("bash", "-c", "cat /proc/1/cmdline | tr '\\0' ' '; echo; sleep 3; "
                         "ls /tmp/multistage-ready.log; exit 7")
    assert code == 7, told
    assert told.splitlines()[-1] == "/tmp/multistage-ready.log" and "bash -c" in told


def test_the_notebook_server_is_ready_and_asks_no_question(session):
    code, told = session("bash", "-c", "jupyter lab --version && "
                         "cat $NB_PYTHON_PREFIX/share/jupyter/lab/settings/overrides.json")
    assert code == 0 and '"fetchNews": "false"' in told, told


def test_where_no_namespace_is_allowed_the_small_engine_builds(session):
    """Docker's own seccomp profile: PRoot is what postBuild fetched for it, without privileges."""
    code, told = session("bash", "-c", (
        f"mkdir /tmp/own && printf 'FROM {binder.BASE}\nRUN id -u > /one\n' > /tmp/own/Dockerfile && "
        "MULTISTAGE_MIRROR= python3 -m helpers build --json /tmp/own -t own:1 && python3 -m helpers doctor --json && "
        "ls -d $NB_PYTHON_PREFIX/share/multistage-course/proot"))
    assert code == 0, told
    text = told[told.index("{\n"):]
    built, end = json.JSONDecoder().raw_decode(text)
    report, _ = json.JSONDecoder().raw_decode(text[text.index("{\n", end):])
    assert built["ok"] and built["builder"] == "legacy"
    assert report["ok"] and report["engine"]["rung"] == "small", report
    assert told.rstrip().endswith("/share/multistage-course/proot")


def test_doctor_says_what_there_is_and_what_to_do(session):
    code, told = session("python3", "-m", "helpers", "doctor", "--json")
    report = json.loads(told[told.index("{\n"):])
    assert code in (0, 1) and report["ok"] == (code == 0)
    assert report["ok"] or report["problems"][0]["remedy"]


def test_the_image_stays_within_its_budget(engine, image):
    """By the engine's own figures: they are near enough for a budget, and need no export."""
    layers = {each["CreatedBy"]: each["Size"] for each in engine.client.api.history(image)}
    (packages,) = [size for made, size in layers.items() if "apt-get install" in made and "podman" in made]
    (post,) = [size for made, size in layers.items() if "./.binder/postBuild" in made and "chmod" not in made]
    assert 50_000_000 < packages < PACKAGES
    assert 20_000_000 < post < KIT


def test_a_session_builds_on_what_the_kit_holds(session):
    """Where namespaces are allowed. `start` may be at the same base: it is loaded once."""
    code, told = session("bash", "-c", (
        f"mkdir /tmp/own && printf 'FROM {binder.BASE}\\nRUN echo one > /one\\n' > /tmp/own/Dockerfile && "
        "MULTISTAGE_MIRROR= python3 -m helpers build --json /tmp/own -t own:1"), security=("seccomp=unconfined",))
    assert code == 0, told
    report = json.loads(told[told.index("{\n"):])
    assert report["ok"] and report["tag"] == "own:1" and report["builder"] == "buildah"
