"""A class's settings, services and invitation."""

import json
import socket

import pytest

from helpers.classroom import opening, room, services
from helpers.classroom.room import Room
from helpers.cli import classes
from helpers.errors import CourseError


def made(**changes):
    facts = dict(name="multistage-class-abc", engine="unix:///engine.sock", image="session:1", listen="127.0.0.1", port=8000,
                 gateway="10.0.0.1", hub_port=4001, proxy_port=4002, password="abcd-efgh-jkmn", token="T" * 32,
                 proxy_token="P" * 64, view_port=4003, view_token="V" * 64, homes="/homes")
    return Room(**{**facts, **changes})


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MULTISTAGE_HOME", str(tmp_path))
    return tmp_path


def test_a_class_is_saved_for_this_user_only():
    assert room.current() is None
    made().save()
    assert room.current() == made()
    file = room.folder() / "class.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert {"labels", "limits", "store"} <= json.loads(file.read_text()).keys()
    room.forget()
    assert room.current() is None


def test_a_class_opened_by_an_older_version_can_be_closed():
    made().save()
    file = room.folder() / "class.json"
    facts = json.loads(file.read_text())
    first = "name engine image listen port gateway hub_port proxy_port password token proxy_token homes memory".split()
    file.write_text(json.dumps({key: facts[key] for key in first}))
    assert room.current().homes == made().homes


def test_a_damaged_file_is_an_error_with_a_remedy():
    made().save()
    (room.folder() / "class.json").write_text("{}")
    with pytest.raises(CourseError, match="cannot be read") as caught:
        room.current()
    assert "make class-stop" in caught.value.remedy


@pytest.mark.parametrize("text, expected", [
    ("", ("127.0.0.1", 8000)), ("0.0.0.0", ("0.0.0.0", 8000)), (":9000", ("127.0.0.1", 9000)),
    ("10.0.0.5:80", ("10.0.0.5", 80)), ("::1", ("::1", 8000)), ("[::1]:9000", ("::1", 9000))])
def test_listen_is_parsed(text, expected):
    assert room.listening(text) == expected


@pytest.mark.parametrize("text", ["host:port", "1.2.3.4:0", "1.2.3.4:70000"])
def test_an_invalid_address_is_refused(text):
    with pytest.raises(CourseError, match="is not an address"):
        room.listening(text)


def test_a_learner_has_no_privileges():
    limits = made().limits
    assert limits["cap_drop"] == ["ALL"] and "no-new-privileges" in limits["security_opt"]
    assert limits["memswap_limit"] == made().memory and limits["pids_limit"]
    assert not limits.keys() & {"privileged", "cap_add", "devices", "binds"}


def test_two_folders_are_two_classes(monkeypatch, tmp_path):
    first = room.name()
    monkeypatch.setenv("MULTISTAGE_HOME", str(tmp_path / "other"))
    assert room.name() != first


def test_passwords_differ_and_are_easy_to_read():
    found = {room.password() for _ in range(100)}
    assert len(found) == 100
    assert all(len(each) == 14 and not set(each) & set("il1o0") for each in found)


def test_a_class_without_a_hub_cannot_be_restarted():
    with pytest.raises(CourseError, match="No class is open"):
        opening.restart(lambda _: None)


def test_a_port_in_use_is_an_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(CourseError, match="cannot listen"):
            opening._free("127.0.0.1", taken.getsockname()[1], "")


def test_a_service_that_exits_shows_its_log(home):
    room.folder().mkdir(parents=True)
    service = services.Service("hub", ("sh", "-c", "echo the reason; exit 3", "hub"), "http://127.0.0.1:9/")
    with pytest.raises(CourseError, match="did not start") as caught:
        service.start()
    assert caught.value.evidence == "the reason" and "It exited" in caught.value.why


def test_another_process_with_the_recorded_id_is_not_the_hub(home):
    room.folder().mkdir(parents=True)
    (room.folder() / "hub.pid").write_text("1")
    assert services.Service("hub", ("true",), "").pid() is None


def test_the_token_is_not_in_the_part_for_the_projector():
    private, projected = classes.invitation(made()).split("For the projector:")
    assert made().token in private and made().token not in projected
    assert made().password in projected and "http://127.0.0.1:8000" in projected and "▄" in projected
    assert "LISTEN=0.0.0.0" in projected
    assert "not encrypted" in classes.invitation(made(listen="10.0.0.5"))
