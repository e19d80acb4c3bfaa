"""A session without privileges builds and runs for real. `make sandbox` does more of it:
there every lesson of the first ones runs, in each sandbox, and is timed.

`make test` tries what such an engine can do in a session of kind (a), as on Binder: its layers
are in memory and its bases need not be loaded. Each night, the same in one of kind (hub), in
which layers are on a disk; the first lessons; and other users, in one of kind (ids).
"""

import json
import textwrap

import pytest

from helpers.bases import FIRST

from .__main__ import lessons, passed
from .image import KIT
from .sandbox import HOME, sandbox

STATE = f"{HOME}/.local/state/multistage-course/podman"


def said(pod, code, **environment):
    """Run Python in the sandbox; what it printed last, as JSON."""
    ran = pod.run(["python", "-c", textwrap.dedent(code)], environment=environment)
    assert ran.exit_code == 0, ran.output[-3000:]
    return json.loads(ran.output.strip().splitlines()[-1])


nightly = pytest.mark.nightly


@pytest.fixture(scope="module")
def binder(engine):
    """A session as Binder gives it: the home lies on the container's own layers, and nothing is loaded."""
    with sandbox(engine, "a") as pod:
        ran = pod.run(["python", "-m", "helpers", "bases", "--offline"])   # as `.binder/start` does
        assert ran.exit_code == 0 and "Loading" not in ran.output and "Unpacking" not in ran.output, ran.output
        yield pod


@pytest.fixture(scope="module")
def hub(engine):
    """A session with a home on the machine's disk, its engine started and its bases loaded."""
    with sandbox(engine, "hub") as pod:
        ran = pod.run(["sh", "-c", ".binder/start true && while pgrep -f '[h]elpers bases' >/dev/null; do sleep 0.2; done "
                       "&& cat /tmp/multistage-ready.log"])   # what it begins goes on beside the session
        assert ran.exit_code == 0 and ran.output.count("made") == len(FIRST), ran.output[-3000:]
        yield pod


@pytest.fixture(params=["binder", pytest.param("hub", marks=nightly)], scope="module")
def pod(request):
    return request.getfixturevalue(request.param)


def test_it_is_podman_with_one_id_and_does_not_copy_layers(pod):
    facts = said(pod, """
        import json
        from helpers.maintenance.doctor import doctor
        print(json.dumps(doctor().facts()))""")
    assert (facts["engine"]["rung"], facts["engine"]["owned"]) == ("podman-one-id", True)
    assert facts["engine"]["store"] == "overlay" and facts["builders"] == ["buildah"] and facts["ok"]
    assert {base["ref"] for base in facts["bases"] if base["present"]} >= set(FIRST)
    assert any("one user id" in problem["what"] for problem in facts["problems"])
    assert not any("vfs" in problem["what"] for problem in facts["problems"])


def test_its_socket_is_for_this_user_alone(pod):
    listed = pod.run(["stat", "--format", "%a %u", STATE]).output.split()
    assert listed == ["700", "1000"]


def test_stages_targets_cache_and_what_crossed(pod):
    told = said(pod, """
        import json
        from helpers import container
        from helpers.builder import build
        from helpers.image import inspect, layer_by_path
        app = "notebooks/apps/ready"
        text = ("FROM debian:bookworm-slim AS builder\\nRUN echo made > /made && chown 7:7 /made\\n"
                "FROM debian:bookworm-slim AS unused\\nRUN false\\n"
                "FROM debian:bookworm-slim\\nCOPY --from=builder /made /got\\nUSER nobody\\nCMD [\\"cat\\", \\"/got\\"]\\n")
        one = build(app, text=text, tag="sandbox:1")
        two = build(app, text=text, tag="sandbox:1")
        part = build(app, text=text, target="builder", tag="sandbox:part")
        image = inspect("sandbox:1")
        ran = container.run("sandbox:1")
        lost = container.run("sandbox:1", ["sh", "-c", "ls /usr/share | wc -l; exit 3"], hide=["/usr/share"])
        print(json.dumps({
            "first": [s.status for s in one.stages], "again": [s.status for s in two.stages],
            "lines": [s.line for s in one.steps if s.stage], "part": [s.status for s in part.stages],
            "layers": len(image.own_layers), "base": image.base, "made": "/made" in layer_by_path(image), "got": "/got" in layer_by_path(image),
            "ran": [ran.output, ran.exit_code], "lost": [lost.output.strip(), lost.exit_code]}))""")
    assert told == {
        "first": ["built", "skipped", "built"], "again": ["cached", "skipped", "cached"],
        "lines": [1, 2, 5, 6, 7, 8], "part": ["cached", "skipped", "skipped"],
        "layers": 1, "base": "debian:bookworm-slim", "made": False, "got": True, "ran": ["made\n", 0], "lost": ["0", 3]}


