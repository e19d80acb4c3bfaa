"""Containers that run for a moment."""

import urllib.request

import pytest

from helpers import container
from helpers.errors import CourseError, ImageNotFound
from helpers.labels import COURSE, RUN

BASE = "debian:bookworm-slim"


@pytest.fixture(autouse=True)
def no_container_stays(left):
    yield
    assert left() == []


def test_output_and_exit_code(engine):
    ran = container.run(BASE, ["sh", "-c", "echo out; echo err >&2; exit 3"], engine=engine)
    assert sorted(ran.output.split()) == ["err", "out"]
    assert ran.exit_code == 3 and ran.seconds > 0


def test_a_hidden_folder_is_empty_and_cannot_be_written(engine):
    ran = container.run(BASE, ["sh", "-c", "ls -A /usr/share | wc -l; touch /usr/share/x"], hide=["/usr/share"], engine=engine)
    assert "0" in ran.output.splitlines() and "Read-only" in ran.output   # the streams may cross


def test_there_is_no_network_unless_asked(engine):
    ran = container.run(BASE, ["cat", "/proc/net/dev"], engine=engine)
    assert "lo:" in ran.output and "eth0:" not in ran.output


def test_a_program_that_is_not_in_the_image_is_said_to_be_missing(engine):
    with pytest.raises(CourseError, match="not in the image"):
        container.run(BASE, ["/no/such/program"], engine=engine)


def test_one_that_hangs_is_stopped(engine):
    with pytest.raises(CourseError, match="did not end within 1 s"):
        container.run(BASE, ["sleep", "600"], timeout=1, engine=engine)


def test_an_image_that_is_not_there(engine):
    with pytest.raises(ImageNotFound):
        container.run("course-test:no-such-image", engine=engine)


# -- servers -------------------------------------------------------------------------

def test_a_server_is_asked_over_http(engine, web):
    with container.serve(web, port=8000, engine=engine) as server:
        answer = server.get("/")
        assert (answer.status, answer.body, answer.text) == (200, b"hello\n", "hello\n")
        assert answer.headers["x-word"] == answer.headers["X-Word"] == "yes"
        assert server.get("/no/such").status == 404
        moved = server.get("/deep")
        assert moved.status == 301 and moved.headers["location"] == "/"
        assert "asked /no/such" in server.log
        with urllib.request.urlopen(server.url) as opened:
            assert opened.read() == b"hello\n"


def test_a_server_is_bound_to_loopback_and_limited(engine, web):
    with container.serve(web, port=8000, engine=engine) as server:
        seen = engine.client.api.inspect_container(server.name)
    assert [each["HostIp"] for each in seen["NetworkSettings"]["Ports"]["8000/tcp"]] == ["127.0.0.1"]
    host = seen["HostConfig"]
    assert not host["Privileged"] and host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Memory"] > 0 and host["PidsLimit"] > 0
    assert seen["Config"]["Labels"][COURSE] == RUN


def test_the_first_answer_is_waited_for(engine, web):
    with container.serve(web, ["env", "WAIT=0.7", "perl", "/serve.pl"], port=8000, engine=engine) as server:
        assert server.first_answer > 0.7


def test_what_a_command_changes_in_a_server_is_gone_with_it(engine, web):
    with container.serve(web, port=8000, engine=engine) as server:
        changed = server.run(["sh", "-c", "echo changed > /site/index.html; echo done; exit 4"])
        assert (str(changed), changed.exit_code) == ("done", 4)
        assert server.get().body == b"changed\n"
    with container.serve(web, port=8000, engine=engine) as server:
        assert server.get().body == b"hello\n"


def test_a_read_only_server(engine, web):
    with container.serve(web, port=8000, sandbox=container.Sandbox(read_only=True, writable=["/srv"]), engine=engine) as server:
        assert "Read-only" in server.run(["sh", "-c", "echo x > /site/index.html"]).output
        assert server.run(["touch", "/srv/x"]).exit_code == 0
        assert server.get().body == b"hello\n"


def test_a_command_that_is_not_in_the_server(engine, web):
    with container.serve(web, port=8000, engine=engine) as server:
        with pytest.raises(CourseError, match="not in the image"):
            server.run(["/no/such/program"])


def test_a_server_that_ends_says_what_it_said(engine, web):
    with pytest.raises(CourseError, match="with exit code 3") as caught:
        with container.serve(web, ["sh", "-c", "echo no room >&2; exit 3"], port=8000, engine=engine):
            pass
    assert "no room" in caught.value.evidence


def test_a_server_that_does_not_listen(engine, web):
    with pytest.raises(CourseError, match="no answer on port 9 within 1 s"):
        with container.serve(web, port=9, timeout=1, engine=engine):
            pass


def test_a_server_that_ends_while_it_is_asked(engine, web):
    with container.serve(web, port=8000, engine=engine) as server:
        with pytest.raises(CourseError, match="did not answer to /end") as caught:
            server.get("/end")
    assert "asked /end" in caught.value.evidence


def test_what_goes_wrong_in_the_block_stays_what_it_is(engine, web):
    with pytest.raises(ConnectionError, match="^mine$"):
        with container.serve(web, port=8000, engine=engine):
            raise ConnectionError("mine")


def test_a_server_whose_program_is_not_there(engine, web):
    with pytest.raises(CourseError, match="not in the image"):
        with container.serve(web, ["/no/such/program"], port=8000, engine=engine):
            pass


# -- a container beside a server -------------------------------------------------------

def test_a_container_beside_a_server_shares_its_processes_and_its_network(engine, web):
    if engine.shares_network:
        pytest.skip("its containers have no processes of their own")
    with container.serve(web, port=8000, engine=engine) as server:
        beside = server.beside(web, ["cat", "/proc/1/cmdline", "/proc/net/tcp"])
        alone = container.run(web, ["cat", "/proc/1/cmdline", "/proc/net/tcp"], engine=engine)
    assert ":1F40 " in beside.output and ":1F40 " not in alone.output       # port 8000 is listened on
    assert alone.output.startswith("cat") and not beside.output.startswith("cat")
