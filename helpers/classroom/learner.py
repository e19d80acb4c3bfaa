"""A learner without a browser: logs in, starts a session and runs cells through the class's proxy."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
import websocket

from ..errors import CourseError

_SPAWN_SECONDS, _CELL_SECONDS = 300, 600


class LearnerFailed(CourseError):
    """A learner could not do something."""


@dataclass
class Learner:
    """A learner of the class at `address`."""

    address: str
    name: str
    password: str
    web: requests.Session = field(default_factory=requests.Session)

    @property
    def _server(self) -> str:
        return f"{self.address}/user/{self.name}/"

    def log_in(self, class_password: str = "") -> None:
        """Log in; a new name needs the class password. Raises LearnerFailed with the text of the hub's page."""
        self.web.get(f"{self.address}/hub/login", timeout=60)
        answer = self.web.post(f"{self.address}/hub/login", allow_redirects=False, timeout=60, data={
            "username": self.name, "password": self.password, "otp": class_password, "_xsrf": self._xsrf("/hub/")})
        if answer.status_code != 302:
            raise LearnerFailed(f"{self.name} could not log in.", why=f"The hub answered {answer.status_code}.",
                                evidence=_words(answer.text))

    def start(self) -> None:
        """Start the session and wait until JupyterLab answers. Raises LearnerFailed."""
        deadline = time.monotonic() + _SPAWN_SECONDS
        page = self.web.get(f"{self.address}/hub/spawn", timeout=120)
        while time.monotonic() < deadline:
            if page.status_code >= 500:
                break
            answer = self.web.get(f"{self._server}api/status", timeout=60)
            if answer.status_code == 200 and answer.headers.get("Content-Type", "").startswith("application/json"):
                self.web.get(f"{self._server}lab", timeout=60).raise_for_status()    # sets the XSRF cookie
                return
            time.sleep(0.5)
            page = self.web.get(f"{self.address}/hub/spawn-pending/{self.name}", timeout=60)
        raise LearnerFailed(f"The session of {self.name} did not start.", why=f"The hub answered {page.status_code}.",
                            evidence=_words(page.text))

    def stop(self) -> None:
        """Stop the session and wait until the hub has removed it. Raises LearnerFailed."""
        self._set_server("DELETE", self.name, "stop", lambda servers: not servers)

    def delete(self, name: str) -> None:
        """As the instructor: stop another learner's session and free the name. Raises LearnerFailed."""
        if self._hub("GET", name).status_code == 200:
            Learner(self.address, name, "", self.web).stop()
            self._hub("DELETE", name)

    def start_ahead(self, name: str) -> None:
        """As the instructor: add a new name and start its session. Raises LearnerFailed."""
        self._hub("POST", name)
        self._set_server("POST", name, "start", lambda servers: servers.get("", {}).get("ready"))

    def _set_server(self, method: str, name: str, verb: str, done: Callable[[dict], object]) -> None:
        """Start or stop a session, and poll the hub until `done` accepts the user's servers."""
        deadline = time.monotonic() + _SPAWN_SECONDS
        answer = self._hub(method, f"{name}/server")
        while answer.status_code < 300 and time.monotonic() < deadline:
            answer = self._hub("GET", name)
            if answer.status_code == 200 and done(answer.json()["servers"]):
                return
            time.sleep(0.5)
        raise LearnerFailed(f"The session of {name} did not {verb}.", why=f"The hub answered {answer.status_code}.",
                            evidence=answer.text[:500])

    def token(self) -> str:
        """A token with the same rights as the session's own. Raises LearnerFailed."""
        answer = self._hub("POST", f"{self.name}/tokens", json={"roles": ["server"]})
        if answer.status_code != 201:
            raise LearnerFailed(f"The hub refused {self.name} a token.", why=f"The hub answered {answer.status_code}.")
        return str(answer.json()["token"])

    def _hub(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.web.request(method, f"{self.address}/hub/api/users/{path}", timeout=120,
                                headers={"X-XSRFToken": self._xsrf("/hub/")}, **options)

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send a request to the learner's server; returns its JSON, or None. Raises LearnerFailed."""
        answer = self.web.request(method, self._server + path, timeout=120,
                                  headers={"X-XSRFToken": self._xsrf(f"/user/{self.name}/")}, **options)
        if answer.status_code >= 400:
            raise LearnerFailed(f"{method} {path} failed.", why=f"The server answered {answer.status_code}.",
                                evidence=answer.text[:500])
        return answer.json() if answer.content else None

    def open(self, notebook: str) -> Kernel:
        """Start a kernel for a notebook; the path is relative to the course. Raises LearnerFailed."""
        session = self.request("POST", "api/sessions", json={
            "path": notebook, "name": notebook, "type": "notebook", "kernel": {"name": "python3"}})
        host = self._server.replace("http", "ws", 1)
        jar = "; ".join(f"{each.name}={each.value}" for each in self.web.cookies
                        if f"/user/{self.name}/".startswith(each.path))
        connection = websocket.create_connection(
            f"{host}api/kernels/{session['kernel']['id']}/channels?session_id={uuid.uuid4().hex}", cookie=jar,
            timeout=_CELL_SECONDS, max_size=None)
        return Kernel(connection)

    def cells(self, notebook: str) -> list[str]:
        """The code cells of a notebook in the learner's home."""
        content = self.request("GET", f"api/contents/{notebook}?content=1")["content"]
        return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]

    def _xsrf(self, path: str) -> str:
        return next((each.value or "" for each in self.web.cookies if (each.name, each.path) == ("_xsrf", path)), "")


@dataclass
class Kernel:
    """A kernel, reached over its websocket."""

    connection: Any

    def run(self, code: str) -> str:
        """Run a cell; returns its output as text. Raises LearnerFailed if it ends with an error."""
        message = uuid.uuid4().hex
        self.connection.send(json.dumps({
            "header": {"msg_id": message, "username": "", "session": uuid.uuid4().hex, "msg_type": "execute_request",
                       "version": "5.3", "date": ""},
            "parent_header": {}, "metadata": {}, "channel": "shell", "buffers": [],
            "content": {"code": code, "silent": False, "store_history": True, "user_expressions": {},
                        "allow_stdin": False, "stop_on_error": True}}))
        texts: list[str] = []
        waiting = {"idle", "reply"}
        while waiting:
            received = self.connection.recv()
            answer = json.loads(received) if isinstance(received, str) and received else {}
            if answer.get("parent_header", {}).get("msg_id") == message:
                waiting -= _ended(answer, texts, code)
        return "".join(texts)

    def close(self) -> None:
        """Disconnect from the kernel."""
        self.connection.close()


def _ended(answer: dict[str, Any], texts: list[str], code: str) -> set[str]:
    """Add a message's text to `texts`; returns what the message ends: 'idle', 'reply' or nothing."""
    kind, content = answer["msg_type"], answer["content"]
    if kind == "stream":
        texts.append(content["text"])
    elif kind in ("display_data", "execute_result"):
        texts.append(f"{content['data'].get('text/plain', '')}\n")
    elif kind == "error":
        raise LearnerFailed(f"A cell failed: {code.strip().splitlines()[0][:60]}",
                            why=f"{content['ename']}: {content['evalue']}"[:2000], evidence="".join(texts)[-500:])
    elif kind == "execute_reply":
        return {"reply"}
    return {"idle"} if kind == "status" and content["execution_state"] == "idle" else set()


def _words(page: str) -> str:
    """The text of one of the hub's pages, without markup."""
    body = re.sub(r"(?s)<(script|style|head).*?</\1>", "", page)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())[:500]
