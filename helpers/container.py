"""Run an image and see what it says: until it ends, or as a server.

Containers of the course have little memory, few processes, no privileges and no
network unless asked, and are removed when they end, whatever happens. A server's
port is open on this machine's loopback alone.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import re
import secrets as random
import socket
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

import requests
from docker.errors import APIError, NotFound
from docker.types import LogConfig, Mount, Ulimit
from requests.structures import CaseInsensitiveDict

from . import labels
from .bases.patience import patient
from .bounds import Bounds
from .engine import Engine, connect
from .errors import CourseError

_MEMORY = "512m"
_PROCESSES = 256
_OUTPUT_LIMIT = 1_000_000   # bytes kept of what a container prints
_BODY_LIMIT = 50_000_000    # bytes read of one answer
_ANSWER_SECONDS = 10        # for one answer of a server that runs
_START_SECONDS = 600        # an engine may unpack or copy the whole image for it
_NEAR_SECONDS = 1           # to be let in by a container on this machine
_LOOPBACK = "127.0.0.1"
_NOWHERE = "multistage-nowhere"   # a network without a way out
_STRICT_FILE = 64_000_000   # bytes of a file that a strictly held container writes
_STRICT_LOG = {"max-size": "1m", "max-file": "1"}
# What older runtimes print into the container's output, and then end it, when the
# kernel cannot execute its program: 'exec /app: no such file or directory', before
# runc 1.1 'standard_init_linux.go:228: exec user process caused: no such file ...';
# crun '{"msg":"exec container process (missing dynamic library?) `/app`: No such file ...'.
_EXEC = re.compile(r"(?:standard_init_linux\.go:\d+: )?exec \S.*: no such file or directory\s*"
                   r'|(?:\{"msg":")?exec container process .*: No such file or directory.*\s*')
_PODMAN_LACKS = "OCI runtime attempted to invoke a command that was not found"


@dataclass(frozen=True)
class Ran:
    """What a container printed (both streams), its exit code, and how long it ran."""

    output: str
    exit_code: int
    seconds: float

    def __str__(self) -> str:
        return self.output.rstrip("\n")


class Answer(NamedTuple):
    """A server's answer. The names of `headers` may be spelt in any case."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def __str__(self) -> str:
        return self.text.rstrip("\n")


def run(image: str, command: Sequence[str] | None = None, *, hide: Sequence[str] = (),
        entrypoint: Sequence[str] | None = None, network: bool = False,
        read_only: bool = False, capabilities: Sequence[str] | None = None, bounds: Bounds | None = None,
        timeout: float = 60, engine: Engine | None = None) -> Ran:
    """Run `image` until it ends; its own command if none is given.

    hide     folders over which an empty, read-only one is mounted: what lies
             there is out of the container's reach
    read_only     whether its file system can only be read
    capabilities  None: the engine's usual ones. Else strictly held: these alone, and
                  little that it may write to files and print
    bounds   past which it is killed
    timeout  seconds after which it is killed and CourseError is raised

    Raises CourseError if the command cannot be started (its program is not in
    the image), and the engine's errors.
    """
    engine = engine or connect()
    if "buildah" in engine.builders:   # Podman fills such a file system with what lies below, unless told
        empty = {"tmpfs": dict.fromkeys(hide, "ro,notmpcopyup")}
    else:
        empty = {"mounts": [Mount(target=folder, source="", type="tmpfs", read_only=True) for folder in hide]}
    outside = "host" if engine.shares_network else "default"
    with engine.speaking(f"run {image}"), _container(
            engine, image, command, entrypoint=entrypoint, network_disabled=not network,
            host={**empty, "network_mode": outside if network else "none", "read_only": read_only,
                  **_held(engine, capabilities)}) as name, _killed(engine, name, bounds):
        return _to_its_end(engine.client.api, name, timeout, image)


