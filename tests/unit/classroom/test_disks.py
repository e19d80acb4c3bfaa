"""Size-limited disks, with a fake engine that only keeps a list of volumes."""

import pytest
from docker.errors import NotFound

from helpers.classroom import disks
from helpers.errors import CourseError

from .test_room import made


class Api:
    """Volumes, and a container that prints `devices` and exits with `code`."""

    def __init__(self, *devices, code=0):
        self.volumes, self.devices, self.code = {}, devices, code

    def create_volume(self, name, labels, driver_opts=None):
        self.volumes.setdefault(name, {"Options": driver_opts or None, "Labels": labels})

    def inspect_volume(self, name):
        if name not in self.volumes:
            raise NotFound(name)
        return self.volumes[name]

    def remove_volume(self, name):
        self.inspect_volume(name)
        del self.volumes[name]

    def create_host_config(self, **settings):
        return settings

    def create_container(self, image, command, **settings):
        self.command, self.settings = command, settings
        return {"Id": "one"}

    def start(self, container): ...

    def wait(self, container):
        return {"StatusCode": self.code}

    def logs(self, container, **wanted):
        return "\n".join(self.devices).encode()

    def remove_container(self, container, **how):
        self.removed = container


VOLUMES = {"class-home-ada": "home", "class-engine-ada": "engine"}


def test_each_volume_has_its_own_device():
    api = Api("/dev/loop1", "/dev/loop2")
    disks.make(api, made(limited=True), VOLUMES)
    found = {name: api.volumes[name] for name in VOLUMES}
    assert [each["Options"]["device"] for each in found.values()] == ["/dev/loop1", "/dev/loop2"]
    assert [each["Labels"]["multistage.class.part"] for each in found.values()] == ["home", "engine"]
    assert api.command[-4:] == ["class-home-ada", str(disks.SIZES["home"]), "class-engine-ada", str(disks.SIZES["engine"])]
    assert api.removed == "one"


def test_a_changed_device_after_a_restart_replaces_the_old_one():
    api = Api("/dev/loop1")
    disks.make(api, made(limited=True), {"class-home-ada": "home"})
    api.devices = ("/dev/loop7",)
    disks.make(api, made(limited=True), {"class-home-ada": "home"})
    assert api.volumes["class-home-ada"]["Options"]["device"] == "/dev/loop7"


def test_without_loop_devices_volumes_have_no_limit():
    api = Api()
    disks.make(api, made(limited=False), VOLUMES)
    assert [api.volumes[name]["Options"] for name in VOLUMES] == [None, None]
    assert not hasattr(api, "command")


def test_missing_loop_devices_are_reported():
    said = []
    assert disks.available(Api("losetup: cannot find an unused loop device", code=1), made(), said.append) is False
    assert "no size limit" in said[0]
    assert disks.available(Api("/dev/loop3"), made(), said.append) is True and len(said) == 1


def test_a_disk_that_cannot_be_attached_leaves_no_volume():
    api = Api("mkfs.ext4: No space left on device", code=1)
    with pytest.raises(CourseError, match="could not be attached") as caught:
        disks.make(api, made(limited=True), VOLUMES)
    assert "No space left" in caught.value.evidence and not VOLUMES.keys() & api.volumes.keys()
