"""A lesson's calls in Docker's own words."""

import contextlib
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from helpers import container, lesson
from helpers.bases import ResolvedBase
from helpers.builder import BuildRequest
from helpers.errors import BuildFailed, CourseError
from helpers.experiments import incremental
from helpers.lesson import APPS, building, commands, looking, reviewing, shipping, terminal
from helpers.lesson.commands import docker

APP = APPS / "greeter"


@pytest.fixture(autouse=True)
def owned(monkeypatch):
    """With an engine that the course has started."""
    there = SimpleNamespace(host="unix:///home/ada/engine.sock", owned=True, builders=("buildkit", "legacy"))
    monkeypatch.setattr(terminal, "engine", lambda: there)
    monkeypatch.setenv("HOME", "/home/ada")


def note_build(folder, failure=None, bases=(), handed_over=(), **options):
    request = BuildRequest(folder, **options)
    prepared = SimpleNamespace(request=SimpleNamespace(builder="buildkit"), bases=bases, handed_over=handed_over)
    terminal.note_build(request, prepared, failure)


def copied(files):
    """A copy as a lesson makes it, and the commands that make it again."""
    place = lesson.folder(files)
    note_build(place, tag="greeter:copy")
    return place, terminal._kernel.noted[-1]


def test_a_script_has_the_calls_in_order():
    note_build(APP, tag="greeter:multi")
    terminal.note(docker("run", "--rm", "greeter:multi", "say", "two words"))
    note_build(APP, tag="greeter:multi")
    lines = lesson.in_your_terminal().text.splitlines()
    build = "docker build -t greeter:multi notebooks/apps/greeter"
    assert [line for line in lines if line.startswith("docker")] == [
        build, "docker run --rm greeter:multi say 'two words'", build]
    assert lines[2].startswith('export DOCKER_HOST="unix://$HOME/engine.sock"')
    assert lines[3].startswith("export DOCKER_BUILDKIT=1")


def test_a_look_is_repeated_only_after_a_change():
    listing, run = commands.listing("greeter:multi"), docker("run", "--rm", "greeter:multi")
    terminal.look(listing, listing)
    terminal.note(run, run)
    terminal.look(listing, docker("images"), listing)
    assert lesson.in_your_terminal().text.splitlines()[-6:] == ["", listing, run, run, listing, docker("images")]


@pytest.mark.parametrize("capable, shown", [(False, "-tv"), (True, "--xattrs --xattrs-include='*' -tvv")])
def test_a_listing_has_file_capabilities_where_there_are_some(monkeypatch, capable, shown):
    monkeypatch.setattr(looking, "_inventory", lambda built: None)
    monkeypatch.setattr(looking, "Attributes", lambda seen, paths: SimpleNamespace(capable=capable))
    looking.attributes("app:1", "/net")
    assert f"docker export look | tar {shown}; docker rm look" in terminal._kernel.noted[-1]


def test_a_server_of_the_notebook_is_started_once_and_ended_in_a_terminal_too():
    for port in (36061, 36062):
        terminal.start(f"127.0.0.1:{port}", "127.0.0.1:5000", "docker run -d --name registry registry:2", end="docker rm -f registry")
        terminal.note(docker("push", f"127.0.0.1:{port}/greeter:1"))
    assert terminal._kernel.of_cell.count("docker run -d --name registry registry:2") == 2    # beneath both cells
    assert lesson.in_your_terminal().text.splitlines()[-4:] == [
        "docker run -d --name registry registry:2", *["docker push 127.0.0.1:5000/greeter:1"] * 2, "docker rm -f registry"]


def test_a_file_that_a_command_has_read_is_copied_from_there():
    program = b"\x7fELF\0" * 9
    assert terminal.read_to("/usr/bin/compile", program) == "/tmp/multistage-compile"
    assert terminal.read_to("/note", b"hello") == ""    # printed
    _, lines = copied({"compile": program})
    assert "cp /tmp/multistage-compile /tmp/multistage-copy-1/compile" in lines