@contextlib.contextmanager
def serve(image: str, command: Sequence[str] | None = None, *, port: int, path: str = "/",
          read_only: bool = False, writable: Sequence[str] = (),
          environment: Mapping[str, str] | None = None, capabilities: Sequence[str] | None = None,
          way_out: bool = True, bounds: Bounds | None = None, timeout: float = 30,
          engine: Engine | None = None) -> Iterator[Server]:
    """A server of `image` that has answered once; it is gone when the block ends.

        with serve("site", port=80) as server:
            print(server.get("/").status, server.first_answer)

    command    instead of the image's own
    port       on which it listens for HTTP
    path       what it is asked until it answers, with whatever status
    read_only  whether its file system can only be read
    writable   folders that get an empty file system in memory over them
    capabilities, bounds  as with `run`
    way_out    whether it has the engine's usual network. Without, it is reached from this
               machine and reaches nothing, where the engine's networks are this machine's
               (else it has the usual one)
    timeout    seconds in which it must have answered

    Raises CourseError with the container's output if it ends or does not answer
    in time, and the engine's errors.
    """
    engine = engine or connect()
    if engine.shares_network:
        _free(port, image)
    with contextlib.ExitStack() as ends:
        with engine.speaking(f"run {image}"):   # not what the caller does meanwhile
            if engine.shares_network:
                reached = {"network_mode": "host"}
            elif inside := None if way_out else _nowhere(engine):
                reached = {"network_mode": inside}
            else:
                reached = {"port_bindings": {port: (_LOOPBACK,)}}
            name = ends.enter_context(_container(
                engine, image, command, environment=dict(environment or {}), ports=[port],
                host={**reached, "read_only": read_only, **_held(engine, capabilities),
                      "tmpfs": dict.fromkeys(writable, "notmpcopyup" if "buildah" in engine.builders else "")}))
            ends.enter_context(_killed(engine, name, bounds))
            server = _started(engine, name, image, port, path, timeout)
        yield server


def _held(engine: Engine, capabilities: Sequence[str] | None) -> dict[str, object]:
    """How the engine holds what nobody has reason to trust."""
    if capabilities is None:
        return {}
    memory = {} if engine.shares_network else {"memswap_limit": _MEMORY}
    return {"cap_drop": ["ALL"], "cap_add": list(capabilities), **memory,
            "ulimits": [Ulimit(name="fsize", soft=_STRICT_FILE, hard=_STRICT_FILE)],
            "log_config": LogConfig(type=LogConfig.types.JSON, config=_STRICT_LOG)}


@contextlib.contextmanager
def _killed(engine: Engine, name: str, bounds: Bounds | None) -> Iterator[None]:
    """Kills the container past a bound; what waits for it sees it end."""
    def kill() -> None:
        with contextlib.suppress(Exception):   # it ended by itself, or will be removed
            engine.client.api.kill(name)

    if bounds is None:
        yield
        return
    data = (engine.client.api.inspect_container(name).get("GraphDriver") or {}).get("Data") or {}
    if upper := data.get("UpperDir"):
        bounds.uppers.add(Path(upper))
    if root := data.get("Root"):   # the course's own engine keeps a file system in one folder
        bounds.roots.add(Path(root))
    with bounds.watched(kill):
        yield


def _nowhere(engine: Engine) -> str | None:
    """A network that reaches this machine and nothing else; None where this machine is not
    the one that the engine's networks are on. Containers on it do not see each other."""
    api = engine.client.api
    found = api.networks(names=[_NOWHERE]) or None
    if found is None:
        with contextlib.suppress(APIError):   # another process made it just now
            api.create_network(_NOWHERE, driver="bridge", internal=True, labels=labels.marked(labels.RUN),
                               check_duplicate=True, options={"com.docker.network.bridge.enable_icc": "false"})
        found = api.networks(names=[_NOWHERE])
    ways = [each.get("Gateway", "") for network in found for each in network["IPAM"]["Config"] or ()]
    return _NOWHERE if any(map(_here, ways)) else None


def _here(address: str) -> bool:
    """Whether an address is one of this machine."""
    try:
        with socket.socket() as probe:
            probe.bind((address, 0))
        return bool(address)
    except OSError:
        return False


@contextlib.contextmanager
def _container(engine: Engine, image: str, command: Sequence[str] | None, *,
               host: Mapping[str, object], **settings: object) -> Iterator[str]:
    """A container of `image`, created but not started: its name. Removed at the end."""
    api = engine.client.api
    # Named here: an interruption may fall between its creation and the answer.
    name = f"multistage-run-{random.token_hex(6)}"
    try:
        api.create_container(
            image, command=list(command) if command else None, name=name,
            labels=labels.marked(labels.RUN), **settings,
            host_config=api.create_host_config(
                **_bounds(engine), security_opt=["no-new-privileges"], **host))
        yield name
    finally:
        with engine.speaking(f"remove the container of {image}"), contextlib.suppress(NotFound):
            api.remove_container(name, force=True, v=True)


