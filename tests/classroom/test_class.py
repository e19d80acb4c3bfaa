"""A real class: two learners, what each can reach, a restart of the hub, and closing it.

The tests share one class and run in order; the last one closes it.
"""

import json
import socket
import tarfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from helpers.classroom import disks, firewall, homes, opening, rehearsal, store
from helpers.classroom.containers import COURSE
from helpers.classroom.learner import Learner, LearnerFailed
from helpers.classroom.room import LABEL
from tests.classroom.classes import SIZE

pytestmark = pytest.mark.nightly
FIRST = "notebooks/01-one-stage.ipynb"
# Runs in a session, with the hub's address and the token of the session's server.
WORDS = """
import json, os, socket
import requests
own = dict(each.decode().split("=", 1) for each in open("/proc/1/environ", "rb").read().split(b"\\0") if b"=" in each)
def hub(method, path):
    return requests.request(method, own["JUPYTERHUB_API_URL"] + path, timeout=20,
                            headers={"Authorization": "token " + own["JUPYTERHUB_API_TOKEN"]}).status_code
def reaches(host, port):
    with socket.socket() as probe:
        probe.settimeout(4)
        return probe.connect_ex((host, port)) == 0
def answer(value):
    print(json.dumps(value))
"""

# Go with a compiler that refuses the standard library.
REFUSING = r"""FROM golang:1.22
RUN cd /usr/local/go/pkg/tool/*/ && mkdir real && mv compile real/ \
 && printf '#!/bin/sh\ncase " $* " in *" -std "*) exit 9 ;; esac\nexec "${0%%compile}real/compile" "$@"\n' > compile \
 && chmod +x compile
WORKDIR /app
COPY . .
RUN {command} -o app
"""
UNUSED = "find /root -name '*-[ad]' -mtime +2 | wc -l"


@pytest.fixture(scope="module")
def room(engine, tmp_path_factory):
    if "buildkit" not in engine.builders:
        pytest.skip("the learners' image takes BuildKit")
    with pytest.MonkeyPatch.context() as patch, socket.socket() as free:
        patch.setenv("MULTISTAGE_HOME", str(tmp_path_factory.mktemp("class")))
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        try:
            yield opening.start(engine, print, f"127.0.0.1:{port}")
        finally:
            if opening.room.current():
                opening.stop(engine, print)
            opening.stop(engine, print, purge=True)


@pytest.fixture(scope="module")
def learners(room):
    """Ada and Bob, with running sessions."""
    both = [Learner(room.address, name, f"{name}-has-a-secret") for name in ("ada", "bob")]
    for each in both:
        each.log_in(room.password)
        each.start()
    return both


@pytest.fixture
def inside(engine, room, learners):
    """inside(code): runs Python in Ada's session."""
    def run(code):
        api = engine.client.api
        made = api.exec_create(f"{room.name}-ada", ["python3", "-c", WORDS + code], workdir=COURSE)["Id"]
        output = api.exec_start(made).decode()
        assert api.exec_inspect(made)["ExitCode"] == 0, output
        return json.loads(output.strip().splitlines()[-1])
    return run


def refusal(learner, *password):
    with pytest.raises(LearnerFailed) as caught:
        learner.log_in(*password)
    return caught.value.evidence


def test_a_new_name_needs_the_class_password(room):
    assert "new name" in refusal(Learner(room.address, "eve", "eve-has-a-secret"), "guess")
    assert "too short" in refusal(Learner(room.address, "eve", "short"), room.password)
    assert "2 to 31 letters" in refusal(Learner(room.address, "e-v", "eve-has-a-secret"), room.password)
    assert "too long" in refusal(Learner(room.address, "eve", "e" * 73), room.password)


def test_a_name_belongs_to_one_learner(room, learners):
    for name in ("ada", "Ada", "ADA"):
        assert "Invalid" in refusal(Learner(room.address, name, "eve-has-a-secret"), room.password)
    assert "Invalid" in refusal(Learner(room.address, "instructor", "eve-has-a-secret"), room.password)
    Learner(room.address, "ada", "ada-has-a-secret").log_in()    # and her own password is enough from now on


