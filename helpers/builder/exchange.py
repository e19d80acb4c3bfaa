"""The call of the engine: one POST to /build, answered by the builder's events.

`version=2` asks for BuildKit, which fetches missing files through a session; `version=1` asks for the legacy builder,
which gets the whole context as a tar archive in the request's body, as does Podman's Buildah with either version. The
SDK's `images.build()` sends no version and cannot read BuildKit's answer; only its client and connection are used.
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
from . import buildkit, text_stream
from .prepared import Prepared
from .progress import Progress
from .request import parameters
from .secrets import mounted
from .session import Session
from .tunnel import upgradable

Watch = Callable[[Progress], None]
PARSERS = {"buildkit": buildkit.events, "legacy": text_stream.legacy, "buildah": text_stream.buildah}
_CONNECT_SECONDS = 10


def exchange(prepared: Prepared, progress: Progress, watch: Watch) -> None:
    """Send the build and add its events to `progress`, calling `watch` after each. Raises Unsupported for secrets
    that cannot be sent, ContextError and EngineGone. The message of a failed build is in `progress.failure`."""
    request = prepared.request
    query = parameters(request, prepared.context, prepared.read, prepared.mark)
    with contextlib.ExitStack() as ends:
        session = _open_session(prepared, ends)
        response = _post(prepared.engine, query | session.parameters, None) if session else _post(
            prepared.engine, *_with_archive(prepared, query, progress, watch))
        # Closing the response stops the build: the engine sees that its client has gone.
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
            raise cause


def _open_session(prepared: Prepared, ends: contextlib.ExitStack) -> Session | None:
    """The session that serves the build, entered; None if the context has to be sent as an archive: to the legacy
    builder, or through a proxy that allows no session.

    Raises Unsupported if BuildKit needs one: also for an optional secret, since it could not ask for it.
    """
    request = prepared.request
    if request.builder != "buildkit":
        return None
    if upgradable(prepared.engine):
        with contextlib.suppress(EngineFault):   # from a proxy that allows no upgrade
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
    # The SDK pools connections by full address, query included: without "close" each build would leave an idle one.
    headers = {"Connection": "close"} | ({"Content-Type": "application/x-tar"} if body else {})
    api = engine.client.api
    return api.post(f"{api.base_url}/v{api.api_version}/build", params=query, data=body, headers=headers, stream=True,
                    timeout=(_CONNECT_SECONDS, None))   # a step may be silent for long


def packed(secrets: Mapping[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """(entries of the archive before the context's, parameters of the build) for secrets {id: value}.

    As Podman's client sends them (pkg/api/handlers/compat/images_build.go): Podman moves such a file out of the context
    before the build, so that no COPY finds it.

        query   secrets=["id=token,src=.multistage-secret-3f2a..."]
        body    the context's archive, with a file of that name in it
    """
    if not secrets:
        return b"", {}
    body, options = io.BytesIO(), []
    archive = tarfile.open(fileobj=body, mode="w", format=tarfile.GNU_FORMAT)   # noqa: SIM115   it is not complete
    for name, value in secrets.items():
        entry = tarfile.TarInfo(f".multistage-secret-{randoms.token_hex(16)}")
        entry.size, entry.mode = len(value), 0o600
        archive.addfile(entry, io.BytesIO(value))
        options.append(f"id={name},src={entry.name}")
    return body.getvalue(), {"secrets": json.dumps(options)}


def _cut(response: requests.Response) -> None:
    """End the answer from another thread, without waiting for its reader as close() does."""
    with contextlib.suppress(OSError, AttributeError):
        fp = response.raw._fp.fp      # http.client's; the SDK gets its socket in the same way
        getattr(fp, "raw", fp)._sock.shutdown(socket.SHUT_RDWR)


def answers(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects of an answer, one a line. Raises EngineGone for any other line."""
    for line in filter(bytes.strip, lines):
        try:
            yield json.loads(line)
        except ValueError as error:
            raise EngineGone(
                "The engine's answer broke off in the middle of the build.",
                why=f"A line of it is not JSON: {line[:80]!r}",
                remedy="Build again. If it happens again, a proxy or an ssh tunnel on the way to the engine changes "
                       "its answers.") from error
