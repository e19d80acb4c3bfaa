"""The part of Docker's Engine API that the course uses; other requests get status 501. Source of names and shapes:
Docker's "Engine API v1.41 reference"."""

import os
import platform

from ....dockerfile import architecture
from .. import API, NAME, VERSION
from .builds import Builds
from .containers import OfContainers
from .images import OfImages
from .routes import CourseEngine, on

__all__ = ["Api", "CourseEngine"]


class Api(OfImages, Builds, OfContainers):
    """A request. `engine` is set on a subclass."""

    @on("GET", "/_ping")
    def _ping(self) -> None:
        self.answer(b"OK", API_Version=API, Builder_Version="1", OSType="linux")

    @on("GET", "/version")
    def _version(self) -> None:
        self.answer({"Version": VERSION, "ApiVersion": API, "MinAPIVersion": "1.24", "Os": "linux",
                     "Arch": architecture(), "KernelVersion": platform.release(),
                     "Components": [{"Name": NAME, "Version": VERSION, "Details": {}}]})

    @on("GET", "/info")
    def _info(self) -> None:
        self.answer({"ID": NAME, "Name": platform.node(), "Driver": "plain folders", "DriverStatus": [],
                     "OSType": "linux", "Architecture": platform.machine(), "ServerVersion": VERSION,
                     "OperatingSystem": "this session", "NCPU": len(os.sched_getaffinity(0)),
                     "MemTotal": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
                     "Containers": len(self.engine.containers.all()), "Images": len(self.engine.store.images()),
                     "DockerRootDir": str(self.engine.folder), "SecurityOptions": [],
                     "RegistryConfig": {"Mirrors": [], "IndexConfigs": {}}})

    @on("GET", "/(networks|volumes|system/df)")
    def _nothing(self, kind: str) -> None:
        self.answer({
            "networks": [], "volumes": {"Volumes": [], "Warnings": None},
            "system/df": {"LayersSize": 0, "Images": [], "Containers": [], "Volumes": [], "BuildCache": []}}[kind])

    @on("POST", "/build/prune")
    def _prune(self) -> None:
        self.answer({"CachesDeleted": [], "SpaceReclaimed": 0})