@pytest.mark.parametrize("asks, expected", [
    (lambda served: None, ["for try in $(seq 50); do curl -s http://127.0.0.1:8080/ && break; sleep 0.1; done", "docker rm -f served"]),
    (lambda served: [served.run(["ls", "a b"]), served.beside("debian", ["ps"]),
                     served.beside("debian", ["ps"], user="1:1", capabilities=["SYS_PTRACE"])],
     ["for try in $(seq 50); do curl -s http://127.0.0.1:8080/ && break; sleep 0.1; done",
      "docker exec served ls 'a b'",
      "docker run --rm --pid=container:served --network=container:served debian ps",
      "docker run --rm --pid=container:served --network=container:served --user 1:1 --cap-drop=ALL --cap-add=SYS_PTRACE "
      "debian ps",
      "docker rm -f served"]),
    (lambda served: [served.get(), served.put("/app/greeting.txt", b"it's new"), served.put("/x/data", b"\xff" * 2000),
                     served.get(), served.get("/a page"), served.log],
     ["for try in $(seq 50); do curl -s http://127.0.0.1:8080/ && break; sleep 0.1; done",
      """printf %s 'it'"'"'s new' > /tmp/multistage-greeting.txt""",
      "docker cp /tmp/multistage-greeting.txt served:/app/greeting.txt",
      "head -c 2000 /dev/urandom > /tmp/multistage-data    # as many bytes; the notebook has others",
      "docker cp /tmp/multistage-data served:/x/data",
      "curl http://127.0.0.1:8080/",
      "curl 'http://127.0.0.1:8080/a page'",
      "docker logs served",
      "docker rm -f served"])])
def test_what_is_asked_of_a_server_comes_before_its_end(monkeypatch, asks, expected):
    @contextlib.contextmanager
    def serve(image, command, **options):
        yield container.ServedContainer("course-1", image, "http://127.0.0.1:1", 0.1, None)

    monkeypatch.setattr(building, "engine", lambda: None)
    monkeypatch.setattr(container, "serve", serve)
    for name in ("run", "beside", "get", "put"):
        monkeypatch.setattr(container.ServedContainer, name, lambda self, *words, **options: "ran")
    monkeypatch.setattr(container.ServedContainer, "log", "said")
    with lesson.serve("greeter:multi", 8080) as served:
        asks(served)
    assert terminal._kernel.noted[-1].split("\n") == [
        "docker run -d --name served -p 127.0.0.1:8080:8080 greeter:multi", *expected]


def test_what_fails_in_a_server_is_said_to_fail(monkeypatch):
    def refused(*_):
        raise CourseError("The file system is read-only.")

    asked = []
    there = container.ServedContainer("course-1", "greeter", "http://127.0.0.1:1", 0.1, None)
    served = building.Noted(there, building._of_served("http://x/", asked), asked.append)
    for name, call in {"put": lambda: served.put("/a", b"new"), "run": lambda: served.run(["ls"])}.items():
        monkeypatch.setattr(container.ServedContainer, name, refused)
        with pytest.raises(CourseError):
            call()
    assert asked == ["printf %s new > /tmp/multistage-a\ndocker cp /tmp/multistage-a served:/a    # fails",
                     "docker exec served ls    # fails"]
    for code in (3, 0):
        monkeypatch.setattr(container.ServedContainer, "run", lambda *_, code=code: SimpleNamespace(exit_code=code))
        served.run(["id"])
    assert asked[-2:] == ["docker exec served id    # fails", "docker exec served id"]


def test_an_engine_without_buildkit_is_asked_for_its_own_builder(monkeypatch):
    podman = SimpleNamespace(host="unix:///run/podman.sock", owned=False, builders=("buildah",))
    monkeypatch.setattr(terminal, "engine", lambda: podman)
    assert lesson.in_your_terminal().text.splitlines()[2] == "export DOCKER_BUILDKIT=0    # this engine has no BuildKit"


