"""A session without privileges builds and runs for real. `make sandbox` does more of it:
there every lesson of the first ones runs, in each sandbox, and is timed.

`make test` tries what Podman with one id can do in a session of kind (hub); each night more of it.
What the engine over PRoot does in the other kinds is in test_proot.
"""

import json
import textwrap

import pytest

from helpers.bases import FIRST

from .sandbox import HOME, sandbox

BASE = "debian:bookworm-slim"
STATE = f"{HOME}/.local/state/multistage-course/podman"


def said(pod, code, **environment):
    """Run Python in the sandbox; what it printed last, as JSON."""
    ran = pod.run(["python", "-c", textwrap.dedent(code)], environment=environment)
    assert ran.exit_code == 0, ran.output[-3000:]
    return json.loads(ran.output.strip().splitlines()[-1])


nightly = pytest.mark.nightly


@pytest.fixture(scope="module")
def pod(engine, pytestconfig):
    """A session with a home on the machine's disk, its engine started and the base of these tests loaded."""
    with sandbox(engine, "hub", needed=FIRST if pytestconfig.getoption("--nightly") else [BASE]) as pod:
        ran = pod.run(["python", "-m", "helpers", "bases", "--offline", BASE])
        assert ran.exit_code == 0 and ran.output.count("made") == 1, ran.output[-3000:]
        yield pod


def test_it_is_podman_with_one_id_and_does_not_copy_layers(pod):
    facts = said(pod, """
        import json
        from helpers.maintenance.doctor import doctor
        print(json.dumps(doctor().facts()))""")
    assert (facts["engine"]["rung"], facts["engine"]["owned"]) == ("podman-one-id", True)
    assert facts["engine"]["store"] == "overlay" and facts["builders"] == ["buildah"] and facts["ok"]
    assert BASE in {base["ref"] for base in facts["bases"] if base["present"]}
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


def test_a_dockerfile_that_is_only_a_text_is_no_part_of_what_is_copied(pod):
    told = said(pod, """
        import json, tempfile
        from pathlib import Path
        from helpers import container
        from helpers.builder import build
        folder = tempfile.mkdtemp()
        Path(folder, "one").touch()
        for word in ("first", "second"):
            text = f"FROM debian:bookworm-slim\\nCOPY . /all\\nLABEL of={word}\\nCMD [\\"ls\\", \\"-A\\", \\"/all\\"]\\n"
            built = build(folder, text=text, tag="sandbox:text")
        copied = next(step for step in built.steps if step.instruction.startswith("COPY"))
        print(json.dumps([copied.status, container.run("sandbox:text").output]))""")
    assert told == ["cached", "one\n"]


def test_its_layers_are_read_from_its_own_disk(pod):
    """Every layer of an image: the bytes that the engine would send, which would be the whole image."""
    told = said(pod, """
        import hashlib, json
        from helpers.builder import build
        from helpers.engine import backends, connect
        from helpers.image import contents, inspect, measure
        text = ("FROM debian:bookworm-slim\\nRUN mkdir /a && echo one > /a/one && ln /a/one /a/two && ln -s /etc /a/out"
                " && rm /etc/issue && mkfifo /a/pipe\\nCOPY . /all\\n")
        engine = connect()
        built = build("notebooks/apps/ready", text=text, tag="sandbox:layers", engine=engine)
        layers = engine.client.api.inspect_image(built.image)["RootFS"]["Layers"]
        own = backends.owner(engine.host)
        read = [hashlib.sha256(b"".join(own.layer(layers[:at]) or ())).hexdigest() for at in (1, 2, 3)]
        measure.stream = None    # what asks the engine for the whole image
        found = contents(inspect(built.image, engine), engine)
        print(json.dumps([["sha256:" + each for each in read] == layers, "/a/two" in found[1].paths, len(layers)]))""")
    assert told == [True, True, 3]


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
def test_by_hand_it_is_stopped_found_gone_and_started(pod):
    def engine(word):
        ran = pod.run(["python", "-m", "helpers", "engine", word, "--json"])
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
def test_stopping_ends_every_process_and_mount(pod):
    told = said(pod, """
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
def test_the_bases_of_the_first_lessons_are_loaded_as_binder_loads_them(pod):
    ran = pod.run(["python", "-m", "helpers", "bases", "--offline"])   # as `.binder/start` does
    assert ran.exit_code == 0 and ran.output.count("made") == len(FIRST), ran.output[-3000:]


@nightly
def test_purging_leaves_nothing(pod):
    told = said(pod, """
        import json
        from helpers.engine.backends import PODMAN as podman
        podman.purge()
        print(json.dumps(podman.folder().exists()))""")
    assert told is False
