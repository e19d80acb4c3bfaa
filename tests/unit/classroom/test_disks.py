"""A disk of its own for each learner, with an engine that only keeps a list of volumes."""

import pytest
from docker.errors import NotFound

from helpers.classroom import disks
from helpers.errors import CourseError

from .test_room import made


class Api:
    """Volumes, and a container that prints `devices`, or ends with `code`."""

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


def test_each_volume_is_on_a_device_of_its_own():
    api = Api("/dev/loop1", "/dev/loop2")
    disks.make(api, made(limited=True), VOLUMES)
    found = {name: api.volumes[name] for name in VOLUMES}
    assert [each["Options"]["device"] for each in found.values()] == ["/dev/loop1", "/dev/loop2"]
    assert [each["Labels"]["multistage.class.part"] for each in found.values()] == ["home", "engine"]
    assert api.command[-4:] == ["class-home-ada", str(disks.SIZES["home"]), "class-engine-ada", str(disks.SIZES["engine"])]
    assert api.removed == "one"


def test_a_device_that_is_another_after_a_restart_of_the_machine_takes_the_place_of_the_old_one():
    api = Api("/dev/loop1")
    disks.make(api, made(limited=True), {"class-home-ada": "home"})
    api.devices = ("/dev/loop7",)
    disks.make(api, made(limited=True), {"class-home-ada": "home"})
    assert api.volumes["class-home-ada"]["Options"]["device"] == "/dev/loop7"


def test_without_loop_devices_the_volumes_are_plain_ones():
    api = Api()
    disks.make(api, made(limited=False), VOLUMES)
    assert [api.volumes[name]["Options"] for name in VOLUMES] == [None, None]
    assert not hasattr(api, "command")


def test_an_engine_without_loop_devices_is_reported():
    said = []
    assert disks.available(Api("losetup: cannot find an unused loop device", code=1), made(), said.append) is False
    assert "no size limit" in said[0]
    assert disks.available(Api("/dev/loop3"), made(), said.append) is True and len(said) == 1


def test_a_disk_that_cannot_be_attached_fails_and_is_not_left_without_a_limit():
    api = Api("mkfs.ext4: No space left on device", code=1)
    with pytest.raises(CourseError, match="could not be attached") as caught:
        disks.make(api, made(limited=True), VOLUMES)
    assert "No space left" in caught.value.evidence and not VOLUMES.keys() & api.volumes.keys()