def test_a_changed_copy_is_made_again_file_by_file(tmp_path):
    files = incremental.files(APP)
    files["main.go"] = files["main.go"].replace(b"world", b"moon").rstrip(b"\n")
    files[".env"] = b"PASSWORD=it's\nhunter2"
    files["new folder/deep.txt"] = b"deep\n"
    del files["Dockerfile.tested"]
    place, commands = copied(files)
    assert "a copy of greeter, changed" in commands and "Hello" not in commands
    made, = terminal._kernel.places.values()
    script = "\n".join(line for line in commands.splitlines() if not line.startswith("docker"))
    subprocess.run(["sh", "-euc", script.replace(made, str(tmp_path / "copy"))], cwd=APPS.parents[1], check=True)
    assert incremental.files(tmp_path / "copy") == incremental.files(place) == files


def test_a_copy_that_is_built_twice_is_made_once():
    place, _ = copied(incremental.files(APP))
    note_build(place, tag="greeter:again")
    assert terminal._kernel.noted[-1] == "docker build -t greeter:again /tmp/multistage-copy-1"


def test_files_of_no_application_are_written_and_what_is_no_text_is_made_up():
    _, commands = copied({"release": b"January", "compile": b"\xff" * 2000})
    assert "mkdir /tmp/multistage-copy-1\n" in commands
    assert "head -c 2000 /dev/urandom > /tmp/multistage-copy-1/compile    # as many" in commands
    assert "printf %s January > /tmp/multistage-copy-1/release" in commands


@pytest.mark.parametrize("failure, options, command", [
    (BuildFailed("No.", line=8), {"text": "FROM scratch\n"},
     "docker build -f - notebooks/apps/greeter <<'END'    # fails at line 8\nFROM scratch\nEND"),
    (BuildFailed("The engine is gone."), {}, "docker build notebooks/apps/greeter    # fails"),
    (None, {"secrets": {"token": b"hunter2"}},     # named and not written
     "export TOKEN=token-1    # a value of yours: the notebook's is not written here\n"
     "docker build --secret id=token,env=TOKEN notebooks/apps/greeter")])
def test_a_command_says_where_it_fails_and_what_it_needs(failure, options, command):
    note_build(APP, failure, **options)
    assert terminal._kernel.noted == [command]


@pytest.mark.parametrize("output, told", [
    (None, ""), ("out", "--output out "),
    ("type=image,push=true", "--output type=image,push=true "),
    (Path("/tmp/multistage-lesson-x1/secret-provenance-min"), "--output /tmp/secret-provenance-min ")])
def test_a_command_writes_into_no_folder_of_the_notebook_s(output, told):
    note_build(APP, output=output)
    assert terminal._kernel.noted == [f"docker {'buildx ' * bool(told)}build {told}notebooks/apps/greeter"]


def test_a_secret_is_set_when_it_changes_and_is_the_same_whenever_its_value_is():
    for value in (b"one", b"two", b"two", b"one"):
        note_build(APP, secrets={"token": value})
    assert [line.partition("    #")[0].split("\n")[0] for line in terminal._kernel.noted] == [
        "export TOKEN=token-1", "export TOKEN=token-2", "docker build --secret id=token,env=TOKEN notebooks/apps/greeter",
        "export TOKEN=token-1"]
    assert terminal.word("two") == "token-2" and terminal.word("it's") == "'it'\"'\"'s'"


def test_a_secret_is_found_in_other_commands_unless_it_may_stand_there_by_chance():
    note_build(APP, secrets={"token": b"it's hunter2", "key": b"app"})
    terminal.note(docker("run", "app", "echo", "it's hunter2!"), f"grep {terminal.word('app')}")
    assert terminal._kernel.noted[1:] == ["docker run app echo 'token-1!'", "grep key-1"]


def test_a_secret_that_was_a_build_argument_is_written_again():
    note_build(APP, args={"TOKEN": "seen before"})
    note_build(APP, secrets={"token": b"seen before"})
    assert terminal._kernel.noted[-1].startswith("export TOKEN='seen before'\n")