def test_the_instructor_sees_the_class(room, learners):
    instructor = Learner(room.address, "instructor", room.token)
    instructor.log_in()
    assert instructor.web.get(f"{room.address}/hub/admin").status_code == 200
    assert learners[0].web.get(f"{room.address}/hub/admin").status_code == 403


def test_the_first_cells_of_a_lesson_run(learners):
    kernel = learners[1].open(FIRST)
    texts = [kernel.run(cell) for cell in learners[1].cells(FIRST)[:6]]
    kernel.close()
    assert "%class off" in texts[0]     # what is sent, before anything is
    assert any("Podman Engine" in text and "overlay" in text for text in texts)
    assert "Measured: 8" in texts[5]


def exported(room):
    """The class as the instructor exports it, logged in through the hub."""
    instructor = Learner(room.address, "instructor", room.token)
    instructor.log_in()
    instructor.web.get(room.view, timeout=60).raise_for_status()
    return instructor.web.get(f"{room.view}events.csv", timeout=60).text


def test_answers_of_a_lesson_are_in_the_view(room, learners):
    ada, bob = learners
    kernel = bob.open(FIRST)     # the same one
    kernel.run("size_guess.value = 300")
    kernel.run(next(cell for cell in bob.cells(FIRST) if "size_guess.compare" in cell))
    kernel.run("from helpers.classroom.live import client; client._sender.shutdown()")    # all of it is sent
    assert "nothing to compare yet" in kernel.run("%class")
    seen = exported(room).splitlines()
    assert len(seen) == 2 and f'"bob","01-one-stage","prediction","{SIZE}","300 MB","8' in seen[1]
    assert {ada.web.get(room.view + path, timeout=60).status_code for path in ("", "events.csv", "stream")} == {403}
    kernel.close()


def test_base_images_are_not_copied_into_sessions(inside):
    listed = inside("""
from helpers.engine import connect
answer([image.tags for image in connect().client.images.list()])""")
    assert any("docker.io/library/golang:1.22" in tags for tags in listed)
    size = inside("""
import pathlib
answer(sum(each.stat().st_size for each in pathlib.Path("/var/lib/multistage/state/podman").rglob("*")
           if each.is_file() and not each.is_symlink() and "data-overlay" in str(each)))""")
    assert size < 300_000_000     # golang:1.22 alone has 763 MB


@pytest.mark.parametrize("command", ["go build", "GOCACHE=/tmp/own go build"])
def test_no_session_compiles_the_standard_library_again(inside, command):
    """From Go's own cache, of which the layer has what was used; and with another cache, by what the compiler made."""
    text = REFUSING.replace("{command}", command)
    assert inside(f"""
from helpers.builder import build
from helpers.container import run
built = build("notebooks/apps/go-hello", text={text!r}, tag="refused:latest")
answer([[each.status for each in built.stages], run(built.tag, ["sh", "-c", {UNUSED!r}]).output.strip()])""") == [
        ["built"], "0"]


def test_a_session_starts_with_the_shared_caches(inside):
    assert inside("""
import glob, importlib.util
from helpers.checks import find
from helpers.checks.building import build_exercise
from helpers.engine import connect
exercise = find("01-split-the-stage")
built = build_exercise(exercise, exercise.starter.read_text(), exercise.source(), {}, tag="try:1", engine=connect())
fonts = glob.glob("/var/lib/multistage/cache/matplotlib/fontlist-*.json")
answer([built.stages[0].status, len(fonts), importlib.util.find_spec("rfc3987_syntax") is None])""") == ["cached", 1, True]


def test_a_dockerfile_can_be_saved_before_the_exercise_was_run(learners):
    place = "exercises/01-split-the-stage/work/Dockerfile"
    learners[1].request("PUT", f"api/contents/{place}", json={"type": "file", "format": "text", "content": "FROM scratch"})
    assert learners[1].request("GET", f"api/contents/{place}")["content"] == "FROM scratch"


