"""BuildKit's control API on a real engine: results without images, processes in them, and the end of a build."""

import os
import signal
import threading
import uuid
from types import SimpleNamespace

import pytest

from helpers import dockerfile
from helpers.builder import BuildRequest, build, linter
from helpers.builder.context import Context
from helpers.builder.control import CallFailed, Control, FailedState, Gateway, Process
from helpers.builder.session import Session
from helpers.builder.tunnel import upgradable
from helpers.errors import Unsupported
from tests.outlines import joined
from tests.waiting import until

BASE = "debian:bookworm-slim"


@pytest.fixture(scope="module")
def control(engine):
    if not upgradable(engine):
        pytest.skip("this engine has no BuildKit")
    with Control(engine) as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("context")
    (made / "hello.txt").write_text("hello")
    return made


@pytest.fixture(scope="module")
def built(control, engine, folder):
    """A stage, solved and open: its state, and the word that its RUN wrote."""
    word = uuid.uuid4().hex
    text = f"""FROM {BASE} AS build
WORKDIR /stove
ENV GREETING=hello
COPY hello.txt /hello.txt
RUN echo {word} > word && head -c 9000000 /dev/urandom > /large && ln -s word link
"""
    with Session(engine, Context.scan(folder, dockerfile_text=text)) as session, Gateway(control, session.id) as gateway:
        yield SimpleNamespace(state=gateway.solve({"target": "build"}), word=word)


def run(state, script, **words):
    with state.container() as container:
        return container.run(Process(["/bin/sh", "-c", script], state.config["Env"], state.config["WorkingDir"]), **words)


def test_the_worker_runs_this_machine_s_platform(control):
    assert any(platform.startswith("linux/") for worker in control.workers() for platform in worker.platforms)


def test_a_stage_s_files_are_read_without_an_image(built):
    assert [entry.name for entry in built.state.read_dir("/stove")] == ["link", "word"]
    assert built.state.read("/stove/word").decode().strip() == built.word == built.state.read("/stove/link").decode().strip()
    link, word = built.state.read_dir("/stove")
    assert link.is_link and link.target == "word" and word.size == len(built.word) + 1
    assert built.state.stat("/stove").is_dir and len(built.state.read("/large")) == 9_000_000


def test_a_command_reads_its_input_and_writes_more_than_a_window(built):
    assert run(built.state, "wc -c", stdin=b"x" * 300_000).output.strip() == "300000"
    assert len(run(built.state, "head -c 3000000 /dev/zero").output) == 3_000_000


def test_a_shell_has_a_terminal(built):
    with built.state.container() as container:
        shell = container.start(Process(["/bin/sh"], built.state.config["Env"], "/", terminal=True))
        shell.resize(20, 50)
        # BuildKit passes the size on when it gets round to it, and on Docker 20.10 may lose what is written at the end
        shell.write(b'i=0; until [ "$(stty size)" = "20 50" ] || [ $((i=i+1)) = 100 ]; do sleep 0.1; done; stty size; sleep 1; exit 5\n')
        said = b"".join(piece for _, piece in shell.output())
    assert said.rstrip().endswith(b"20 50") and shell.exit_code == 5


def test_a_build_that_fails_says_so_when_it_is_looked_at(control, engine, folder):
    text = f"FROM {BASE}\nRUN echo {uuid.uuid4().hex} > /partial; exit 7\n"
    with Session(engine, Context.scan(folder, dockerfile_text=text)) as session, Gateway(control, session.id) as gateway:
        with pytest.raises(CallFailed, match="exit code: 7") as caught:
            gateway.solve({}, evaluate=True).read_dir("/")
        if step := caught.value.step:     # Docker 23 and later keep the step, what it had written included
            assert caught.value.lines == (2,)
            assert "partial" in [entry.name for entry in FailedState(gateway, step).read_dir("/")]


def test_a_cancelled_build_ends_its_command(control, engine, folder):
    text = f"FROM {BASE}\nRUN echo {uuid.uuid4().hex} && sleep 600\n"
    with Session(engine, Context.scan(folder, dockerfile_text=text)) as session:
        solve = control.solve({"filename": "Dockerfile"}, session.id)
        for status in solve.status():
            if any(vertex.HasField("started") and "sleep 600" in vertex.name for vertex in status.vertexes):
                break
        solve.cancel()
        with pytest.raises(CallFailed, match="cancel"):
            solve.wait()
        assert until(lambda: not sleeping(control, "sleep 600"))


def test_an_interrupt_while_a_stage_is_looked_into_ends_its_command(control, engine, folder):
    word = uuid.uuid4().hex

    def interrupt():
        if until(lambda: sleeping(control, word)):
            os.kill(os.getpid(), signal.SIGINT)

    text = f"FROM {BASE}\nRUN echo {word} && sleep 600\n"
    with Session(engine, Context.scan(folder, dockerfile_text=text)) as session, Gateway(control, session.id) as gateway:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            gateway.solve({}, evaluate=True).read_dir("/")
        assert until(lambda: not sleeping(control, word))


def sleeping(control, word):
    return any(record.in_use and word in record.description for record in control.disk_usage())


def test_the_cache_s_records_of_a_build_are_pruned_and_no_other(control, engine, folder):
    word = uuid.uuid4().hex
    text = f"FROM {BASE}\nRUN echo {word} > /word\n"
    with Session(engine, Context.scan(folder, dockerfile_text=text)) as session:
        control.solve({"filename": "Dockerfile"}, session.id).wait()
    ours = [record for record in control.disk_usage() if word in record.description]
    gone = []    # the engine may hold it for a moment after the build
    assert until(lambda: gone.extend(control.prune(f"id=={ours[0].id}", all_kinds=True)) or gone)
    assert [record.id for record in gone] == [record.id for record in ours]
    assert ours[0].id not in {record.id for record in control.disk_usage()}


def test_the_builder_s_own_checks_are_asked_without_a_build(engine, tmp_path):
    if not linter.supported(engine):
        with pytest.raises(Unsupported):
            linter.lint(BuildRequest(tmp_path), engine)
        pytest.skip("this engine's builder has no checks of its own")
    (tmp_path / "Dockerfile").write_text(f"FROM {BASE} AS Mixed\nCMD echo hi\n")
    expected = {(1, "StageNameCasing"), (2, "JSONArgsRecommended")}
    assert {(each.line, each.rule) for each in linter.lint(BuildRequest(tmp_path), engine)} == expected
    assert {(each.line, each.rule) for each in build(tmp_path, engine=engine).warnings} == expected


def test_the_builder_s_outline_is_the_reader_s(engine, tmp_path):
    text = (f"# IMAGE to build on\nARG IMAGE={BASE}\n# first is the first\nFROM $IMAGE AS first\n# A of all\nARG A=1\nARG B=$A\n"
            "RUN --mount=type=secret,id=s,required=true --mount=type=ssh true\n"
            "FROM first\nARG IMAGE\nARG TARGETOS\nARG C=${B}2\nENV D=3\nARG E=$D\nCOPY --from=first /etc /e\n")
    if not linter.supported(engine, 24):    # the first with Dockerfile 1.5
        pytest.skip("this engine's builder has no outlines")
    for target, args in ((None, {}), ("first", {}), (None, {"A": "7", "IMAGE": "scratch"})):
        request = BuildRequest(tmp_path, text=text, target=target, args=args)
        found = joined(*(linter.ask(request, engine, f"frontend.{what}") for what in ("outline", "targets")))
        assert found == dockerfile.outline(dockerfile.parse(text, args), target, args)
        assert found.targets[0].description == "is the first" and found.secrets[0].required
