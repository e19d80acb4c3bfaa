"""The call of the engine: one POST to /build, and the builder's own story back.

`version=2` asks for BuildKit, which fetches the files that it lacks through a session beside it; `version=1` asks for
the legacy builder, which gets the whole context as a tar archive in the request's body. Podman answers either with
Buildah, which gets the whole context too. The SDK's own `images.build()` sends no version and cannot read BuildKit's
answer; it is the SDK's client and connection that are used here.
"""

import contextlib
import io
import itertools
import json
import secrets as randoms
import socket
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import requests

from ..engine import Engine
from ..engine.translate import message_of
from ..errors import EngineFault, EngineGone, Unsupported
from . import buildah, buildkit, legacy
from .parameters import parameters
from .prepared import Prepared
from .progress import Progress
from .secrets import mounted
from .session import Session
from .tunnel import upgradable

Watch = Callable[[Progress], None]
PARSERS = {"buildkit": buildkit.events, "legacy": legacy.events, "buildah": buildah.events}
_CONNECT_SECONDS = 10


def exchange(prepared: Prepared, progress: Progress, watch: Watch) -> None:
    """Send the build and take its story into `progress`, `watch` called at each piece of news.

    Raises Unsupported for secrets that cannot be sent, ContextError and EngineGone. A build that fails leaves its
    reason in `progress.failure`.
    """
    request = prepared.request
    query = parameters(request, prepared.context, prepared.read, prepared.mark)
    with contextlib.ExitStack() as ends:
        session = _open_session(prepared, ends)
        response = _post(prepared.engine, query | session.parameters, None) if session else _post(
            prepared.engine, *_with_archive(prepared, query, progress, watch))
        # Closing the response is what stops a build in the engine: it sees its
        # client go. So it is closed whichever way this block is left.
        with response, request.bounds.watched(lambda: _cut(response)) if request.bounds else contextlib.nullcontext():
            if response.status_code >= 400:
                progress.failure = message_of(response)
                return
            lines = response.iter_lines(chunk_size=None)   # type: ignore[call-overload]
            for event in PARSERS[progress.builder](answers(lines)):
                progress.add(event)
                progress.sent = session.sent if session else progress.sent
                watch(progress)
        if session and progress.failure and (cause := session.cause(progress.failure)):
            raise cause   # of what the builder only saw the end of


def _open_session(prepared: Prepared, ends: contextlib.ExitStack) -> Session | None:
    """The session that serves the build, entered; None where the context has to go as an
    archive: to the legacy builder, or past something that opens no session.

    Raises Unsupported where BuildKit would need one: even for an optional secret, since it
    cannot ask whether there is one.
    """
    request = prepared.request
    if request.builder != "buildkit":
        return None
    if upgradable(prepared.engine):
        with contextlib.suppress(EngineFault):   # a proxy in front of the engine that lets no upgrade through
            return ends.enter_context(Session(prepared.engine, prepared.context, request.secrets, request.ssh))
    if request.secrets or request.ssh or mounted(prepared.read):
        raise Unsupported("Secrets cannot be handed to this build.",
                          why="This connection to the engine opens no build session.",
                          remedy="Use a local engine, or one that DOCKER_HOST names without ssh://.")
    return None


def _with_archive(prepared: Prepared, query: dict[str, str], progress: Progress,
                  watch: Watch) -> tuple[dict[str, str], Iterator[bytes]]:
    """The query and the body of a build whose context goes as an archive."""
    def sent(count: int) -> None:
        progress.sent = count
        watch(progress)

    files, secrets = packed(prepared.request.secrets or {})
    return query | secrets, itertools.chain(filter(None, [files]), prepared.context.stream(progress=sent))


def _post(engine: Engine, query: dict[str, str], body: Iterator[bytes] | None) -> requests.Response:
    # The SDK keeps a pool of connections for each full address, query and all: without
    # "close" each build would leave an idle one behind.
    headers = {"Connection": "close"} | ({"Content-Type": "application/x-tar"} if body else {})
    api = engine.client.api
    return api.post(f"{api.base_url}/v{api.api_version}/build", params=query, data=body, headers=headers, stream=True,
                    timeout=(_CONNECT_SECONDS, None))   # a step may be silent for long


def packed(secrets: Mapping[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """({id: value} as entries of an archive, to stand before the context's; the parameters of the build).

    The form is that of Podman's client (pkg/api/handlers/compat/images_build.go): Podman moves such
    a file out of the context before the build begins, so that no COPY can find it.

        query   secrets=["id=token,src=.multistage-secret-3f2a..."]
        body    the context's archive, with a file of that name in it
    """
    if not secrets:
        return b"", {}
    body, options = io.BytesIO(), []
    archive = tarfile.open(fileobj=body, mode="w", format=tarfile.GNU_FORMAT)   # noqa: SIM115   more follows in it
    for name, value in secrets.items():
        entry = tarfile.TarInfo(f".multistage-secret-{randoms.token_hex(16)}")
        entry.size, entry.mode = len(value), 0o600
        archive.addfile(entry, io.BytesIO(value))
        options.append(f"id={name},src={entry.name}")
    return body.getvalue(), {"secrets": json.dumps(options)}


def _cut(response: requests.Response) -> None:
    """End the answer from another thread: whoever reads it sees its end, the engine its
    client go. To close it would wait for the reader."""
    with contextlib.suppress(OSError, AttributeError):
        fp = response.raw._fp.fp      # http.client's; the SDK takes the same way to a socket
        getattr(fp, "raw", fp)._sock.shutdown(socket.SHUT_RDWR)


def answers(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects of an answer, one a line. Raises EngineGone for a line that is none."""
    for line in lines:
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            raise EngineGone(
                "The engine's answer broke off in the middle of the build.",
                why=f"A line of it is not JSON: {line[:80]!r}",
                remedy="Build again. If it stays so, something between here and the engine "
                       "changes its answers: a proxy, an ssh tunnel.") from error