def test_a_secret_is_there_for_one_command_and_in_no_layer(pod):
    told = said(pod, """
        import json
        from helpers import container
        from helpers.builder import build
        text = ("FROM debian:bookworm-slim\\nCOPY . /all\\nRUN --mount=type=secret,id=word tr a-z A-Z < /run/secrets/word > /made\\n"
                "CMD [\\"sh\\", \\"-c\\", \\"cat /made; echo; cat /run/secrets/word; ls -A /all | grep secret\\"]\\n")
        build("notebooks/apps/ready", text=text, tag="sandbox:secret", secrets={"word": b"abc"}, no_cache=True)
        print(json.dumps(container.run("sandbox:secret").output.splitlines()))""")
    assert told[0] == "ABC" and len(told) == 2 and "No such file" in told[1]


def test_a_build_that_fails_says_where(pod):
    told = said(pod, """
        import json
        from helpers.builder import build
        from helpers.errors import BuildFailed
        try:
            build("notebooks/apps/ready", text="FROM debian:bookworm-slim\\nRUN echo before && exit 7\\n")
        except BuildFailed as error:
            print(json.dumps([error.stage, error.line, error.exit_code, list(error.log)[:1]]))""")
    assert told == ["stage-0", 2, 7, ["before"]]


def test_a_server_answers_and_is_gone_afterwards(pod):
    told = said(pod, r"""
        import json, socket
        from helpers.builder import build
        from helpers.container import serve
        from helpers.errors import CourseError
        script = ("use IO::Socket; $s = IO::Socket::INET->new(LocalPort => 8123, Listen => 5, ReuseAddr => 1) or die; "
                  "while ($c = $s->accept) { 1 while <$c> =~ /\\S/; print $c qq(HTTP/1.0 200 OK\\r\\n\\r\\nhere); close $c }")
        build("notebooks/apps/ready", text="FROM debian:bookworm-slim\nEXPOSE 8123\n", tag="sandbox:serve")
        with serve("sandbox:serve", ["perl", "-e", script], port=8123) as server:
            page, inside = server.get("/").text, server.run(["sh", "-c", "echo $((6 * 7)); exit 4"])
            try:
                with serve("sandbox:serve", ["perl", "-e", script], port=8123):
                    taken = "started twice"
            except CourseError as error:
                taken = error.what
        with socket.socket() as tried:
            open_still = tried.connect_ex(("127.0.0.1", 8123)) == 0
        print(json.dumps([page, inside.output, inside.exit_code, taken, open_still]))""")
    assert told[:3] == ["here", "42\n", 4] and "port 8123" in told[3] and told[4] is False


@nightly
def test_by_hand_it_is_stopped_found_gone_and_started(hub):
    def engine(word):
        ran = hub.run(["python", "-m", "helpers", "engine", word, "--json"])
        before, brace, rest = ran.output.partition("{")   # standard error may come before it, or behind
        facts, end = json.JSONDecoder().raw_decode(brace + rest) if brace else ({}, 0)
        return ran.exit_code, facts, before + (brace + rest)[end:]

    assert engine("status")[1]["rung"] == "podman-one-id"
    assert engine("stop")[1] == {"stopped": True}
    assert engine("stop")[1] == {"stopped": False}
    code, _, said_ = engine("status")
    assert code == 2 and "no Docker engine here" in said_
    code, facts, said_ = engine("start")
    assert (code, facts["rung"], facts["owned"]) == (0, "podman-one-id", True) and "Starting Podman" in said_


@nightly
def test_cleaning_leaves_what_lies_on_a_shelf(hub):
    told = said(hub, """
        import json
        from helpers.bases import status
        from helpers.engine import connect
        from helpers.builder import build
        from helpers.maintenance.clean import clean
        build("notebooks/apps/ready", tag="sandbox:gone")
        removed = clean(connect(), bases=True)
        print(json.dumps([removed.images >= 1, [base.present for base in status(connect())]]))""")
    assert told == [True, [True, True, True]]


@nightly
def test_stopping_ends_every_process_and_mount(hub):
    told = said(hub, """
        import json
        from helpers import labels
        from helpers.engine.podman import namespaces
        from helpers.engine import connect
        from helpers.engine.backends import PODMAN as podman
        api = connect().client.api
        api.create_container("debian:bookworm-slim", ["sleep", "600"], name="sleeper", labels=labels.marked(labels.RUN),
                             host_config=api.create_host_config(network_mode="none"))
        api.start("sleeper")
        before = namespaces.inside(namespaces.marked(podman.folder()), podman.folder())
        stopped = podman.stop()
        print(json.dumps([len(before) >= 3, stopped, [pid for pid, *_ in namespaces.seen(podman.folder()) if pid in before], podman.running(), podman.stop()]))""")
    assert told == [True, True, [], False, False]


@nightly
def test_purging_leaves_nothing(hub):
    told = said(hub, """
        import json
        from helpers.engine.backends import PODMAN as podman
        podman.purge()
        print(json.dumps(podman.folder().exists()))""")
    assert told is False


# -- as on Binder ------------------------------------------------------------------------