def test_a_session_has_no_privileges_and_no_access_to_the_machine(engine, room, inside):
    status = inside("answer(dict(line.split(':\\t', 1) for line in open('/proc/self/status').read().splitlines()))")
    assert set(status["Uid"].split()) == {"1000"} and int(status["CapBnd"], 16) == 0 and status["NoNewPrivs"] == "1"
    mounts = engine.client.api.inspect_container(f"{room.name}-ada")["Mounts"]
    assert {each["Type"] for each in mounts} == {"volume"} and len(mounts) == 3
    assert not any("bob" in each["Name"] for each in mounts)
    assert inside("answer(os.path.exists('/var/run/docker.sock'))") is False
    assert inside("answer(os.access('/opt/store', os.W_OK) or os.access('/opt/session.py', os.W_OK))") is False


def test_a_session_cannot_see_processes_or_disks_of_others(inside):
    assert inside("""
names = set()
for each in filter(str.isdigit, os.listdir("/proc")):
    try:
        variables = open(f"/proc/{each}/environ", "rb").read().split(b"\\0")
    except OSError:
        continue
    names |= {each.decode().partition("=")[2] for each in variables if each.startswith(b"JUPYTERHUB_USER=")}
answer(sorted(names))""") == ["ada"]
    assert inside("answer([each for each in os.listdir('/dev') if each.startswith(('loop', 'sd', 'vd', 'nvme', 'mapper'))])") == []
    assert inside("""
import stat
try:
    os.mknod("/home/jovyan/disk", 0o600 | stat.S_IFBLK, os.makedev(7, 0))
    answer("made")
except OSError as error:
    answer(error.strerror)""") == "Operation not permitted"


def test_a_session_s_engine_is_not_reachable_by_others(inside):
    ports = inside("""
listening = [line.split()[1].split(":") for file in ("tcp", "tcp6") for line in open("/proc/net/" + file) if line.split()[3] == "0A"]
answer(sorted({int(port, 16) for address, port in listening if not address.endswith(("7F", "0" * 24 + "01000000"))}))""")
    assert ports == [8888]     # JupyterLab's, which asks the hub who comes


def test_a_learner_can_fill_only_their_own_disk(room, inside, learners):
    if not room.limited:
        pytest.skip("this engine attaches no loop device")
    filled = inside("""
filled = {}
for place in ("/home/jovyan", "/var/lib/multistage"):
    with open(place + "/filler", "wb") as file:
        try:
            for number in range(1000):
                os.posix_fallocate(file.fileno(), number * 10**7, 10**7)
        except OSError as error:
            filled[place] = [error.strerror, number * 10**7]
    os.remove(file.name)
answer(filled)""")
    for place, kind in (("/home/jovyan", "home"), ("/var/lib/multistage", "engine")):
        why, written = filled[place]
        assert why == "No space left on device" and disks.SIZES[kind] * 0.5 < written < disks.SIZES[kind]
    assert inside("answer([os.access(place, os.W_OK) for place in ('/var/tmp', '/etc', '/dev', '/run')])") == [False] * 4
    assert inside("answer(os.statvfs('/tmp').f_blocks * os.statvfs('/tmp').f_frsize)") < 100_000_000
    learners[0].request("GET", "api/status")


def test_a_process_that_uses_up_the_memory_is_killed(inside, learners):
    assert inside("""
import subprocess, sys
answer(subprocess.run([sys.executable, "-c", "kept = [bytearray(20_000_000) for _ in range(150)]"]).returncode)""") == -9
    learners[0].request("GET", "api/status")


def test_a_fork_bomb_is_limited(inside, learners):
    forked, why = inside("""
import subprocess
forked = []
try:
    while len(forked) < 2000:
        forked.append(subprocess.Popen(["sleep", "60"]))
    why = ""
except OSError as error:
    why = error.strerror
for each in forked:
    each.kill()
    each.wait()
answer([len(forked), why])""")
    assert 200 < forked < 600 and why == "Resource temporarily unavailable"
    learners[0].request("GET", "api/status")


