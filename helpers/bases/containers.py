"""Steps that happen in a container on top of the step before, then committed."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from docker.errors import APIError
from docker.errors import NotFound as SDKNotFound

from .. import units
from ..engine import Engine
from ..engine.translate import engine_fault
from ..errors import CourseError
from . import aptsources
from .subprocesses import tail
from .timeouts import patient
from .recipes import AptInstall
from .tars import Entry, folder, regular, streamed

PREFIX = "multistage-step-"       # of the names of our containers
_COMMIT_SECONDS = 1800
_POLL_SECONDS = 0.25
_SIGN_OF_LIFE_SECONDS = 30
_CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
_GIVEN = "run/multistage"         # what this machine lends a container; never committed
# Settings that name files of this machine.
_ELSEWHERE = re.compile(r"::(CaInfo|CaPath|CAfile|SslCert|SslKey|Proxy-Auto-Detect|ProxyAutoDetect)\b",
                        re.IGNORECASE)

_INSTALL = f"""set -e
export DEBIAN_FRONTEND=noninteractive APT_CONFIG=/{_GIVEN}/apt.conf
apt-get update
apt-get install --yes --no-install-recommends $options "$@"
apt-get clean
rm -rf /{_GIVEN} /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt/* /var/log/*.log \\
    /var/cache/ldconfig/aux-cache /var/cache/debconf/*-old /var/lib/dpkg/*-old
"""


@dataclass(frozen=True)
class Container:
    """A container of ours: `name`, and the history line of what it makes."""

    engine: Engine
    name: str
    instruction: str

    def put(self, folder_: str, data: Iterable[bytes]) -> None:
        """Unpack a tar below `folder_`."""
        with self.engine.translate_errors(f"copy files for `{self.instruction}`"):
            patient(self.engine.client.api, _COMMIT_SECONDS).put_archive(self.name, folder_, data)

    def run(self, report: Callable[[str], None]) -> None:
        """Start it and wait. Raises CourseError with the end of its output, DiskFull."""
        api = self.engine.client.api
        with self.engine.translate_errors(f"run `{self.instruction}`"):
            api.start(self.name)
            code = self._waited(report)
            output = api.logs(self.name, tail=40).decode(errors="replace") if code else ""
        if "no space left on device" in output.lower():
            raise engine_fault(f"run `{self.instruction}`", "no space left on device")
        if code:
            raise CourseError(
                f"`{self.instruction}` failed with exit code {code}.",
                remedy="Does `apt-get update` work on this machine? Then run this again: "
                       "finished steps are kept.",
                evidence=tail(output),
            )

    def _waited(self, report: Callable[[str], None]) -> int:
        # Polling, since one long call would meet the time limit of the client.
        started = told = time.monotonic()
        while True:
            state = self.engine.client.api.inspect_container(self.name)["State"]
            if not state["Running"] and state["Status"] != "created":
                return state["ExitCode"]
            now = time.monotonic()
            if now - told > _SIGN_OF_LIFE_SECONDS:
                report(f"  still at it after {units.seconds(now - started)}")
                told = now
            time.sleep(_POLL_SECONDS)

    def commit(self, image: str, *, labels: Mapping[str, str], env: Iterable[str] = (),
               entrypoint: Iterable[str] = (), cmd: Iterable[str] = (), workdir: str = "",
               user: str = "", ports: Iterable[int] = (), stop: str = "") -> None:
        """Make `image` of it. What the step itself ran does not become the image's command."""
        repository, _, tag = image.rpartition(":")
        settings = {"Labels": dict(labels), "Entrypoint": list(entrypoint), "Env": list(env),
                    "Cmd": list(cmd), "WorkingDir": workdir, "User": user, "StopSignal": stop,
                    "ExposedPorts": {f"{port}/tcp": {} for port in ports}}
        with self.engine.translate_errors(f"commit `{self.instruction}`"):
            patient(self.engine.client.api, _COMMIT_SECONDS).commit(
                self.name, repository=repository, tag=tag, conf=settings,
                # An image without a command takes over the container's, which
                # is why such a container has none: its wording goes here.
                message="" if cmd else self.instruction)


@contextlib.contextmanager
def container(engine: Engine, parent: str, digest: str, instruction: str, *,
              script: str = "", network: str = "none", silent: bool = False) -> Iterator[Container]:
    """A container on `parent`, created but not started; removed however the block ends.

    `script` is what /bin/sh runs in it. Engines write a
    container's command into the history of the image made of it: so the script
    is the entry point and `instruction`, which it sees as $0, the command.
    `silent`: no command at all.
    """
    api = engine.client.api
    made = Container(engine, f"{PREFIX}{digest}", instruction)
    entry = ["/bin/sh", "-c", script] if script else ["/nothing"] if silent else None
    try:
        with engine.translate_errors(f"create a container for `{instruction}`"):
            api.create_container(
                parent, name=made.name, command=None if silent else [instruction],
                entrypoint=entry,
                host_config=api.create_host_config(network_mode=network))
        yield made
    finally:
        # By name: an interruption may fall between creating and knowing the id.
        remove(engine, made.name)


def remove(engine: Engine, name: str) -> None:
    """Remove a container, running or not; it need not be there."""
    with engine.translate_errors(f"remove the container {name}"), contextlib.suppress(SDKNotFound):
        try:
            engine.client.api.remove_container(name, force=True, v=True)
        except APIError as error:
            if "already in progress" not in str(error):
                raise


def sweep(engine: Engine, label: str) -> None:
    """Remove what interrupted makings left. Only for whoever holds the lock."""
    with engine.translate_errors("list containers"):
        left = engine.client.api.containers(
            all=True, filters={"label": label, "name": f"^/?{PREFIX}"})
    for each in left:
        remove(engine, each["Id"])


# -- apt ------------------------------------------------------------------------

@contextlib.contextmanager
def installing(engine: Engine, step: AptInstall, parent: str, digest: str) -> Iterator[Container]:
    """The container in which the packages of `step` will be installed.

    This machine's sources, keys and trust are lent to it as copies, not as
    mounts: the engine may be on another machine, and a mount leaves its mount
    point in the layer.
    """
    options = "-o Dpkg::Options::=--path-include=/usr/share/*" if step.documented else ""
    script = f"set -- {' '.join(step.packages)}\noptions='{options}'\n{_INSTALL}"
    with container(engine, parent, digest, step.instruction, script=script,
                   network="host") as made:
        made.put("/", streamed(_lent(aptsources.machine(step.suite), aptsources.options())))
        yield made


def _lent(sources: tuple[aptsources.Source, ...], options: tuple[str, ...]) -> Iterator[Entry]:
    settings = [line for line in options if not _ELSEWHERE.search(line)]
    settings += [*_proxies(), 'APT::Sandbox::User "root";']
    for name in (_GIVEN, f"{_GIVEN}/keys", f"{_GIVEN}/sources.d"):
        yield folder(name)
    if _CA_BUNDLE.exists():
        yield regular(f"{_GIVEN}/ca.crt", _CA_BUNDLE.read_bytes())
        settings.append(f'Acquire::https::CaInfo "/{_GIVEN}/ca.crt";')
    if sources:
        settings += ['Dir::Etc::sourcelist "/dev/null";',
                     f'Dir::Etc::sourceparts "/{_GIVEN}/sources.d";']
        keys: dict[Path, str] = {}
        text = aptsources.written(_relocated(source, keys) for source in sources)
        for file, name in keys.items():
            yield regular(name, file.read_bytes())
        yield regular(f"{_GIVEN}/sources.d/machine.sources", text.encode())
    yield regular(f"{_GIVEN}/apt.conf", "\n".join(settings).encode() + b"\n")


def _proxies() -> list[str]:
    """Proxies that the environment names: apt here sees them, apt there would not."""
    names = ("http", "https")
    values = [os.environ.get(f"{n}_proxy") or os.environ.get(f"{n.upper()}_PROXY") for n in names]
    return [f'Acquire::{name}::Proxy "{value}";' for name, value in zip(names, values) if value]


def _relocated(source: aptsources.Source, keys: dict[Path, str]) -> aptsources.Source:
    """`source` with its keyrings where the container will have them; notes them in `keys`."""
    there = [file for file in source.keyrings if file.is_file()]
    if not source.keyrings:
        return source
    for file in there:
        keys.setdefault(file, f"{_GIVEN}/keys/{len(keys)}{file.suffix}")
    return replace(source, signed_by=" ".join(f"/{keys[file]}" for file in there))
