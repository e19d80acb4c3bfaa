"""This machine's settings for package registries, as build secrets.

A machine may need a mirror, a proxy, or its company's certificate authority, which containers do not know. A RUN that
mounts one of these secrets has it while its command runs, and no layer ever does:

    --mount=type=secret,id=trust                             certificates, PEM
    --mount=type=secret,id=npmrc,target=/root/.npmrc         npm's settings
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf     pip's settings

They hold addresses and certificates, and never a password, a token or a key: a Dockerfile can send whatever it mounts
anywhere. For more, users pass a file, as with Docker: `--secret id=npmrc,src=FILE`. `secrets` decides which builds get
these settings.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..bases.references import on_loopback

TRUST, NPM, PIP = IDS = ("trust", "npmrc", "pip.conf")
_TRUST_FILE = f"/run/secrets/{TRUST}"   # the mount's default path
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_ANCHORS = ("/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors")
_NAMED = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

# How the value of a setting is read; other settings stay here.
_NPM_KEYS = {"registry": "address", "proxy": "address", "https-proxy": "address", "noproxy": "hosts",
             "strict-ssl": "switch", "audit": "switch"}
_PIP_KEYS = {"index-url": "address", "extra-index-url": "address", "proxy": "address", "trusted-host": "hosts",
             "timeout": "switch", "retries": "switch"}
_PLAIN = {"switch": re.compile(r"true|false|[\d.]{1,9}"), "hosts": re.compile(r"[\w.,:\[\]*/-]+")}
_SCOPE = re.compile(r"@[\w.-]+:registry")
_SECRET_KEY = re.compile(r"(?:^|:)(?:_auth|_authToken|_password|username|key|keyfile|cert|certfile|client-cert)$")
# RFC 3986, except for passwords with characters that should be escaped.
_ADDRESS = re.compile(r"(?P<scheme>(?:[A-Za-z][A-Za-z0-9+.-]*://)?)(?:[^/@]*@)*(?P<host>[^/@?#]+)(?P<path>(?:/[^@?#]*)?)"
                      r"(?:[?#].*)?")
# A token in the path, as some registries take it: mixed letters and digits.
_TOKEN_IN_PATH = re.compile(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[0-9A-Za-z]{16,}")


@dataclass(frozen=True)
class HostSecret:
    """The content of one secret, and how many values lost a password, a token or a key."""

    value: bytes
    withheld: int = 0


def host_secrets(wanted: Collection[str]) -> dict[str, HostSecret]:
    """{id: settings} for those of the ids `wanted` that this machine has settings for. npm and pip are pointed to the
    certificates only if `trust` is wanted too."""
    if not set(IDS) & set(wanted):
        return {}
    npm = npm_settings(_npm_files(), os.environ)
    pip = pip_settings(_pip_config(), os.environ)
    certificates = trusted(_bundles(npm, pip))
    trust = bool(certificates) and TRUST in wanted
    found = {TRUST: HostSecret(certificates.encode()), NPM: npmrc(npm, trust, os.environ),
             PIP: pip_conf(pip, trust, os.environ)}
    return {name: secret for name, secret in found.items() if name in wanted and secret.value}


def trusted(bundles: Iterable[str]) -> str:
    """The certificates in these texts, each once, and nothing else: a bundle may also hold a private key."""
    every = [match for text in bundles for match in _CERTIFICATE.findall(text)]
    return "".join(f"{each}\n" for each in dict.fromkeys(every))


def _bundles(npm: Mapping[str, str], pip: Mapping[str, str]) -> list[str]:
    """The system's bundle and those that settings name; none without any setting, since every image has its own."""
    named = [os.environ.get(name, "") for name in _NAMED] + [npm.get("cafile", ""), pip.get("cert", "")]
    named = [name for name in named if name and Path(name).is_file()]
    added = [file for folder in _ANCHORS for file in Path(folder).rglob("*") if file.suffix in (".crt", ".pem", ".cer")]
    if not named and not added:
        return []
    system = [name for name in _BUNDLES if Path(name).is_file()][:1]
    files = dict.fromkeys(Path(name).resolve() for name in (*system, *named))
    return [file.read_text(errors="replace") for file in files]


