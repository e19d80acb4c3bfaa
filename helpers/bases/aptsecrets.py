"""This machine's apt settings as build secrets for the stand-ins' Dockerfiles. Secrets are neither in a layer nor in
the cache key, so another mirror does not invalidate finished steps. Passwords are removed from URLs."""

import base64
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from . import aptsources

_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_PASSWORD = re.compile(r"(?<=://)[^\s\"]*@")      # user and password of a URL
_LARGEST = 500_000      # bytes of a secret (BuildKit, session/secrets: MaxSecretSize)
# Settings with paths of this machine.
_OF_FILES = re.compile(r"::(CaInfo|CaPath|CAfile|SslCert|SslKey|Proxy-Auto-Detect|ProxyAutoDetect)\b", re.IGNORECASE)
_ARMOR = re.compile(rb"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?\n\s*\n(.*?)(?:\n=\S+)?\s*\n-----END", re.S)


def secrets(suite: str, *, offline: bool = False) -> dict[str, bytes]:
    """{id: value} for `RUN --mount=type=secret`: apt.conf, apt.sources and trust; with `offline` only the archives on
    this machine."""
    sources = aptsources.machine(suite)
    if offline:
        sources = tuple(each for each in sources if each.local)
    settings = [line for line in aptsources.options() if not _OF_FILES.search(line)]
    settings += [*_proxies(), 'APT::Sandbox::User "root";']    # another user cannot read the secrets
    found: dict[str, bytes] = {}
    if _CA_BUNDLE.exists() and _CA_BUNDLE.stat().st_size < _LARGEST:
        found["trust"] = _CA_BUNDLE.read_bytes()
        settings.append('Acquire::https::CaInfo "/run/secrets/trust";')
    if sources or offline:
        settings += ['Dir::Etc::sourcelist "/dev/null";', 'Dir::Etc::sourceparts "/run/secrets";']
        found["apt.sources"] = (
            _PASSWORD.sub("", aptsources.written(map(_with_keys, sources))).encode() or b"# none on this machine\n")
    return found | {"apt.conf": _PASSWORD.sub("", "\n".join(settings)).encode() + b"\n"}


def _proxies() -> list[str]:
    """The environment's proxies, which apt in a build would not see."""
    values = {
        name: os.environ.get(f"{name}_proxy") or os.environ.get(f"{name.upper()}_PROXY") for name in ("http", "https")}
    return [f'Acquire::{name}::Proxy "{value}";' for name, value in values.items() if value]


def _with_keys(source: aptsources.Source) -> aptsources.Source:
    """`source` with inlined keys instead of paths of this machine (sources.list(5), Signed-By)."""
    files = [each for each in source.keyrings if each.is_file()]
    if not source.keyrings or files == [aptsources.KEYRING]:
        return source
    return replace(source, signed_by=armored(each.read_bytes() for each in files))


def armored(keyrings: Iterable[bytes]) -> str:
    """Several keyrings, in binary or text form, as one block of text (RFC 9580, 6.2)."""
    keys = b"".join(_binary(each) for each in keyrings)
    lines = base64.encodebytes(keys).decode().split()
    block = ["-----BEGIN PGP PUBLIC KEY BLOCK-----", ".", *lines, "-----END PGP PUBLIC KEY BLOCK-----"]
    return "".join(f"\n {line}" for line in block)


def _binary(keyring: bytes) -> bytes:
    blocks = _ARMOR.findall(keyring)
    return b"".join(map(base64.b64decode, blocks)) if blocks else keyring
