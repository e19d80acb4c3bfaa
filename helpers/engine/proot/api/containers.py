"""Containers: made, started, followed, entered, removed."""

import json
import tarfile
import time

from ..containers import frame
from ..refused import Conflict
from .routes import Routed, labelled, on, truth


class OfContainers(Routed):
    """Requests below /containers and /exec."""

    @on("GET", "/containers/json")
    def _list_containers(self) -> None:
        wanted = json.loads(self.query.get("filters") or "{}").get("label", ())
        every = truth(self.query.get("all"))
        self.answer([{"Id": each.id, "Names": [f"/{each.name}"], "Image": each.config["Image"],
                      "ImageID": f"sha256:{each.image}", "State": each.state, "Status": each.state,
                      "Created": int(each.created), "Labels": each.config["Labels"], "Ports": []}
                     for each in self.engine.containers.all()
                     if (every or each.state == "running") and all(labelled(each.config["Labels"], w) for w in wanted)])

    @on("POST", "/containers/create")
    def _create(self) -> None:
        made = self.engine.containers.create(self.query.get("name", ""), self.json())
        self.answer({"Id": made.id, "Warnings": []}, 201)

    @on("POST", "/containers/([^/]+)/start")
    def _start(self, reference: str) -> None:
        self.engine.containers.start(self.engine.containers.find(reference))
        self.answer(status=204)

    @on("POST", "/containers/([^/]+)/(?:stop|kill)")
    def _stop(self, reference: str) -> None:
        self.engine.containers.stop(self.engine.containers.find(reference))
        self.answer(status=204)

    @on("POST", "/containers/([^/]+)/wait")
    def _wait(self, reference: str) -> None:
        found = self.engine.containers.find(reference)
        self.answer({"StatusCode": self.engine.containers.wait(found), "Error": None})

    @on("GET", "/containers/([^/]+)/logs")
    def _logs(self, reference: str) -> None:
        self.stream([bytes(self.engine.containers.find(reference).output)], "application/vnd.docker.raw-stream")

    @on("GET", "/containers/([^/]+)/top")
    def _top(self, reference: str) -> None:
        self.answer(self.engine.containers.top(self.engine.containers.find(reference)))

    @on("GET", "/containers/([^/]+)/json")
    def _inspect(self, reference: str) -> None:
        found = self.engine.containers.find(reference)
        ports = {
            f"{inner}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(outer)}] for inner, outer in found.ports.items()}
        self.answer({
            "Id": found.id, "Name": f"/{found.name}", "Image": f"sha256:{found.image}",
            "Created": _stamp(found.created),
            "Path": found.words[0], "Args": found.words[1:], "Config": {**found.config, "Tty": False},
            "HostConfig": {**found.host, "LogConfig": {"Type": "json-file", "Config": {}}},
            "State": {"Status": found.state, "Running": found.state == "running", "Paused": False, "Restarting": False,
                      "OOMKilled": False, "Dead": False, "ExitCode": found.code, "Error": "",
                      "Pid": found.process.pid if found.process else 0, "StartedAt": _stamp(found.started),
                      "FinishedAt": _stamp(found.finished)},
            "GraphDriver": {"Name": "plain folders", "Data": {"Root": self.engine.containers.root(found)}},
            "Mounts": [], "NetworkSettings": {"Ports": ports, "Networks": {}, "IPAddress": ""}})

    @on("DELETE", "/containers/([^/]+)")
    def _remove(self, reference: str) -> None:
        found = self.engine.containers.find(reference)
        if found.state == "running" and not truth(self.query.get("force")):
            raise Conflict(f"{found.name} is running: stop it first, or use force")
        self.engine.containers.remove(found)
        self.answer(status=204)

    @on("PUT", "/containers/([^/]+)/archive")
    def _put(self, reference: str) -> None:
        found = self.engine.containers.find(reference)
        with tarfile.open(fileobj=self.body, mode="r|*") as archive:
            self.engine.containers.put(found, self.query["path"], archive)
        self.answer(status=200)

    @on("POST", "/containers/([^/]+)/exec")
    def _exec_create(self, reference: str) -> None:
        found = self.engine.containers.find(reference)
        if found.state != "running":
            raise Conflict(f"Container {found.name} is not running")
        self.answer({"Id": self.engine.containers.executing(found, self.json()["Cmd"]).id}, 201)

    @on("POST", "/exec/([^/]+)/start")
    def _exec_start(self, reference: str) -> None:
        self.json()
        execution = self.engine.containers.execution(reference)
        with self.upgraded() as send:
            self.engine.containers.execute(execution, lambda stream, data: send(frame(stream, data)))

    @on("GET", "/exec/([^/]+)/json")
    def _exec_inspect(self, reference: str) -> None:
        execution = self.engine.containers.execution(reference)
        self.answer({"ID": execution.id, "Running": execution.code is None, "ExitCode": execution.code,
                     "ContainerID": execution.container.id})


def _stamp(seconds: float) -> str:
    if not seconds:
        return "0001-01-01T00:00:00Z"
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 10**9):09d}Z"
