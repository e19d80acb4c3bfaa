"""What this machine lends to a build: its own way to the package registries.

A machine may reach them through a mirror or a proxy, or trust a certificate
authority of its own (that of a company's proxy, say). A container knows nothing
of it. A RUN that mounts one of these secrets has it while its command runs, and
no layer ever does:

    --mount=type=secret,id=trust                             certificates, PEM
    --mount=type=secret,id=npmrc,target=/root/.npmrc         npm's settings
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf     pip's settings

The settings say that the certificates are in /run/secrets/trust: mount both. They
are build secrets like any other: `docker build --secret id=npmrc,src=FILE .` hands
over the same. A machine without such settings lends nothing, and the mounts, which
are optional, are not made.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ..bases.references import on_loopback
from ..dockerfile import Dockerfile

_TRUST, _NPM, _PIP = IDS = ("trust", "npmrc", "pip.conf")
_TRUST_FILE = f"/run/secrets/{_TRUST}"   # where such a mount is, unless told

_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
            "/etc/ssl/cert.pem")
_ANCHORS = ("/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors")
_NAMED = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.S)

_NPM_KEYS = ("registry", "proxy", "https-proxy", "noproxy", "strict-ssl", "audit")
_PIP_KEYS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries")


def lent(dockerfile: Dockerfile) -> dict[str, bytes]:
    """Of the secrets that `dockerfile` mounts those that this machine lends: {id: value}."""
    wanted = mounted(dockerfile) & set(IDS)
    if not wanted:
        return {}
    npm = npm_settings(_npm_files(), os.environ)
    pip = pip_settings(_pip_config())
    trust = trusted(_bundles(npm, pip))
    found = {_TRUST: trust.encode(), _NPM: npmrc(npm, bool(trust), os.environ).encode(),
             _PIP: pip_conf(pip, bool(trust), os.environ).encode()}
    return {name: value for name, value in found.items() if name in wanted and value}


def mounted(dockerfile: Dockerfile) -> set[str]:
    """Ids of the secrets that its RUN instructions mount."""
    found = set()
    for stage in dockerfile.stages:
        for instruction in stage.instructions:
            if instruction.keyword != "RUN":
                continue
            for words in instruction.mounts:
                if words.get("type") == "secret":
                    target = words.get("target", "").rpartition("/")[2]
                    found.add(words.get("id") or words.get("source") or target)
    return found - {""}


# -- certificates -----------------------------------------------------------------

def trusted(bundles: Iterable[str]) -> str:
    """The certificates in these texts, each once, without what is written between them."""
    every = [match for text in bundles for match in _CERTIFICATE.findall(text)]
    return "".join(f"{each}\n" for each in dict.fromkeys(every))


def _bundles(npm: Mapping[str, str], pip: Mapping[str, str]) -> list[str]:
    """The system's bundle and those that settings name; none where nobody has set
    anything, since then every image's own certificates will do."""
    named = [os.environ.get(name, "") for name in _NAMED] + [npm.get("cafile", ""), pip.get("cert", "")]
    named = [name for name in named if name and Path(name).is_file()]
    added = [file for folder in _ANCHORS for file in Path(folder).rglob("*")
             if file.suffix in (".crt", ".pem", ".cer")]
    if not named and not added:
        return []
    system = [name for name in _BUNDLES if Path(name).is_file()][:1]
    files = dict.fromkeys(Path(name).resolve() for name in (*system, *named))
    return [file.read_text(errors="replace") for file in files]


# -- npm ----------------------------------------------------------------------------

def npm_settings(texts: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """npm's settings from its files' texts, the weakest first, and the environment."""
    found: dict[str, str] = {}
    for text in texts:
        for line in text.splitlines():
            key, separator, value = line.strip().partition("=")
            if separator and not key.startswith((";", "#")):
                value = re.sub(r"\$\{(\w+)\}", lambda m: environment.get(m[1], m[0]), value)
                found[key.strip()] = value.strip().strip("\"'")
    for name, value in environment.items():
        if name.lower().startswith("npm_config_") and value:
            found[name.lower().removeprefix("npm_config_").replace("_", "-")] = value
    return found


def npmrc(settings: Mapping[str, str], trust: bool, environment: Mapping[str, str]) -> str:
    """The text of the .npmrc to lend; '' if there is nothing to say. `trust`: whether
    certificates are lent too."""
    registry = settings.get("registry", "")
    host = f"//{urlsplit(registry).netloc.rpartition('@')[2]}/"
    chosen = {"https-proxy": _proxy(environment, "https"), "proxy": _proxy(environment, "http"),
              "noproxy": _variable(environment, "no_proxy")}
    for key, value in settings.items():
        # Of the passwords only those for the registry that is lent.
        if key in _NPM_KEYS or re.fullmatch(r"@[^:]+:registry", key) or (registry and key.startswith(host)):
            chosen[key] = value
    if trust:   # a file: npm hands what it is told to every script, and certificates are too long
        chosen["cafile"] = _TRUST_FILE
    return "".join(f"{key}={value}\n" for key, value in chosen.items() if value and not _here(value))


def _npm_files() -> list[str]:
    """Texts of npm's files: of the installation, then of the user."""
    node = shutil.which("node")
    prefix = Path(node).resolve().parents[1] if node else Path("/usr/local")
    places = (os.environ.get("npm_config_globalconfig") or prefix / "etc/npmrc",
              os.environ.get("npm_config_userconfig") or Path.home() / ".npmrc")
    return [Path(place).read_text(errors="replace") for place in places if os.access(place, os.R_OK)]


# -- pip ----------------------------------------------------------------------------

def pip_settings(listed: str) -> dict[str, str]:
    """{name: value} from what `pip config list` prints. The environment's come last there
    or not: they always win."""
    found: dict[str, dict[str, str]] = {"global": {}, ":env:": {}}
    for line in listed.splitlines():
        name, separator, value = line.partition("=")
        section, _, key = name.partition(".")
        if separator and section in found:
            found[section][key] = str(ast.literal_eval(value))
    return found["global"] | found[":env:"]


def pip_conf(settings: Mapping[str, str], trust: bool, environment: Mapping[str, str]) -> str:
    """The text of the pip.conf to lend; '' if there is nothing to say."""
    chosen = {"proxy": _proxy(environment, "https")} | {key: settings[key] for key in _PIP_KEYS if key in settings}
    # Several indexes stand in one value; those in folders of this machine stay here.
    chosen = {key: " ".join(word for word in value.split() if not _here(word)) for key, value in chosen.items()}
    if trust:
        chosen["cert"] = _TRUST_FILE
    lines = [f"{key} = {value}\n" for key, value in chosen.items() if value]
    return "".join(["[global]\n", *lines]) if lines else ""


def _pip_config() -> str:
    return subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL).stdout


# -- both ---------------------------------------------------------------------------

def _proxy(environment: Mapping[str, str], scheme: str) -> str:
    return _variable(environment, f"{scheme}_proxy")


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _here(value: str) -> bool:
    """Whether it is an address that means another machine inside a container."""
    parts = urlsplit(value)
    return parts.scheme == "file" or bool(parts.scheme and parts.hostname and on_loopback(parts.hostname))
