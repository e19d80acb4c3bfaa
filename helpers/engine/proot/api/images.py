"""Images: listed, inspected, saved, loaded, named, removed."""

import calendar
import json
import time

from .. import NAME
from ..refused import Conflict
from ..store import full
from .routes import Routed, labelled, on, truth


class OfImages(Routed):
    """Requests below /images."""

    @on("GET", "/images/json")
    def _images(self) -> None:
        filters = {name: list(values) for name, values in json.loads(self.query.get("filters") or "{}").items()}
        every = truth(self.query.get("all"))
        store, found = self.engine.store, []
        wanted = filters.get("reference", []) + ([self.query["filter"]] if self.query.get("filter") else [])
        for image in store.images(every):
            names, config = store.names(image), store.config(image)
            labels = (config.get("config") or {}).get("Labels") or {}
            if any(not labelled(labels, each) for each in filters.get("label", ())):
                continue
            if "dangling" in filters and (filters["dangling"][0] in ("true", "1")) == bool(names):
                continue
            if wanted and not any(_named(name, each) for name in names for each in wanted):
                continue
            found.append({"Id": f"sha256:{image}", "ParentId": _prefixed(store.parent(image)),
                          "RepoTags": names or None, "RepoDigests": None, "Labels": labels or None,
                          "Created": _seconds(config.get("created", "")), "Size": self._size(image),
                          "VirtualSize": self._size(image), "SharedSize": -1, "Containers": -1})
        self.answer(found)

    def _size(self, image: str) -> int:
        return sum(self.engine.store.weight(digest) for digest in self.engine.store.chain(image))

    @on("GET", "/images/(.+)/json")
    def _image(self, reference: str) -> None:
        store = self.engine.store
        image = store.find(reference)
        config, size = store.config(image), self._size(image)
        self.answer({
            "Id": f"sha256:{image}", "RepoTags": store.names(image), "RepoDigests": [],
            "Parent": _prefixed(store.parent(image)),
            "Comment": "", "Created": config.get("created", ""), "Container": "", "DockerVersion": "", "Author": "",
            "Config": config.get("config") or {}, "Architecture": config.get("architecture", ""), "Os": "linux",
            "Size": size, "VirtualSize": size, "RootFS": {"Type": "layers", "Layers": config["rootfs"]["diff_ids"]},
            "GraphDriver": {"Name": "plain folders", "Data": {}}, "Metadata": {}})

    @on("GET", "/images/(.+)/history")
    def _history(self, reference: str) -> None:
        store, lines = self.engine.store, []
        image = store.find(reference)
        config, chain = store.config(image), list(store.chain(image))
        for line in config.get("history") or []:
            size = 0 if line.get("empty_layer") or not chain else store.weight(chain.pop(0))
            lines.append({"Id": "<missing>", "Created": _seconds(line.get("created", "")),
                         "CreatedBy": line.get("created_by", ""), "Tags": None, "Size": size,
                         "Comment": line.get("comment", "")})
        for line in reversed(lines):   # the newest step is this image, earlier ones are its parents
            if not image:
                break
            line["Id"], line["Tags"] = f"sha256:{image}", store.names(image) or None
            image = store.parent(image)
        self.answer(lines[::-1])

    @on("GET", "/images/(.+)/get")
    def _save_one(self, reference: str) -> None:
        self._save([reference])

    @on("GET", "/images/get")
    def _save_several(self) -> None:
        self._save(self.queries.get("names", []))

    def _save(self, references: list[str]) -> None:
        for each in references:   # report a missing one before the answer begins
            self.engine.store.find(each)
        self.stream(self.engine.store.save(references))

    @on("POST", "/images/load")
    def _load(self) -> None:
        self.stream([json.dumps({"stream": f"Loaded image: {name}\n"}).encode() + b"\r\n"
                     for name in self.engine.store.load(self.body)], "application/json")

    @on("POST", "/images/create")
    def _pull(self) -> None:
        self.refuse(500, f"{NAME} fetches nothing from a registry")

    @on("POST", "/images/(.+)/tag")
    def _tag(self, reference: str) -> None:
        image = self.engine.store.find(reference)
        self.engine.store.tag(image, f"{self.query['repo']}:{self.query.get('tag') or 'latest'}")
        self.answer(status=201)

    @on("DELETE", "/images/(.+)")
    def _remove_image(self, reference: str) -> None:
        image = self.engine.store.find(reference)
        if not truth(self.query.get("force")) and len(self.engine.store.names(image)) < 2 and any(
                each.image == image for each in self.engine.containers.all()):
            raise Conflict(f"conflict: {reference} is used by a container")
        self.answer(self.engine.store.remove(reference, not truth(self.query.get("noprune"))))


def _prefixed(image: str) -> str:
    return f"sha256:{image}" if image else ""


def _named(name: str, wanted: str) -> bool:
    return name == wanted or name.rpartition(":")[0] == wanted or name == full(wanted)


def _seconds(stamp: str) -> int:
    """A configuration's '2026-11-24T09:30:00Z' in seconds since 1970, or 0."""
    try:
        return calendar.timegm(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return 0
