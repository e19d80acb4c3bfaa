"""Run an image as a server, and send it requests."""

import contextlib
import http.client
import io
import socket
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from docker import APIClient
from requests.structures import CaseInsensitiveDict

from ..engine import Engine, connect
from ..errors import CourseError, Unsupported
from .running import OUTPUT_LIMIT, PODMAN_LACKS, Ran, ids, not_in_image, not_started, podman_lacks, printed, run, start
from .sandbox import Sandbox, created, isolated_network

_BODY_LIMIT = 50_000_000    # bytes read of one answer
_ANSWER_SECONDS = 10        # for one answer of a running server
_NEAR_SECONDS = 1           # to connect to a container on this machine
_LOOPBACK = "127.0.0.1"


class Answer(NamedTuple):
    """A server's answer. Names in `headers` match in any case."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode("utf-8", "replace")

    def __str__(self) -> str:
        return self.text.rstrip("\n")


@dataclass(frozen=True)
class ServedContainer:
    """A container that answers over HTTP.

    name          of the container
    url           of the server, 'http://127.0.0.1:32768', to open in a browser too
    first_answer  seconds from asking the engine to start it until its first answer, exact to
                  2 ms or 2 percent, whichever is more
    """

    name: str
    image: str
    url: str
    first_answer: float
    engine: Engine

    def get(self, path: str = "/", *, timeout: float = _ANSWER_SECONDS) -> Answer:
        """GET `path`, answered within `timeout` seconds. A redirect is an answer, and is not followed.

        Raises CourseError with the container's output if none comes.
        """
        try:
            return _get(self.url.removeprefix("http://"), path, timeout)
        except (OSError, http.client.HTTPException) as error:
            raise CourseError(f"{self.image} did not answer to {path}.", why=str(error) or type(error).__name__,
                              evidence=self.log[-2000:]) from error

    def run(self, command: Sequence[str]) -> Ran:
        """Run a command in the running container. Raises CourseError if its program is not in
        the image, and the engine's errors."""
        api = self.engine.client.api
        with self.engine.translate_errors(f"run {command[0]} in {self.image}"):
            began = time.perf_counter()
            made = api.exec_create(self.name, list(command))["Id"]
            try:
                output = api.exec_start(made).decode("utf-8", "replace")
            except Exception as error:   # newer engines refuse, older ones print the reason
                raise not_started(str(getattr(error, "explanation", error)), self.image) or error from error
            code = api.exec_inspect(made)["ExitCode"]
        if self.engine.prints_exec_errors and podman_lacks(output, code):
            raise not_in_image(PODMAN_LACKS, self.image)
        if output.startswith("OCI runtime exec failed") and (missing := not_started(output, self.image)):
            raise missing
        return Ran(output[-OUTPUT_LIMIT:], code, time.perf_counter() - began)

    def beside(self, image: str, command: Sequence[str], *, user: str = "",
               capabilities: Sequence[str] | None = None) -> Ran:
        """Run a command of another image in a container that sees this one's processes and network. The server is
        process 1 there, and its files are below /proc/1/root, for whoever may trace it (proc(5), ptrace(2)).

        `user` and `capabilities` as in `Sandbox`. Raises Unsupported where containers have no processes of their
        own, and the errors of `run`.
        """
        if self.engine.shares_network:
            raise Unsupported("No container can be put beside another here.",
                              why="This engine gives its containers no processes and no network of their own.",
                              remedy="Use a Docker Engine or Podman.")
        return run(image, command, sandbox=Sandbox(beside=self.name, user=user, capabilities=capabilities),
                   engine=self.engine)

    def put(self, path: str, content: bytes) -> None:
        """Write a file into the running container, replacing one that is there. No tool of the
        image is used. Raises EngineFault where the file system is read-only."""
        folder, _, name = path.rpartition("/")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(content), 0o644, int(time.time())
            archive.addfile(entry, io.BytesIO(content))
        with self.engine.translate_errors(f"write {path} into {self.image}"):
            self.engine.client.api.put_archive(self.name, folder or "/", packed.getvalue())

    @property
    def users(self) -> frozenset[int]:
        """Numbers of the users that its processes run as, as the engine's machine counts them."""
        with self.engine.translate_errors(f"list the processes of {self.image}"):
            return ids(self.engine, self.name)

    @property
    def log(self) -> str:
        """The end of what it printed so far, both streams."""
        with self.engine.translate_errors(f"show the output of {self.image}"):
            return printed(self.engine.client.api, self.name)