def test_the_head_of_the_script_says_what_docker_would_not_have():
    base = ResolvedBase("golang:1.22", True, "mirror", "localhost/multistage.course/golang:1.22")
    given = SimpleNamespace(id="npmrc")
    note_build(APP, bases=[base], handed_over=[given])
    text = lesson.in_your_terminal().text
    assert "# golang:1.22, which docker pulls, is localhost/multistage.course/golang:1.22" in text
    assert "--secret id=npmrc,src=FILE" in text


@pytest.mark.parametrize("rewrite, exports, options", [
    (False, (), ["-t twice:first ", "-t twice:second "]),
    (False, ("provenance",), ["--provenance false -t twice:first ", "--provenance false -t twice:second "]),
    (True, ("provenance",), [f"--provenance false --output type=oci,dest=/tmp/twice-{each}.tar,name=twice:{each},"
                             "rewrite-timestamp=true " for each in ("first", "second")])])
def test_two_builds_are_named_in_a_terminal_and_compared_there(monkeypatch, rewrite, exports, options):
    def twice(app, *_, rewrite, **__):
        for _ in range(2):
            note_build(app, output="type=image,name=x:1,rewrite-timestamp=true" if rewrite else None)

    monkeypatch.setattr(shipping, "engine", lambda: SimpleNamespace(exports=exports))
    monkeypatch.setattr(shipping.twices, "twice", twice)
    shipping.build_twice("greeter", rewrite=rewrite)
    program = "docker buildx build" if exports else "docker build"
    *built, compared = terminal._kernel.noted
    assert built == [f"{program} {each}notebooks/apps/greeter" for each in options]
    assert ("docker load -i /tmp/twice-second.tar\n" in compared) == rewrite
    assert "twice:first twice:second\n" in compared and compared.endswith("\ndiff /tmp/files-1 /tmp/files-2")
    note_build(APP)
    assert terminal._kernel.noted[-1] == "docker build notebooks/apps/greeter"    # as it is asked for again


def test_a_command_in_a_snapshot_is_one_in_a_container_or_in_the_step_that_failed():
    def ran(failed, command, exit_code=0, borrowed=None, **options):
        snapshot = SimpleNamespace(command=failed, request=BuildRequest(APP, **options), borrowed=borrowed, workdir="/app")
        terminal.note_run(snapshot, command, SimpleNamespace(exit_code=exit_code))
        return terminal._kernel.noted[-1].split("\n") if terminal._kernel.noted else []

    terminal.note_run(SimpleNamespace(request=None), "ls", None)
    assert ran(("ls",), "ls", text="FROM scratch\n") == []
    stage = "docker build --target builder -t look notebooks/apps/greeter"
    assert ran(None, ["ls", "a b"], tag="x", target="builder") == [stage, "docker run --rm --entrypoint sh look -c 'ls '\"'\"'a b'\"'\"''"]
    assert ran(None, "ls", 2, "busybox")[0] == "docker build -t look notebooks/apps/greeter"
    assert terminal._kernel.noted[-1].endswith(
        " --mount type=image,source=busybox:musl,target=/tools --entrypoint /tools/bin/sh look -c 'PATH=$PATH:/tools/bin; ls'    # fails")
    assert ran(("ls",), "ls\ncat x", secrets={"token": b"hunter2"}, tag="x") == [
        "export TOKEN=token-1    # a value of yours: the notebook's is not written here",
        "BUILDX_EXPERIMENTAL=1 docker buildx debug --invoke sh build --secret id=token,env=TOKEN -t x notebooks/apps/greeter"
        "    # fails, and opens a shell in that step. There: cd /app; ls; cat x"]


@pytest.mark.parametrize("call", [lesson.lint, lesson.check])
def test_a_dockerfile_is_checked_where_it_is(monkeypatch, tmp_path, call):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    for module in (building, reviewing.linter):
        monkeypatch.setattr(module, "lint", lambda *_: ())
    monkeypatch.setattr(building, "engine", lambda: None)
    copy = lesson.folder({"Dockerfile": b"FROM scratch\n"})
    for app, place in {"greeter": "notebooks/apps/greeter", str(APP): "notebooks/apps/greeter",
                       str(tmp_path): str(tmp_path), copy: "/tmp/multistage-copy-1"}.items():
        call(app)
        *_, line = terminal._kernel.noted[-1].split("\n")
        assert line in (f"hadolint {place}/Dockerfile", f"docker build --check -f {place}/Dockerfile {place}")
    assert "mkdir /tmp/multistage-copy-1\n" in terminal._kernel.noted[-1]