def test_on_binder_what_a_base_hides_is_hidden_and_layers_are_kept_in_memory(binder):
    told = said(binder, """
        import hashlib, io, json, tarfile
        from helpers import container
        from helpers.builder import build
        from helpers.engine import connect
        engine = connect()
        # A layer of golang:1.22 deletes these; `rm` and a folder made anew have to do what they say here.
        text = ("FROM golang:1.22\\nRUN test ! -e /var/lib/apt/lists/lock && test -d /var/lib/apt && rm -r /usr/share/doc "
                "&& mkdir /usr/share/doc\\nRUN ls -A /usr/share/doc > /left && chown 7:7 /left\\nCMD [\\"cat\\", \\"/left\\"]\\n")
        build("notebooks/apps/ready", text=text, tag="sandbox:hidden", engine=engine)
        ran = container.run("sandbox:hidden", engine=engine)
        slim = b"".join(engine.client.api.get_image("debian:bookworm-slim"))   # put together again from the shelf
        with tarfile.open(fileobj=io.BytesIO(slim)) as archive:
            (named,) = json.load(archive.extractfile("manifest.json"))
            layers = ["sha256:" + hashlib.sha256(archive.extractfile(name).read()).hexdigest() for name in named["Layers"]]
        print(json.dumps([engine.rung, engine.store, ran.output, ran.exit_code, list(engine.limits),
                          layers == engine.client.api.inspect_image("debian:bookworm-slim")["RootFS"]["Layers"]]))""")
    assert told[:4] == ["podman-one-id", "overlay", "", 0] and told[5] is True
    assert any("in its memory, at most 1" in limit for limit in told[4])


@nightly
@pytest.mark.parametrize("store, limit", [("memory", "in its memory"), ("vfs", "copies the whole file system")])
def test_on_binder_where_it_is_poorer(binder, store, limit):
    """No XDG_RUNTIME_DIR, a home that cannot be written, newuidmap without privileges, a kit
    without a shelf, and for vfs a kernel that overlays nothing."""
    assert binder.run(["sh", "-c", "test -u $(command -v newuidmap) && grep -q jovyan /etc/subuid"]).exit_code == 0
    assert binder.run(["sh", "-c", f"mkdir -p /tmp/kit && cp {KIT}/index.json {KIT}/debian* /tmp/kit"]).exit_code == 0
    told = said(binder, f"""
        import json
        from helpers import container, paths
        from helpers.builder import build, ensure_bases
        from helpers.engine import connect
        from helpers.engine.backends import PODMAN as podman
        from helpers.engine.podman import backend
        if {store!r} == "vfs":
            backend._good[podman.folder()] = {{"ok": True, "ids": "one", "store": "vfs", "hides": False, "shelves": False}}
        engine, heard = connect(), []
        ensure_bases(engine, ["debian:bookworm-slim"], offline=True, report=heard.append)
        build("notebooks/apps/ready", tag="sandbox:ready", engine=engine)
        ran = container.run("sandbox:ready", engine=engine)
        podman.purge()
        print(json.dumps([engine.rung, ran.output, ran.exit_code, str(paths.state()), list(engine.limits), heard[0], podman.folder().exists()]))""",
                HOME="/opt", MULTISTAGE_KIT="/tmp/kit")   # root's home
    assert told[:4] == ["podman-one-id", "Built in a stage.\n", 0, "/tmp/multistage-course-1000-state"]
    assert any(limit in each for each in told[4]) and told[6] is False
    assert told[5].startswith("Unpacking" if store == "memory" else "Loading")


@nightly
def test_on_binder_the_first_lessons_run(binder):
    cells = lessons(binder)
    assert passed(cells), cells
    ran = binder.run(["python", "-m", "helpers", "first-run", "--json"])   # by now out of the cache
    assert ran.exit_code == 0 and "all from the cache" in ran.output, ran.output[-3000:]


@nightly
def test_with_subordinate_ids_there_are_other_users(engine):
    with sandbox(engine, "ids") as pod:
        told = said(pod, """
            import json
            from helpers.engine import connect
            from helpers.engine.backends import PODMAN as podman
            from helpers import container
            from helpers.builder import build, ensure_bases
            engine = connect()
            ensure_bases(engine, ["debian:bookworm-slim"], offline=True)
            text = ("FROM debian:bookworm-slim\\nRUN touch /f && chown 7:8 /f\\nUSER nobody\\n"
                    "CMD [\\"sh\\", \\"-c\\", \\"id -u; stat -c '%u %g' /f; touch /f 2>/dev/null || echo no\\"]\\n")
            build("notebooks/apps/ready", text=text, tag="sandbox:ids", engine=engine)
            ran = container.run("sandbox:ids", engine=engine)
            podman.purge()   # files of other ids too
            print(json.dumps([engine.rung, engine.store, engine.has_users, ran.output.split()[:3], ran.output.split()[-1],
                              podman.folder().exists()]))""")
    assert told == ["podman", "overlay", True, ["65534", "7", "8"], "no", False]
