"""The service behind the hub: `python -m helpers.classroom.live.service`, with JupyterHub's variables of a service.

    GET  /            the instructor's page          GET  /stream      the class, whenever it changes (SSE)
    POST /reveal      {question, shown}              GET  /events.csv  all events
    POST /event       from a learner's session       GET  /mine        revealed answers to what the learner answered

The hub identifies users by a session's token or a browser's login. Learners may post their own events and read /mine;
everything else is for the instructor.
"""

import asyncio
import hashlib
import json
import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.locks import Condition

from ...text import escape
from .events import Course, EventRefused
from .state import State

LISTEN, FILE, INSTRUCTORS = "MULTISTAGE_VIEW_LISTEN", "MULTISTAGE_VIEW_FILE", "MULTISTAGE_VIEW_INSTRUCTORS"
_PAGE = Path(__file__).with_name("page.html")
_BODY, _STREAMS = 4096, 20      # bytes of a request; streams open at once
_PAUSE, _BEAT, _LASTS = 0.3, 15, 300    # seconds of a stream: between messages, between messages without news, in all
_POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
           "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


class Handler(HubOAuthenticated, web.RequestHandler):
    """Requires a user of the hub; the instructor, unless `for_learners`."""

    for_learners = False

    def initialize(self, state: State, changed: Condition, instructors: frozenset[str]) -> None:
        """Set what all handlers share."""
        self.state, self.changed, self.instructors = state, changed, instructors

    def set_default_headers(self) -> None:
        """Forbid caching, framing and loading from other sites."""
        for name, value in (("Cache-Control", "no-store"), ("Content-Security-Policy", _POLICY),
                            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer")):
            self.set_header(name, value)

    async def prepare(self) -> None:
        """Ask the hub for the user. Raises HTTPError."""
        await self.hub_auth.get_user(self, sync=False)     # caches the user for `current_user`, which would block
        if self.current_user is None:
            self.unknown()
        elif not self.for_learners and self.name not in self.instructors:
            raise web.HTTPError(403, reason="Only the instructor may see the class")

    def unknown(self) -> None:
        """Refuse someone the hub does not know. Raises HTTPError."""
        raise web.HTTPError(403)

    @property
    def name(self) -> str:
        """The user's name; '' for a service."""
        user = self.current_user
        return str(user["name"]) if user.get("kind") == "user" else ""

    def body(self) -> Any:
        """The request's JSON. Raises HTTPError."""
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise web.HTTPError(400, reason="Not valid JSON") from error

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer with the reason only, without a traceback."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{self._reason}.\n")


class Page(Handler):
    """The instructor's page."""

    def unknown(self) -> None:
        self.redirect(self.get_login_url())

    def get(self) -> None:
        """Answer with the page."""
        self.finish(_PAGE.read_text().replace("{{xsrf}}", escape(self.xsrf_token.decode())))


class Stream(Handler):
    """Server-sent events: the class now, and whenever it changes."""

    open = 0

    async def get(self) -> None:
        """Send the class until the page is closed or _LASTS seconds have passed. Raises HTTPError."""
        if Stream.open >= _STREAMS:
            raise web.HTTPError(503)
        Stream.open += 1
        try:
            self.set_header("Content-Type", "text/event-stream")
            self.set_header("X-Accel-Buffering", "no")
            await self._send(names=self.get_query_argument("names", "") == "yes")
        except StreamClosedError:
            pass
        finally:
            Stream.open -= 1

    async def _send(self, names: bool) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + _LASTS
        while loop.time() < end:
            news = self.changed.wait(timeout=timedelta(seconds=_BEAT))    # before the snapshot: misses no change
            self.write(f"retry: 2000\ndata: {json.dumps(self.state.snapshot(names))}\n\n")
            await self.flush()
            await news
            await asyncio.sleep(_PAUSE)


class Reveal(Handler):
    """Shows or hides the answers to a question."""

    def post(self) -> None:
        """Take {question, shown}. Raises HTTPError."""
        body = self.body()
        if not isinstance(body, dict) or not isinstance(body.get("shown"), bool):
            raise web.HTTPError(400)
        _taken(self, self.state.reveal, body.get("question"), body["shown"])


class Table(Handler):
    """Every event, for a spreadsheet."""

    async def get(self) -> None:
        """Answer with CSV."""
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="class.csv"')
        for number, line in enumerate(self.state.table()):
            self.write(line)
            if number % 500 == 499:
                await self.flush()


class Event(Handler):
    """Accepts an event from the learner that the token belongs to."""

    for_learners = True

    def post(self) -> None:
        """Take an event. Raises HTTPError."""
        if not self.name:
            raise web.HTTPError(403)
        _taken(self, self.state.post, self.name, self.body())


class Mine(Handler):
    """The class's answers to what was revealed and this learner answered."""

    for_learners = True

    def get(self) -> None:
        """Answer with a list of questions and their answers."""
        self.finish(json.dumps(self.state.mine(self.name)))


class Health(web.RequestHandler):
    """Says that the service is running."""

    def get(self) -> None:
        """Answer 'ok'."""
        self.finish("ok")


def _taken(handler: Handler, take: Any, *words: Any) -> None:
    try:
        take(*words)
    except EventRefused as error:
        raise web.HTTPError(error.status, reason=str(error).rstrip(".")) from error
    handler.changed.notify_all()
    handler.set_status(204)


def application(state: State, prefix: str, instructors: frozenset[str]) -> web.Application:
    """The service under `prefix`, which starts and ends with a slash."""
    shared = {"state": state, "changed": Condition(), "instructors": instructors}
    pages = {"": Page, "stream": Stream, "reveal": Reveal, "events.csv": Table, "event": Event, "mine": Mine}
    return web.Application([
        *((f"{prefix}{path}", handler, shared) for path, handler in pages.items()),
        (prefix.rstrip("/"), web.RedirectHandler, {"url": prefix}),
        (f"{prefix}oauth_callback", HubOAuthCallbackHandler), (f"{prefix}health", Health),
        (f"{prefix}static/(page\\.(?:css|js))", web.StaticFileHandler, {"path": _PAGE.parent})],
        cookie_secret=hashlib.sha256(HubOAuth.instance().api_token.encode()).digest())     # logins survive a restart


async def main() -> None:
    """Serve until the process ends."""
    logging.basicConfig(level=logging.ERROR)     # otherwise every refused request is logged
    at = urlsplit(f"//{os.environ[LISTEN]}")
    state = State(Course.here(), Path(os.environ[FILE]))
    instructors = frozenset(os.environ[INSTRUCTORS].split(","))
    server = HTTPServer(application(state, os.environ["JUPYTERHUB_SERVICE_PREFIX"], instructors), max_body_size=_BODY)
    server.listen(at.port or 0, at.hostname or "")
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