def _bounds(engine: Engine) -> dict[str, object]:
    """The limits of a container; none where the engine can set none."""
    return {} if engine.shares_network else {"mem_limit": _MEMORY, "pids_limit": _PROCESSES}


def _to_its_end(api, name: str, timeout: float, image: str) -> Ran:
    began = time.perf_counter()
    _start(api, name, image)
    try:
        code = api.wait(name, timeout=timeout)["StatusCode"]
    except requests.exceptions.RequestException as error:
        raise CourseError(f"{image} did not end within {timeout:.0f} s and was stopped.",
                          remedy="Run something shorter, or give it more time with timeout=.",
                          evidence=_output(api, name)[-2000:]) from error
    output = _output(api, name)
    if code and _EXEC.fullmatch(output):
        raise _not_started(output, image)
    return Ran(output, code, time.perf_counter() - began)


def _start(api, name: str, image: str) -> None:
    try:
        patient(api, _START_SECONDS).start(name)
    except Exception as error:
        raise _not_started(str(getattr(error, "explanation", error)), image) or error from error


def _output(api, name: str) -> str:
    return api.logs(name, stdout=True, stderr=True)[-_OUTPUT_LIMIT:].decode("utf-8", "replace")


def _podman_lacks(output: str, code: int | None) -> bool:
    """Whether Podman says that a program is not in a container that runs. It says so in
    the program's output, before or after a word of its lost connection, or by that alone."""
    lines = output.splitlines()
    return any(line.startswith("Error: ") and _PODMAN_LACKS in line for line in lines[:2]) or (
        code == 127 and all(line.startswith("Error: read unixpacket") for line in lines))


def _not_started(said: str, image: str) -> CourseError | None:
    """The error for a program that is not there; None if the engine `said` something else."""
    if not any(words in said.replace(": No such", ": no such") for words in ("executable file not found", "no such file or directory", _PODMAN_LACKS)):
        return None
    return CourseError(f"{image} could not run that: the program, or what loads it, is not in the image.",
                       why=said.rsplit("exec: ", 1)[-1].strip())


# -- a server ------------------------------------------------------------------------

@dataclass(frozen=True)
class Server:
    """A container that answers over HTTP.

    name          of the container
    url           of the server, 'http://127.0.0.1:32768', to open in a browser too
    first_answer  seconds from asking the engine to start it until its first
                  answer; known to 2 ms or 2 percent, whichever is more
    """

    name: str
    image: str
    url: str
    first_answer: float
    engine: Engine

    def get(self, path: str = "/", *, timeout: float = _ANSWER_SECONDS) -> Answer:
        """GET `path`. A redirect is an answer, and is not followed.

        Raises CourseError with the container's output if none comes.
        """
        try:
            return _get(self.url.removeprefix("http://"), path, timeout)
        except (OSError, http.client.HTTPException) as error:
            raise CourseError(f"{self.image} did not answer to {path}.",
                              why=str(error) or type(error).__name__,
                              evidence=self.log[-2000:]) from error

    def run(self, command: Sequence[str]) -> Ran:
        """Run a command in the running container. Raises CourseError if its program
        is not in the image."""
        api = self.engine.client.api
        with self.engine.speaking(f"run {command[0]} in {self.image}"):
            began = time.perf_counter()
            made = api.exec_create(self.name, list(command))["Id"]
            try:
                output = api.exec_start(made).decode("utf-8", "replace")
            except Exception as error:   # newer engines refuse, older ones print why
                raise _not_started(str(getattr(error, "explanation", error)), self.image) or error from error
            code = api.exec_inspect(made)["ExitCode"]
        if "buildah" in self.engine.builders and _podman_lacks(output, code):
            raise _not_started(_PODMAN_LACKS, self.image)
        missing = _not_started(output, self.image) if output.startswith("OCI runtime exec failed") else None
        if missing:
            raise missing
        return Ran(output[-_OUTPUT_LIMIT:], code, time.perf_counter() - began)

    def put(self, path: str, content: bytes) -> None:
        """Write a file into the running container, over one that is there. No tool of
        the image is used. Raises EngineFault where the file system is read-only."""
        folder, _, name = path.rpartition("/")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, int(time.time())
            archive.addfile(entry, io.BytesIO(content))
        with self.engine.speaking(f"write {path} into {self.image}"):
            self.engine.client.api.put_archive(self.name, folder or "/", packed.getvalue())

    @property
    def users(self) -> frozenset[int]:
        """Numbers of the users that its processes run as, as the engine's machine counts."""
        with self.engine.speaking(f"list the processes of {self.image}"):
            told = self.engine.client.api.top(self.name, "-o pid,uid")
        at = [title.upper() for title in told["Titles"]].index("UID")
        return frozenset(int(row[at]) for row in told["Processes"])

    @property
    def log(self) -> str:
        """What it printed so far, both streams."""
        with self.engine.speaking(f"show the output of {self.image}"):
            return _output(self.engine.client.api, self.name)