def test_a_session_cannot_reach_other_sessions_or_local_services(engine, room, inside):
    networks = engine.client.api.inspect_container(f"{room.name}-bob")["NetworkSettings"]["Networks"]
    bob = networks[room.name]["IPAddress"]
    with socket.create_connection((bob, 8888), timeout=5):
        pass    # it is there: the machine reaches it
    assert inside(f"answer(reaches({bob!r}, 8888))") is False
    assert inside(f"answer([reaches(host, {room.proxy_port}) for host in ({room.gateway!r}, '127.0.0.1')])") == [False, False]
    assert inside(f"answer(reaches({room.gateway!r}, {room.hub_port}))") is True     # so the test can fail


def test_a_session_cannot_reach_services_on_all_addresses(engine, room, inside):
    places = (room.gateway, urlsplit(replace(room, listen="0.0.0.0").address).hostname)
    with socket.create_server(("0.0.0.0", 0)) as service:
        port = service.getsockname()[1]

        def reached():
            return inside(f"answer([reaches(host, {port}) for host in {places}])")

        assert reached() == [False, False]
        firewall.remove(engine.client.api, room)
        assert reached() == [True, True]
        assert firewall.close(engine.client.api, room, print)
        assert reached() == [False, False]


def test_a_learner_is_no_admin_of_the_hub(inside):
    assert inside("answer(hub('GET', '/user'))") == 200
    refused = inside("""answer([hub(*each) for each in (("GET", "/users"), ("GET", "/users/bob"), ("DELETE", "/users/bob"),
        ("POST", "/users/bob/server"), ("POST", "/users/bob/tokens"), ("GET", "/proxy"), ("POST", "/shutdown"))])""")
    assert set(refused) <= {403, 404}


def test_a_learner_cannot_open_another_s_server(room, learners):
    ada, _ = learners
    answer = ada.web.get(f"{room.address}/user/bob/api/contents", allow_redirects=True)
    assert answer.status_code == 403 and "course" not in answer.text


def test_a_kernel_survives_a_restart_of_the_hub(room, learners):
    kernel = learners[0].open(FIRST)
    kernel.run("kept = 42")
    opening.restart(print)
    assert kernel.run("print(kept)") == "42\n"
    kernel.close()
    learners[0].log_in()
    learners[0].request("GET", "api/status")
    assert '"bob"' in exported(room)     # the view was restarted too


def test_a_rehearsal_leaves_nothing_behind(engine, room, learners):
    assert rehearsal.capacity(engine).learners > 0
    found, kit, ports, bases, disk = rehearsal.condition(engine, room)
    assert engine.version in found and kit.startswith("Kit: none")
    assert room.address in ports and "golang:1.22" in bases.partition(";")[0] and "node:20" in bases.partition(";")[2]
    assert ("1.00 GB for the home" in disk) is room.limited
    learners[1].stop()    # three at once are enough
    said = []
    rehearsal.rehearse(engine, room, said.append)
    assert [words.partition(":")[0] for words in said] == list(rehearsal.NAMES)
    assert not any("rehearsal" in volume for volume in homes.volumes(engine, room.name))
    Learner(room.address, rehearsal.NAMES[0], "a-new-password").log_in(room.password)    # the name is free again


def test_closing_saves_all_homes_and_keeps_the_store(engine, room, learners):
    learners[0].request("PUT", "api/contents/mine.txt", json={"type": "file", "format": "text", "content": "mine"})
    saved = opening.stop(engine, print)
    assert [each.name for each in saved] == ["ada.tar.gz", "bob.tar.gz"]
    api, ours = engine.client.api, {"label": f"{LABEL}={room.name}"}
    for port in (room.port, room.proxy_port):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port))
    left = [api.containers(all=True, filters=ours), api.networks(filters=ours), api.images(room.name)]
    assert left == [[], [], []] and set(homes.volumes(engine, room.name)) == {room.store}
    assert store.kept(engine, room) > 100_000_000
    assert not opening.room.folder().exists()
    assert {each.name.partition(".")[0] for each in Path(room.homes).iterdir()} == {"ada", "bob", "passwords"}
    with tarfile.open(saved[0]) as archive:
        assert archive.extractfile("jovyan/course/mine.txt").read() == b"mine"