def npm_settings(texts: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """npm's settings from its files, the weakest first, and the environment."""
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


def npmrc(settings: Mapping[str, str], trust: bool, environment: Mapping[str, str]) -> HostSecret:
    """A .npmrc of the settings without secrets. `trust`: whether the certificates are mounted too."""
    chosen = {"https-proxy": _variable(environment, "https_proxy"), "proxy": _variable(environment, "http_proxy"),
              "noproxy": _variable(environment, "no_proxy")} | dict(settings)
    kinds = _NPM_KEYS | {key: "address" for key in settings if _SCOPE.fullmatch(key)}
    kept, withheld = _public(chosen, kinds)
    # A file's name, since npm passes its settings to every script as variables, and certificates are too long.
    kept |= {"cafile": _TRUST_FILE} if trust else {}
    return HostSecret("".join(f"{key}={value}\n" for key, value in kept.items()).encode(), withheld)


def _npm_files() -> list[str]:
    """The installation's file, then the user's."""
    node = shutil.which("node")
    prefix = Path(node).resolve().parents[1] if node else Path("/usr/local")
    places = (os.environ.get("npm_config_globalconfig") or prefix / "etc/npmrc",   # noqa: SIM112
              os.environ.get("npm_config_userconfig") or Path.home() / ".npmrc")   # noqa: SIM112
    return [Path(place).read_text(errors="replace") for place in places if os.access(place, os.R_OK)]


def pip_settings(listed: str, environment: Mapping[str, str]) -> dict[str, str]:
    """{name: value} from the output of `pip config list`, empty without pip, and the environment, which wins."""
    pairs = (line.removeprefix("global.").partition("=") for line in listed.splitlines() if line.startswith("global."))
    return {key: str(ast.literal_eval(value)) for key, _, value in pairs} | {
        name.removeprefix("PIP_").replace("_", "-").lower(): value
        for name, value in environment.items() if name.startswith("PIP_") and value}


def pip_conf(settings: Mapping[str, str], trust: bool, environment: Mapping[str, str]) -> HostSecret:
    """A pip.conf of the settings without secrets."""
    kept, withheld = _public({"proxy": _variable(environment, "https_proxy")} | dict(settings), _PIP_KEYS)
    kept |= {"cert": _TRUST_FILE} if trust else {}
    lines = [f"{key} = {value}\n" for key, value in kept.items()]
    return HostSecret("".join(["[global]\n", *lines] if lines else []).encode(), withheld)


def _pip_config() -> str:
    return subprocess.run([sys.executable, "-m", "pip", "config", "list"], check=False, capture_output=True,
                          text=True, stdin=subprocess.DEVNULL).stdout


def _public(settings: Mapping[str, str], kinds: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """(the settings of these kinds without secrets, how many values lost something or were left out)."""
    kept: dict[str, str] = {}
    withheld = sum(bool(_SECRET_KEY.search(key)) for key in settings)
    for key, kind in kinds.items():
        words = settings.get(key, "").split()   # several indexes may be in one value
        if kind == "address":
            words = [word for word in words if not _here(word)]
            shown = [without_credentials(word) for word in words]
        else:
            shown = [word for word in words if _PLAIN[kind].fullmatch(word)]
        withheld += shown != words
        kept[key] = " ".join(filter(None, shown))
    return {key: value for key, value in kept.items() if value}, withheld


def without_credentials(address: str) -> str:
    """The address without user, password, query and fragment; '' if its path has a token, or it cannot be read.

    >>> without_credentials("https://user:word@pypi.example.org/simple?key=1")
    'https://pypi.example.org/simple'
    """
    parts = _ADDRESS.fullmatch(address)
    if parts is None or any(_TOKEN_IN_PATH.fullmatch(part) for part in parts["path"].split("/")):
        return ""
    return parts["scheme"] + parts["host"] + parts["path"]


def _variable(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name) or environment.get(name.upper()) or ""


def _here(value: str) -> bool:
    """Whether an address means another machine in a container."""
    try:
        parts = urlsplit(value)
        return parts.scheme == "file" or bool(parts.scheme and parts.hostname and on_loopback(parts.hostname))
    except ValueError:    # `without_credentials` cannot read it either
        return False
