"""An image of one layer, handed to an engine as `docker save` would write it.

Loading is done as a whole or not at all, keeps the labels and the wording of
the history, and works on every engine; importing a tar does none of that.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..engine import Engine
from ..engine.translate import engine_fault
from .timeouts import patient
from .recipes import PATH
from .tars import EPOCH, chunks, regular, streamed

_LOAD_SECONDS = 1800


def load(engine: Engine, name: str, layer: Path, digest: str, *, instruction: str,
         labels: Mapping[str, str], architecture: str) -> None:
    """Load `layer` (a tar whose digest is `digest`) as the image `name`.

    Raises what `engine.translate_errors` raises.
    """
    config = json.dumps({
        "architecture": architecture, "os": "linux", "created": _date(),
        "config": {"Env": [f"PATH={PATH}"], "Labels": dict(labels)},
        "rootfs": {"type": "layers", "diff_ids": [digest]},
        "history": [{"created": _date(), "created_by": instruction}],
    }).encode()
    with engine.translate_errors(f"load {name}"):
        api = patient(engine.client.api, _LOAD_SECONDS)
        for event in api.load_image(_chunks(name, layer, config)):
            if event.get("error"):
                raise engine_fault(f"load {name}", event["error"])


def _date() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH))


def _chunks(name: str, layer: Path, config: bytes) -> Iterator[bytes]:
    own = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": own, "RepoTags": [name], "Layers": ["layer.tar"]}]
    small = streamed([regular(own, config), regular("manifest.json", json.dumps(manifest).encode())])
    head, _ = regular("layer.tar", b"")
    head.size = layer.stat().st_size
    # The layer comes first, since the small tar brings the end marker.
    yield head.tobuf()
    yield from chunks(layer)
    yield b"\0" * (-head.size % 512)
    yield from small
