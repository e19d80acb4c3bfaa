"""The part of Docker's Engine API that the course uses, answered by this engine.

Source of names and shapes: Docker's "Engine API v1.41 reference". Whatever is not here
is answered with 501 and a sentence.
"""

from __future__ import annotations

import json
import os
import platform
import re
import tarfile
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from ..errors import CourseError
from . import API, NAME, VERSION, build, layers
from .containers import Container, Containers
from .processes import Processes
from .settings import Refused
from .store import Missing, Store
from .trees import Trees
from .wire import Handler


class Engine:
    """All parts of one engine, in `folder`."""

    def __init__(self, folder: Path, processes_of):
        self.folder = folder
        self.temporary = str(folder / "run")
        layers.remove(self.temporary)
        os.makedirs(self.temporary)
        self.processes: Processes = processes_of(self.temporary)
        self.store = Store(folder / "store")
        self.trees = Trees(folder / "trees", self.store.layer)
        self.containers = Containers(self.store, self.trees, self.processes, self.temporary)


_ROUTES: list[tuple[str, re.Pattern[str], str]] = []


def _on(method: str, pattern: str):
    def noted(function):
        _ROUTES.append((method, re.compile(rf"(?:/v[0-9.]+)?{pattern}"), function.__name__))
        return function
    return noted