@contextlib.contextmanager
def serve(image: str, command: Sequence[str] | None = None, *, port: int, sandbox: Sandbox = Sandbox(),
          timeout: float = 30, engine: Engine | None = None) -> Iterator[ServedContainer]:
    """A server of `image` that has answered once; it is removed when the block ends.

        with serve("site", port=80) as server:
            print(server.get("/").status, server.first_answer)

    command    in place of the image's own
    port       on which it listens for HTTP
    timeout    seconds in which it must have answered, with whatever status

    Raises CourseError with the container's output if it ends or does not answer in time, and the engine's errors.
    """
    engine = engine or connect()
    if engine.shares_network:
        _check_free(port, image)
    with contextlib.ExitStack() as ends:
        with engine.translate_errors(f"run {image}"):   # not what the caller does meanwhile
            name = ends.enter_context(created(
                engine, image, command, sandbox, ports=[port],
                host={**_network(engine, port, sandbox),
                      "tmpfs": dict.fromkeys(sandbox.writable, "notmpcopyup" if engine.fills_tmpfs else "")}))
            server = _started(engine, name, image, port, timeout)
        yield server


def _network(engine: Engine, port: int, sandbox: Sandbox) -> dict[str, object]:
    """The SDK's options for the network on which a server is reached."""
    if engine.shares_network:
        return {"network_mode": "host"}
    if sandbox.isolated and (network := isolated_network(engine)):
        return {"network_mode": network}
    return {"port_bindings": {port: (_LOOPBACK,)}}


def _check_free(port: int, image: str) -> None:
    """Raises CourseError if another program answers on the port that a server will listen on."""
    with socket.socket() as tried:
        tried.settimeout(_NEAR_SECONDS)
        if tried.connect_ex((_LOOPBACK, port)) == 0:
            raise CourseError(f"{image} cannot be started: something else listens on port {port} here.",
                              why="This engine's containers listen on this machine's own ports.",
                              remedy="End the other program, or restart the kernel that started it.")


def _started(engine: Engine, name: str, image: str, port: int, timeout: float) -> ServedContainer:
    """Start the container and wait for its first answer."""
    api, began, looked = engine.client.api, time.perf_counter(), 0.0
    start(api, name, image)
    started = time.perf_counter()   # the engine may unpack the image first: not the server's delay
    addresses = ([f"{_LOOPBACK}:{port}"] if engine.shares_network else _addresses(api.inspect_container(name), port))
    while (waited := time.perf_counter() - started) < timeout:
        for address in addresses:
            try:
                _get(address, "/", min(_ANSWER_SECONDS, timeout - waited))
            except ConnectionRefusedError:
                continue   # nothing listens yet, or nothing forwards: the container itself may be reachable
            except (OSError, http.client.HTTPException):
                break      # it is forwarded, but the server is not ready
            first = time.perf_counter() - began
            # Once a container has ended, its address may belong to another that answers.
            _must_run(api, name, image)
            return ServedContainer(name, image, f"http://{address}", first, engine)
        if waited - looked > 0.2:
            looked = waited
            _must_run(api, name, image)
        time.sleep(max(0.002, 0.02 * waited))
    raise CourseError(
        f"{image} gave no answer on port {port} within {timeout:.0f} s.",
        remedy="Does it listen on that port, and on all addresses (0.0.0.0)? With an engine on "
               "another machine its ports are there, not here: run the notebook on that machine.",
        evidence=printed(api, name)[-2000:])


def _must_run(api: APIClient, name: str, image: str) -> None:
    """Raises CourseError if the container has ended."""
    state = api.inspect_container(name)["State"]
    if not state["Running"]:
        raise CourseError(f"{image} ended instead of serving, with exit code {state['ExitCode']}.",
                          evidence=printed(api, name)[-2000:])


def _addresses(inspected: Mapping, port: int) -> list[str]:
    """Where the server may be reached: the forwarded port on loopback; then the container
    itself, for a notebook that runs in a container beside it."""
    networks = inspected["NetworkSettings"]
    bound = (networks["Ports"] or {}).get(f"{port}/tcp") or ()
    inside = {each["IPAddress"] for each in networks["Networks"].values()} - {""}
    return [f"{_LOOPBACK}:{each['HostPort']}" for each in bound] + [f"{ip}:{port}" for ip in sorted(inside)]


def _get(address: str, path: str, timeout: float) -> Answer:
    # Not through requests, which would use a proxy from the environment.
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