def test_no_command_is_shown_of_what_a_question_measures(monkeypatch):
    shown = []
    shell = SimpleNamespace(display_pub=SimpleNamespace(publish=lambda **output: shown.append(output)))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    terminal.note("docker run --rm greeter")
    terminal.show_commands()
    terminal.note("docker run --rm greeter --version")
    lesson.ask("05-clean-image")
    terminal.show_commands()
    assert len(shown) == 1 and terminal._kernel.noted == ["docker run --rm greeter"]


def test_each_step_of_a_container_is_noted_and_it_is_removed_once(monkeypatch):
    class Made:
        state = "created"

        def start(self):
            raise CourseError("No.")

    made = Made()
    monkeypatch.setattr(building, "engine", lambda: None)
    monkeypatch.setattr(building.lifecycle, "create", lambda *_: made)
    life = lesson.create("greeter:multi")
    assert life.state == "created"
    with pytest.raises(CourseError):
        life.start()
    assert terminal._kernel.noted == ["docker create --name life greeter:multi", "docker ps -a --filter name=life",
                                      "docker start life    # fails"]
    assert life._container is made and repr(life) == repr(made) and "start" in dir(life)


def test_builds_of_stand_ins_and_exercises_are_no_call_of_a_lesson(tmp_path):
    note_build(APPS.parents[1] / "helpers" / "bases" / "standins")
    exercise = tmp_path / "multistage-exercise-x"
    exercise.mkdir()
    note_build(exercise)
    assert terminal._kernel.noted == []


def test_one_command_stands_in_one_line_and_many_are_folded():
    one = terminal.commands_bundle(["docker run --rm 'a&b'"])
    assert one["text/plain"] == "In a terminal: docker run --rm 'a&b'" and "<code" in one["text/html"]
    two = terminal.commands_bundle(["docker images", "docker history x"])["text/html"]
    assert two.count("<code") == 2 and "<details>" not in two
    several = terminal.commands_bundle(["docker images", "docker history x", "docker build - <<'END'\nEND"])["text/html"]
    assert "<details><summary>In a terminal</summary>" in several and "docker images\n" in several and ">docker history x\n" in several


def test_a_cell_shows_its_own_commands_once(monkeypatch):
    shown = []
    shell = SimpleNamespace(display_pub=SimpleNamespace(publish=lambda **output: shown.append(output)))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    terminal.look("docker images", "docker images")
    terminal.show_commands()
    terminal.show_commands()
    assert [each["data"]["text/plain"] for each in shown] == ["In a terminal: docker images"]


def test_a_base_that_is_not_the_original_is_named_once_below_the_cell_that_builds_on_it_first(monkeypatch):
    shown = []
    shell = SimpleNamespace(display_pub=SimpleNamespace(publish=lambda **output: shown.append(output["data"])))
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    go, run = (ResolvedBase(ref, True, "made", ref, True, "packages") for ref in ("golang:1", "debian:1"))
    own = ResolvedBase("own:1", True, "local", "own:1")
    for bases in ((own,), (own, go), (go, run)):
        note_build(APP, bases=bases)
        terminal.show_commands()
    assert [each["text/plain"].partition("In a terminal")[0] for each in shown] == [
        "", "golang:1 is a stand-in made from packages; its sizes are near the original's, not equal.\n",
        "debian:1 is a stand-in made from packages; its sizes are near the original's, not equal.\n"]
    assert [each["text/html"].startswith(f"<p>{ref}") for each, ref in zip(shown, ("In", "golang", "debian"))] == [True] * 3


def test_without_an_engine_nothing_is_noted(monkeypatch):
    monkeypatch.setattr(terminal, "recorded_only", lambda: True)
    terminal.note("docker images")
    assert terminal._kernel.noted == []