class Api(Handler):
    """One request. `engine` is set on a subclass."""

    engine: Engine

    def route(self, path: str) -> None:
        method = "GET" if self.command == "HEAD" else self.command
        for wanted, pattern, name in _ROUTES:
            if wanted == method and (match := pattern.fullmatch(unquote(path))):
                try:
                    getattr(self, name)(*match.groups())
                except Missing as error:
                    self.refuse(404, f"No such image: {error}")
                except (Refused, ValueError) as error:
                    self.refuse(400 if "name" in str(error) else 500, str(error))
                except OSError as error:
                    if isinstance(error, ConnectionError):
                        raise
                    self.refuse(500, str(error).lower() if error.errno == 28 else str(error))
                return
        self.refuse(501, f"{NAME} does not do {self.command} {path}")

    # -- itself --------------------------------------------------------------------

    @_on("GET", "/_ping")
    def ping(self) -> None:
        self.answer(b"OK", API_Version=API, Builder_Version="1", OSType="linux")

    @_on("GET", "/version")
    def version(self) -> None:
        self.answer({"Version": VERSION, "ApiVersion": API, "MinAPIVersion": "1.24", "Os": "linux",
                     "Arch": build._architecture(), "KernelVersion": platform.release(),
                     "Components": [{"Name": NAME, "Version": VERSION, "Details": {}}]})

    @_on("GET", "/info")
    def info(self) -> None:
        self.answer({"ID": NAME, "Name": platform.node(), "Driver": "plain folders", "DriverStatus": [],
                     "OSType": "linux", "Architecture": platform.machine(), "ServerVersion": VERSION,
                     "OperatingSystem": "this session", "NCPU": len(os.sched_getaffinity(0)),
                     "MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
                     "Containers": len(self.engine.containers.all()), "Images": len(self.engine.store.images()),
                     "DockerRootDir": str(self.engine.folder), "SecurityOptions": [], "RegistryConfig": {"Mirrors": [], "IndexConfigs": {}}})

    @_on("GET", "/networks")
    def networks(self) -> None:
        self.answer([])

    @_on("GET", "/volumes")
    def volumes(self) -> None:
        self.answer({"Volumes": [], "Warnings": None})

    @_on("GET", "/system/df")
    def df(self) -> None:
        self.answer({"LayersSize": 0, "Images": [], "Containers": [], "Volumes": [], "BuildCache": []})

    @_on("POST", "/build/prune")
    def prune(self) -> None:
        self.answer({"CachesDeleted": [], "SpaceReclaimed": 0})

    # -- images ----------------------------------------------------------------------

    @_on("GET", "/images/json")
    def images(self) -> None:
        filters = {name: list(values) for name, values in json.loads(self.query.get("filters") or "{}").items()}
        every = self.query.get("all", "0").lower() in ("1", "true")
        store, found = self.engine.store, []
        wanted = filters.get("reference", []) + ([self.query["filter"]] if self.query.get("filter") else [])
        for image in store.images(every):
            names, config = store.names(image), store.config(image)
            labels = (config.get("config") or {}).get("Labels") or {}
            if any(not _labelled(labels, each) for each in filters.get("label", ())):
                continue
            if "dangling" in filters and (filters["dangling"][0] in ("true", "1")) == bool(names):
                continue
            if wanted and not any(_named(name, each) for name in names for each in wanted):
                continue
            found.append({"Id": f"sha256:{image}", "ParentId": _prefixed(store.parent(image)), "RepoTags": names or None,
                          "RepoDigests": None, "Created": _seconds(config.get("created", "")),
                          "Size": self._size(image), "VirtualSize": self._size(image), "SharedSize": -1,
                          "Containers": -1, "Labels": labels or None})
        self.answer(found)

    def _size(self, image: str) -> int:
        return sum(self.engine.store.weight(digest) for digest in self.engine.store.chain(image))

    @_on("GET", "/images/(.+)/json")
    def image(self, reference: str) -> None:
        store = self.engine.store
        image = store.find(reference)
        config, size = store.config(image), self._size(image)
        self.answer({
            "Id": f"sha256:{image}", "RepoTags": store.names(image), "RepoDigests": [], "Parent": _prefixed(store.parent(image)),
            "Comment": "", "Created": config.get("created", ""), "Container": "", "DockerVersion": "", "Author": "",
            "Config": config.get("config") or {}, "Architecture": config.get("architecture", ""), "Os": "linux",
            "Size": size, "VirtualSize": size, "RootFS": {"Type": "layers", "Layers": config["rootfs"]["diff_ids"]},
            "GraphDriver": {"Name": "plain folders", "Data": {}}, "Metadata": {}})

    @_on("GET", "/images/(.+)/history")
    def history(self, reference: str) -> None:
        store, told = self.engine.store, []
        image = store.find(reference)
        config, chain = store.config(image), list(store.chain(image))
        for line in config.get("history") or []:
            size = 0 if line.get("empty_layer") or not chain else store.weight(chain.pop(0))
            told.append({"Id": "<missing>", "Created": _seconds(line.get("created", "")),
                         "CreatedBy": line.get("created_by", ""), "Tags": None, "Size": size,
                         "Comment": line.get("comment", "")})
        for line in reversed(told):   # the newest step is this image, those below are its parents
            if not image:
                break
            line["Id"], line["Tags"] = f"sha256:{image}", store.names(image) or None
            image = store.parent(image)
        self.answer(told[::-1])

    @_on("GET", "/images/(.+)/get")
    def save(self, reference: str) -> None:
        self.stream(self.engine.store.save([reference]) if self.engine.store.find(reference) else ())

    @_on("GET", "/images/get")
    def save_several(self) -> None:
        names = self.queries.get("names", [])
        [self.engine.store.find(name) for name in names]
        self.stream(self.engine.store.save(names))

    @_on("POST", "/images/load")
    def load(self) -> None:
        for name in self.engine_loaded():
            self.piece(json.dumps({"stream": f"Loaded image: {name}\n"}).encode() + b"\r\n")
        self.end()

    def engine_loaded(self) -> list[str]:
        names = self.engine.store.load(self.body)
        self.begin()
        return names

    @_on("POST", "/images/create")
    def pull(self) -> None:
        self.refuse(500, f"{NAME} fetches nothing from a registry")

    @_on("POST", "/images/(.+)/tag")
    def tag(self, reference: str) -> None:
        image = self.engine.store.find(reference)
        self.engine.store.tag(image, f"{self.query['repo']}:{self.query.get('tag') or 'latest'}")
        self.answer(status=201)

    @_on("DELETE", "/images/(.+)")
    def remove_image(self, reference: str) -> None:
        image = self.engine.store.find(reference)
        force = self.query.get("force", "").lower() in ("1", "true")
        if not force and len(self.engine.store.names(image)) < 2 and any(
                each.image == image for each in self.engine.containers.all()):
            return self.refuse(409, f"conflict: {reference} is used by a container")
        self.answer(self.engine.store.remove(reference, self.query.get("noprune", "").lower() not in ("1", "true")))

    # -- building --------------------------------------------------------------------

    @_on("POST", "/build")
    def build(self) -> None:
        if self.query.get("version") == "2":
            return self.refuse(400, f"{NAME} has no BuildKit")
        options = build.Options(
            dockerfile=self.query.get("dockerfile") or "Dockerfile", tags=tuple(self.queries.get("t", ())),
            target=self.query.get("target") or None, args=json.loads(self.query.get("buildargs") or "{}"),
            labels=json.loads(self.query.get("labels") or "{}"),
            no_cache=self.query.get("nocache", "").lower() in ("1", "true"))
        with tempfile.TemporaryDirectory(dir=self.engine.temporary) as folder:
            context = Path(folder, "context")
            context.mkdir()
            try:
                build.unpack(self.body, context)
            except tarfile.TarError as error:
                return self.refuse(400, f"the context is no tar archive: {error}")
            self.begin()
            try:
                builder = build.Builder(self.engine.store, self.engine.trees, self.engine.processes, self._tell,
                                        stopped=self.gone, caches=str(self.engine.folder / "caches"))
                builder.build(context, replace(options, secrets=build.secrets_of(
                    json.loads(self.query.get("secrets") or "[]"), context, Path(folder))))
            except build.StepFailed as error:
                self._failed(str(error), error.code)
            except CourseError as error:
                self._failed(error.what, None)
            except (Refused, OSError, ValueError) as error:
                if isinstance(error, ConnectionError):
                    raise
                self._failed(str(error).lower() if getattr(error, "errno", 0) == 28 else str(error), None)
            except Exception as error:   # a fault of this engine's own: told, and kept in its log
                traceback.print_exc()
                self._failed(f"internal error: {type(error).__name__}: {error}", None)
            finally:
                layers.remove(str(context))
            self.end()

    def _tell(self, news: dict) -> None:
        self.piece(json.dumps(news).encode() + b"\r\n")

    def _failed(self, message: str, code: int | None) -> None:
        self._tell({"errorDetail": {"message": message, **({"code": code} if code else {})}, "error": message})

    # -- containers --------------------------------------------------------------------

    @_on("GET", "/containers/json")
    def list_containers(self) -> None:
        wanted = json.loads(self.query.get("filters") or "{}").get("label", ())
        every = self.query.get("all", "0").lower() in ("1", "true")
        self.answer([{"Id": each.id, "Names": [f"/{each.name}"], "Image": each.config["Image"],
                      "ImageID": f"sha256:{each.image}", "State": each.state, "Status": each.state,
                      "Created": int(each.created), "Labels": each.config["Labels"], "Ports": []}
                     for each in self.engine.containers.all()
                     if (every or each.state == "running") and all(_labelled(each.config["Labels"], w) for w in wanted)])

    @_on("POST", "/containers/create")
    def create(self) -> None:
        made = self.engine.containers.create(self.query.get("name", ""), self.asked())
        self.answer({"Id": made.id, "Warnings": []}, 201)

    def _container(self, reference: str) -> Container | None:
        found = self.engine.containers.find(reference)
        if found is None:
            self.refuse(404, f"No such container: {reference}")
        return found

    @_on("POST", "/containers/([^/]+)/start")
    def start(self, reference: str) -> None:
        if found := self._container(reference):
            self.engine.containers.start(found)
            self.answer(status=204)

    @_on("POST", "/containers/([^/]+)/(?:stop|kill)")
    def stop(self, reference: str) -> None:
        if found := self._container(reference):
            self.engine.containers.stop(found)
            self.answer(status=204)

    @_on("POST", "/containers/([^/]+)/wait")
    def wait(self, reference: str) -> None:
        if found := self._container(reference):
            self.answer({"StatusCode": self.engine.containers.wait(found), "Error": None})

    @_on("GET", "/containers/([^/]+)/logs")
    def logs(self, reference: str) -> None:
        if found := self._container(reference):
            self.stream([bytes(found.output)], "application/vnd.docker.raw-stream")

    @_on("GET", "/containers/([^/]+)/top")
    def top(self, reference: str) -> None:
        if found := self._container(reference):
            self.answer(self.engine.containers.top(found))

    @_on("GET", "/containers/([^/]+)/json")
    def inspect(self, reference: str) -> None:
        found = self._container(reference)
        if found is None:
            return
        ports = {f"{inner}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(outer)}] for inner, outer in found.ports.items()}
        self.answer({
            "Id": found.id, "Name": f"/{found.name}", "Image": f"sha256:{found.image}", "Created": _stamp(found.created),
            "Path": found.words[0], "Args": found.words[1:], "Config": {**found.config, "Tty": False},
            "HostConfig": {**found.host, "LogConfig": {"Type": "json-file", "Config": {}}},
            "State": {"Status": found.state, "Running": found.state == "running", "Paused": False, "Restarting": False,
                      "OOMKilled": False, "Dead": False, "ExitCode": found.code, "Error": found.error,
                      "Pid": found.process.pid if found.process else 0, "StartedAt": _stamp(found.started),
                      "FinishedAt": _stamp(found.finished)},
            "Mounts": [], "NetworkSettings": {"Ports": ports, "Networks": {}, "IPAddress": ""}})

    @_on("DELETE", "/containers/([^/]+)")
    def remove(self, reference: str) -> None:
        found = self._container(reference)
        if found is None:
            return
        if found.state == "running" and self.query.get("force", "").lower() not in ("1", "true"):
            return self.refuse(409, f"{found.name} is running: stop it first, or force it")
        self.engine.containers.remove(found)
        self.answer(status=204)

    @_on("PUT", "/containers/([^/]+)/archive")
    def put(self, reference: str) -> None:
        if found := self._container(reference):
            with tarfile.open(fileobj=self.body, mode="r|*") as archive:
                self.engine.containers.put(found, self.query["path"], archive)
            self.answer(status=200)

    @_on("POST", "/containers/([^/]+)/exec")
    def exec_create(self, reference: str) -> None:
        if found := self._container(reference):
            if found.state != "running":
                return self.refuse(409, f"Container {found.name} is not running")
            self.answer({"Id": self.engine.containers.executing(found, self.asked()["Cmd"]).id}, 201)

    @_on("POST", "/exec/([^/]+)/start")
    def exec_start(self, reference: str) -> None:
        import struct

        self.asked()
        execution = self.engine.containers.executions[reference]
        self.hijack()
        self.engine.containers.execute(execution, lambda stream, data: self.wfile.write(
            struct.pack(">BxxxL", stream, len(data)) + data))

    @_on("GET", "/exec/([^/]+)/json")
    def exec_inspect(self, reference: str) -> None:
        execution = self.engine.containers.executions[reference]
        self.answer({"ID": execution.id, "Running": execution.code is None, "ExitCode": execution.code,
                     "ContainerID": execution.container.id})


def _prefixed(image: str) -> str:
    return f"sha256:{image}" if image else ""


def _labelled(labels: dict, wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)


def _named(name: str, wanted: str) -> bool:
    from .store import full

    return name == wanted or name.rpartition(":")[0] == wanted or name == full(wanted)


def _stamp(seconds: float) -> str:
    if not seconds:
        return "0001-01-01T00:00:00Z"
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 10**9):09d}Z"


def _seconds(stamp: str) -> int:
    import calendar

    try:
        return calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return 0
