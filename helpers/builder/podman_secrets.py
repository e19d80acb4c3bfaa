"""Secrets for Buildah, and for the course's engine over PRoot: how Podman's API takes them.

    query   secrets=["id=token,src=.multistage-secret-3f2a..."]
    body    the context's archive, with a file of that name in it

That is what Podman's own client sends (pkg/api/handlers/compat/images_build.go). Podman moves
such a file out of the context before the build begins, so that no COPY can find it.
"""

from __future__ import annotations

import io
import json
import secrets as random
import tarfile
from collections.abc import Mapping


def packed(secrets: Mapping[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """({id: value} as entries of an archive, to stand before the context's; the parameters of the build)."""
    if not secrets:
        return b"", {}
    body, options = io.BytesIO(), []
    archive = tarfile.open(fileobj=body, mode="w", format=tarfile.GNU_FORMAT)   # noqa: SIM115   more follows in it
    for name, value in secrets.items():
        entry = tarfile.TarInfo(f".multistage-secret-{random.token_hex(16)}")
        entry.size, entry.mode = len(value), 0o600
        archive.addfile(entry, io.BytesIO(value))
        options.append(f"id={name},src={entry.name}")
    return body.getvalue(), {"secrets": json.dumps(options)}
