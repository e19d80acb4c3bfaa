"""The live view's service: who may do what, with a fake hub that answers as JupyterHub does to a token."""

import asyncio
import contextlib
import json

import pytest
from jupyterhub.services import auth
from tornado import web
from tornado.httpclient import HTTPRequest
from tornado.testing import AsyncHTTPTestCase, bind_unused_port, gen_test

from helpers.classroom.live import service
from helpers.classroom.live.events import Course
from helpers.classroom.live.state import State
from helpers.questions import Asked

PREFIX, SCOPE = "/services/class/", "access:services!service=class"
WHICH = "Which?"
COURSE = Course({WHICH: Asked(WHICH, "01-one-stage", ("a", "b"))}, {"01-split": frozenset({"size"})})
USERS = {"ada-token": {"name": "ada", "kind": "user", "scopes": [SCOPE]},
         "bob-token": {"name": "bob", "kind": "user", "scopes": [SCOPE]},
         "instructor-token": {"name": "instructor", "kind": "user", "scopes": [SCOPE]},
         "service-token": {"name": "instructor", "kind": "service", "scopes": [SCOPE]},
         "elsewhere-token": {"name": "eve", "kind": "user", "scopes": ["access:servers!server=eve/"]}}


class Hub(web.RequestHandler):
    def get(self):
        user = USERS.get(self.request.headers["Authorization"].removeprefix("token "))
        if user is None:
            raise web.HTTPError(403)
        self.finish(json.dumps(user))


@pytest.mark.usefixtures("folder")
class TestService(AsyncHTTPTestCase):
    @pytest.fixture
    def folder(self, tmp_path, monkeypatch):
        self.file = tmp_path / "events.jsonl"
        monkeypatch.setenv("JUPYTERHUB_SERVICE_NAME", "class")

    def get_app(self):
        socket, port = bind_unused_port()
        self.hub = web.Application([("/hub/api/user", Hub)]).listen(0)
        self.hub.stop()
        self.hub.add_socket(socket)
        auth.HubOAuth.clear_instance()
        auth.HubOAuth.instance(api_url=f"http://127.0.0.1:{port}/hub/api", api_token="x", base_url=PREFIX,
                               oauth_client_id="service-class")
        self.state = State(COURSE, self.file)
        return service.application(self.state, PREFIX, frozenset({"instructor"}))

    def tearDown(self):
        self.hub.stop()
        auth.HubOAuth.clear_instance()
        super().tearDown()

    def ask(self, path, token="", body=None):
        headers = {"Authorization": f"token {token}"} if token else {}
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.fetch(PREFIX + path, method="GET" if body is None else "POST", headers=headers, body=data,
                          follow_redirects=False)

    def answer(self, token, given="b"):
        return self.ask("event", token, {"kind": "answer", "question": WHICH, "answer": given}).code

    def test_an_event_belongs_to_the_token_s_user(self):
        body = {"kind": "answer", "question": WHICH, "answer": "b", "learner": "bob", "name": "bob"}
        assert self.ask("event", "ada-token", body).code == 204
        assert list(self.state.learners) == ["ada"]

    def test_unknown_users_and_services_are_refused(self):
        for token in ("", "wrong-token", "elsewhere-token", "service-token"):
            assert self.answer(token) == 403
            for path in ("stream", "events.csv"):
                assert self.ask(path, token).code == 403
        assert self.state.learners == {}

    def test_learners_cannot_use_the_instructor_s_addresses(self):
        self.answer("ada-token")
        for path in ("", "stream?names=yes", "stream", "events.csv"):
            refused = self.ask(path, "ada-token")
            assert refused.code == 403 and b"bob" not in refused.body
        assert self.ask("reveal", "ada-token", {"question": WHICH, "shown": True}).code == 403
        assert json.loads(self.ask("mine", "ada-token").body) == []

    def test_a_learner_reads_revealed_and_answered_questions(self):
        self.answer("ada-token")
        assert self.ask("reveal", "instructor-token", {"question": WHICH, "shown": True}).code == 204
        shown, = json.loads(self.ask("mine", "ada-token").body)
        assert shown["mine"] == "b" and json.loads(self.ask("mine", "bob-token").body) == []

    def test_invalid_large_and_frequent_requests_are_refused(self):
        assert self.answer("ada-token", "<b>") == 400
        for body in (b"", b"{", b"[" * 4000, b'"\xff"', b"null"):
            assert self.ask("event", "ada-token", body).code == 400
            assert self.ask("reveal", "instructor-token", body).code == 400
        with contextlib.suppress(OSError):     # it hangs up
            assert self.ask("event", "ada-token", b" " * 5000).code in (400, 413, 599)
        assert {self.answer("ada-token") for _ in range(40)} == {204, 429}
        assert self.answer("bob-token") == 204

    def test_the_page_has_no_answers_and_loads_only_its_own_files(self):
        self.answer("ada-token")
        page = self.ask("", "instructor-token")
        assert page.code == 200 and b"{{" not in page.body and b"ada" not in page.body
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        for name in ("page.css", "page.js"):
            assert self.ask(f"static/{name}").code == 200
        assert self.ask("static/service.py").code == 404 and self.ask("static/..%2fstate.py").code == 404

    def test_a_browser_without_a_login_is_redirected_to_the_hub(self):
        answer = self.ask("")
        assert answer.code == 302 and "/hub/api/oauth2/authorize" in answer.headers["Location"]
        assert self.fetch(PREFIX.rstrip("/"), follow_redirects=False).headers["Location"] == PREFIX

    def test_the_export_has_a_row_for_each_event(self):
        self.answer("ada-token")
        exported = self.ask("events.csv", "instructor-token")
        assert exported.headers["Content-Type"].startswith("text/csv") and exported.body.count(b"\n") == 2
        assert b'"ada"' in exported.body

    @gen_test
    async def test_the_stream_sends_changes_immediately(self):
        seen = []
        request = HTTPRequest(self.get_url(f"{PREFIX}stream?names=yes"), headers={"Authorization": "token instructor-token"},
                              streaming_callback=seen.append, request_timeout=10)
        streaming = self.http_client.fetch(request, raise_error=False)
        while not seen:
            await asyncio.sleep(0.01)
        await self.http_client.fetch(HTTPRequest(
            self.get_url(f"{PREFIX}event"), method="POST", headers={"Authorization": "token ada-token"},
            body=json.dumps({"kind": "check", "exercise": "01-split", "passed": False, "fails": ["size"]})))
        while len(seen) < 2:
            await asyncio.sleep(0.01)
        first, second = [json.loads(each.decode().split("data: ")[1]) for each in seen]
        assert first["learners"] == 0 and second["exercises"][0]["trying"] == {"count": 1, "names": ["ada"]}
        self.http_client.close()
        streaming.cancel()