def _free(port: int, image: str) -> None:
    """See that nobody else answers on a port that a server will listen on. Raises CourseError."""
    with socket.socket() as tried:
        tried.settimeout(_NEAR_SECONDS)
        if tried.connect_ex((_LOOPBACK, port)) == 0:
            raise CourseError(
                f"{image} cannot be started: something else listens on port {port} here.",
                why="This engine's containers listen on this machine's own ports.",
                remedy="End the other program, or restart the kernel that started it.")


def _started(engine: Engine, name: str, image: str, port: int, path: str, timeout: float) -> Server:
    """Start the container and wait for its first answer."""
    api, began, looked = engine.client.api, time.perf_counter(), 0.0
    _start(api, name, image)
    started = time.perf_counter()   # what the engine unpacked until then is not the server's delay
    inspected = {} if engine.shares_network else api.inspect_container(name)
    while (waited := time.perf_counter() - started) < timeout:
        for address in _addresses(inspected, port) if inspected else [f"{_LOOPBACK}:{port}"]:
            try:
                _get(address, path, min(_ANSWER_SECONDS, timeout - waited))
                return Server(name, image, f"http://{address}", time.perf_counter() - began, engine)
            except ConnectionRefusedError:
                continue   # nobody listens yet, or nobody forwards: the container itself may be near
            except (OSError, http.client.HTTPException):
                break      # it is forwarded, and the server is not ready
        if waited - looked > 0.2:
            looked = waited
            state = api.inspect_container(name)["State"]
            if not state["Running"]:
                raise CourseError(f"{image} ended instead of serving, with exit code {state['ExitCode']}.",
                                  evidence=_output(api, name)[-2000:])
        time.sleep(max(0.002, 0.02 * waited))
    raise CourseError(
        f"{image} gave no answer on port {port} within {timeout:.0f} s.",
        remedy="Does it listen on that port, and on all addresses (0.0.0.0)? With an engine on "
               "another machine its ports are there, not here: run the notebook on that machine.",
        evidence=_output(api, name)[-2000:])


def _addresses(inspected: Mapping, port: int) -> list[str]:
    """Where the server may be reached: the forwarded port on loopback; then the
    container itself, for a notebook that runs in a container beside it."""
    networks = inspected["NetworkSettings"]
    bound = (networks["Ports"] or {}).get(f"{port}/tcp") or ()
    inside = {each["IPAddress"] for each in networks["Networks"].values()
              if each["IPAddress"] and _near(each["IPAddress"], each.get("IPPrefixLen") or 32)}
    return [f"{_LOOPBACK}:{each['HostPort']}" for each in bound] + [f"{ip}:{port}" for ip in sorted(inside)]


def _near(address: str, prefix: int) -> bool:
    """Whether this machine has a foot in that network. Else another machine may have the same
    address, and answer: the network of an engine elsewhere, or one that Podman took away with
    its last container."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((address, 9))   # sends nothing: the kernel only chooses the way
            ours = ip_address(probe.getsockname()[0])
        except OSError:
            return False
    return ours in ip_network(f"{address}/{prefix}", strict=False)


def _get(address: str, path: str, timeout: float) -> Answer:
    # Not through requests: a proxy that the environment names is not for this.
    limit = timeout if address.startswith(_LOOPBACK) else min(timeout, _NEAR_SECONDS)
    connection = http.client.HTTPConnection(address, timeout=limit)
    try:
        connection.connect()
        connection.sock.settimeout(timeout)
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        return Answer(response.status, response.read(_BODY_LIMIT), CaseInsensitiveDict(response.getheaders()))
    finally:
        connection.close()
