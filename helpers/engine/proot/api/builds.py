"""Builds: the context comes in, the output of each step goes out."""

import json
import os
import tarfile
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path

from ....errors import CourseError
from ....extraction import inside
from ....paths import remove
from .. import NAME, build
from ..refused import RequestRefused
from ..run_step import StepFailed
from .routes import Routed, message_of, on, truth


class Builds(Routed):
    """Requests below /build."""

    @on("POST", "/build")  # noqa: RET503
    def _build(self) -> None:
        if self.query.get("version") == "2":
            return self.refuse(400, f"{NAME} has no BuildKit")
        options = build.Options(
            dockerfile=self.query.get("dockerfile") or "Dockerfile", tags=tuple(self.queries.get("t", ())),
            target=self.query.get("target") or None, args=json.loads(self.query.get("buildargs") or "{}"),
            labels=json.loads(self.query.get("labels") or "{}"), no_cache=truth(self.query.get("nocache")))
        with tempfile.TemporaryDirectory(dir=self.engine.temporary) as folder:
            context = Path(folder, "context")
            context.mkdir()
            try:
                build.unpack(self.body, context)
            except tarfile.TarError as error:
                return self.refuse(400, f"the context is not a tar archive: {error}")
            self.begin()
            try:
                builder = build.Builder(self.engine.store, self.engine.trees, self.engine.processes, self._send,
                                        stopped=self.gone, caches=str(self.engine.folder / "caches"))
                asked = json.loads(self.query.get("secrets") or "[]")
                builder.build(context, replace(options, secrets=secrets_of(asked, context, Path(folder))))
            except StepFailed as error:
                self._failed(str(error), error.code)
            except CourseError as error:
                self._failed(error.what, None)
            except ConnectionError:
                raise
            except (RequestRefused, OSError, ValueError) as error:
                self._failed(message_of(error), None)
            except Exception as error:   # a bug: also to the engine's log
                traceback.print_exc()
                self._failed(f"internal error: {type(error).__name__}: {error}", None)
            finally:
                remove(str(context))
            self.end()

    def _send(self, message: dict) -> None:
        self.piece(json.dumps(message).encode() + b"\r\n")

    def _failed(self, message: str, code: int | None) -> None:
        self._send({"errorDetail": {"message": message, **({"code": code} if code else {})}, "error": message})


def secrets_of(asked: list[str], context: Path, folder: Path) -> dict[str, str]:
    """{id: path} of secrets that the client sent in the context, given as `id=ID,src=FILE` like in Podman's API. They
    are moved to `folder`, where no COPY sees them."""
    found: dict[str, str] = {}
    for each in asked:
        given = dict(part.partition("=")[::2] for part in each.split(","))
        place = folder / f"secret-{len(found)}"
        os.replace(inside(str(context), given["src"]), place)
        found[given["id"]] = str(place)
    return found
