"""The live class view behind a real hub and proxy, with ten learners and the instructor in a browser."""

import json
import os
import socket

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.classroom import services
from helpers.classroom.learner import Learner
from tests.classroom.classes import EXERCISE, NAMES, SIZE, take_part
from tests.lab.browser import open_browser, program
from tests.unit.classroom.test_room import made

pytestmark = pytest.mark.nightly


def free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A class with a running hub, proxy and view, but no sessions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MULTISTAGE_HOME", str(tmp_path_factory.mktemp("class")))
        port, hub_port, proxy_port, view_port = free_ports(4)
        found = made(port=port, hub_port=hub_port, proxy_port=proxy_port, view_port=view_port, gateway="127.0.0.1",
                     homes=str(tmp_path_factory.mktemp("homes")))
        found.save()
        running = services.of(found)
        try:
            for each in running:
                each.start()
            yield found
        finally:
            for each in reversed(running):
                each.end()


@pytest.fixture(scope="module")
def tokens(hub):
    """{name: token} of ten learners who have sent answers."""
    found = {}
    for name in NAMES:
        learner = Learner(hub.address, name, f"{name}-has-a-secret")
        learner.log_in(hub.password)
        found[name] = learner.token()
    take_part(hub.view.rstrip("/"), found.values())
    return found


@pytest.fixture
def revealed(hub):
    """Reveals the answers to the question on the size."""
    instructor = Learner(hub.address, "instructor", hub.token)
    instructor.log_in()
    headers = {"Authorization": f"token {instructor.token()}"}
    instructor.web.post(f"{hub.view}reveal", json={"question": SIZE, "shown": True}, headers=headers, timeout=60).raise_for_status()


def logged_in(hub, window):
    """The instructor's page, after logging in with the hub's form."""
    page = window.new_page()
    page.goto(hub.view)
    page.locator("#username_input").fill("instructor")
    page.locator("#password_input").fill(hub.token)
    page.locator("#login_submit").click()
    return page


def test_ten_learners_in_the_instructors_browser(hub, tokens, tmp_path):
    from playwright.sync_api import expect

    with open_browser(program() or pytest.skip("there is no Chromium"), tmp_path) as window:
        page = logged_in(hub, window)
        expect(page.get_by_role("status")).to_have_text("10 learners so far. Live.", timeout=60_000)
        assert "300 MB" not in page.content()
        page.get_by_role("button", name=f"Reveal answers: {SIZE}").click()
        asked = page.get_by_role("article").filter(has=page.get_by_role("heading", name=SIZE))
        expect(asked).to_contain_text("837 MB ⚙ the engine")
        tried = page.get_by_role("article").filter(has_text=EXERCISE.replace("-", " "))
        expect(tried).to_contain_text("stuck, size: 3 ada, bob, cem")
        services.of(hub)[1].end()
        expect(page.get_by_role("status")).to_contain_text("Not connected", timeout=60_000)
        services.of(hub)[1].start()
        expect(page.get_by_role("status")).to_have_text("10 learners so far. Live.", timeout=60_000)
        expect(asked).to_contain_text("837 MB ⚙ the engine")     # events and login survive the restart
        with page.expect_download() as export:
            page.get_by_role("link", name="Export as CSV").click()
        assert '"jo"' in export.value.path().read_text()


def test_a_learner_reads_revealed_answers_only(hub, tokens, revealed):
    ada = Learner(hub.address, "ada", "ada-has-a-secret")
    ada.log_in()
    assert {ada.web.get(hub.view + path, timeout=60).status_code for path in ("", "events.csv", "stream")} == {403}
    headers = {"Authorization": f"token {tokens['ada']}"}
    assert ada.web.post(f"{hub.view}reveal", json={"question": SIZE, "shown": True}, headers=headers, timeout=60).status_code == 403
    shown = ada.web.get(f"{hub.view}mine", headers=headers, timeout=60).json()
    assert [(each["question"], each["mine"]) for each in shown] == [(SIZE, "100 MB")] and "bob" not in json.dumps(shown)


def test_an_invalid_token_is_refused(hub, tokens):
    instructor = Learner(hub.address, "instructor", hub.token)
    instructor.log_in()
    event = {"kind": "check", "exercise": EXERCISE, "passed": True, "fails": []}
    for token, status in ((tokens["jo"], 204), ("0" * 32, 403)):
        answer = instructor.web.post(f"{hub.view}event", json=event, headers={"Authorization": f"token {token}"}, timeout=60)
        assert answer.status_code == status


def test_a_lesson_shows_the_notice_and_the_class(hub, tokens, revealed, tmp_path):
    cells = ["from helpers.lesson import *", "guess = predict('How many of the five will the program find?', ['1 or 2', '3 or 4'])",
             "guess.value = '3 or 4'", "guess.compare('1 or 2')", "%class", "%class off",
             "guess.compare('3 or 4')", "from helpers.classroom.live import client; client._sender.shutdown()"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    environment = {**os.environ, "MULTISTAGE_HOME": str(tmp_path), "MULTISTAGE_NO_ENGINE": "1", "MULTISTAGE_REQUIRE_ENGINE": "",
                   "MULTISTAGE_CLASS_VIEW": hub.view, "JUPYTERHUB_API_TOKEN": tokens["hugo"]}
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute(env=environment)
    texts = ["".join(str(each.get("text", each.get("data", {}).get("text/plain"))) for each in cell.outputs) for cell in notebook.cells]
    assert "%class off stops it" in texts[0] and not any("%class" in text for text in texts[1:])
    assert SIZE in texts[4] and "800 MB  2  █████████████  you" in texts[4]
    assert texts[5] == "Nothing is sent from now on.\n"
    instructor = Learner(hub.address, "instructor", hub.token)
    instructor.log_in()
    instructor.web.get(hub.view, timeout=60)
    rows = [row for row in instructor.web.get(f"{hub.view}events.csv", timeout=60).text.splitlines() if '"hugo"' in row]
    assert rows[-1].endswith('"How many of the five will the program find?","3 or 4","1 or 2","",""')
