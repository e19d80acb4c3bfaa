"""Limits for what nobody has reason to trust: builds that hang or fill the disk, and containers
that want more than they are given."""

import os
import time
from pathlib import Path

import pytest

from helpers import container
from helpers.builder import build
from helpers.checks import check, read
from helpers.errors import BuildFailed, BuildStopped, CourseError
from helpers.experiments.reproducibility import remove_if_untagged
from helpers.limits import Bounds, uppers
from tests.waiting import commands, until

BASE = "debian:bookworm-slim"
FILLS = (f"FROM {BASE}\nRUN for n in 1 2 3 4 5 6; do dd if=/dev/zero of=/big$n bs=1M count=40 2>/dev/null; "
         "sleep 0.3; done; sleep {}\n")


def gone(seconds: str) -> bool:
    """Whether no process of this machine sleeps so long, or soon will not."""
    return until(lambda: ["sleep", seconds] not in commands(), 15)


def unlike() -> str:
    """A duration that no other test sleeps."""
    return f"{9000 + os.getpid() % 900}.{time.time_ns() % 10**6}"


@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
def test_a_build_that_hangs_is_stopped_in_the_engine_too(tmp_path, engine, which):
    if which >= len(engine.builders):
        pytest.skip(f"{engine.name} has no second builder")
    builder, nap = engine.builders[which], unlike()
    with pytest.raises(BuildStopped) as caught:
        build(tmp_path, text=f"FROM {BASE}\nRUN echo so far; sleep {nap}\n", builder=builder,
              bounds=Bounds(3, 10**9), engine=engine)
    assert (caught.value.bound, caught.value.line) == ("time", 2)
    assert gone(nap)


def test_a_build_that_fills_the_disk_is_stopped(tmp_path, engine):
    bounds, nap = Bounds.of(engine, 120, 100_000_000), unlike()
    if bounds.folder is None:
        pytest.skip("the engine's disk is not on this machine")
    with pytest.raises(BuildStopped) as caught:
        build(tmp_path, text=FILLS.format(nap), bounds=bounds, engine=engine)
    assert (caught.value.bound, caught.value.line) == ("disk", 2)
    assert gone(nap)
    if os.geteuid() == 0:
        assert bounds.uppers     # it is known who wrote


def test_a_build_is_not_stopped_for_what_others_write(tmp_path, engine, monkeypatch):
    """The disk shrinks by as much as one likes, and this build has written little."""
    if os.geteuid():
        pytest.skip("other users' processes cannot be looked at")
    room, bounds = iter(range(10**12, 0, -(10**9))), Bounds(60, 10**8, Path("/"))
    monkeypatch.setattr("helpers.limits.free", lambda _: next(room) if uppers(bounds.mark) else 10**12)
    with remove_if_untagged(build(tmp_path, text=f"FROM {BASE}\nRUN echo {time.time_ns()} > /x; sleep 2\n",
                                  bounds=bounds, engine=engine).image, engine):
        assert bounds.exceeded == "" and bounds.uppers


def test_the_mark_changes_no_cache_and_no_image(tmp_path, engine):
    text = f"FROM {BASE}\nRUN echo {time.time_ns()} > /x\n"
    first, second = (build(tmp_path, text=text, bounds=Bounds(60, 10**9), engine=engine) for _ in range(2))
    with remove_if_untagged(first.image, engine):
        # Podman writes labels in an order that differs from build to build, into a layer of no bytes.
        assert second.cached and (second.image == first.image or second.builder == "buildah")
        told = engine.client.api.inspect_image(first.image), engine.client.api.history(first.image)
        assert ".invalid" not in str(told)


def test_a_build_that_fails_within_its_bounds_is_not_stopped(tmp_path, engine):
    with pytest.raises(BuildFailed) as caught:
        build(tmp_path, text=f"FROM {BASE}\nRUN exit 3\n", bounds=Bounds(60, 10**9), engine=engine)
    assert not isinstance(caught.value, BuildStopped) and caught.value.exit_code == 3


# -- containers --------------------------------------------------------------------------

ISOLATED = container.Sandbox(capabilities=(), isolated=True)


def shell(engine, script, **words):
    sandbox = container.Sandbox(**{"capabilities": (), **words})
    return container.run(BASE, ["-c", script], entrypoint=["/bin/sh"], sandbox=sandbox, engine=engine)


def test_a_strictly_held_container_has_no_rights(engine):
    status = shell(engine, "cat /proc/self/status").output
    assert "CapEff:\t0000000000000000" in status and "CapBnd:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status
    some = shell(engine, "cat /proc/self/status", capabilities=("CHOWN",)).output
    assert "CapEff:\t0000000000000001" in some
    assert "CapEff:\t0000000000000000" not in shell(engine, "cat /proc/self/status", capabilities=None).output


def test_it_writes_no_large_file_and_nothing_where_it_may_only_read(engine):
    # Not in /, which nobody may write to in Podman's containers but by a capability.
    assert shell(engine, "dd if=/dev/zero of=/root/big bs=1M count=100").exit_code
    assert shell(engine, "dd if=/dev/zero of=/root/small bs=1M count=10").exit_code == 0
    assert "Read-only file system" in shell(engine, "echo x > /root/x", read_only=True).output


def test_it_is_killed_past_its_bounds(engine):
    bounds = Bounds(1, 10**9)
    assert shell(engine, "sleep 60", bounds=bounds).exit_code == 137
    assert bounds.exceeded == "time"


def test_it_is_killed_when_it_fills_the_disk(engine):
    bounds = Bounds.of(engine, 60, 80_000_000)
    if bounds.folder is None:
        pytest.skip("the engine's disk is not on this machine")
    script = "n=0; while true; do n=$((n+1)); dd if=/dev/zero of=/root/f$n bs=1M count=20 2>/dev/null; done"
    assert shell(engine, script, bounds=bounds).exit_code == 137
    assert bounds.exceeded == "disk"


def test_a_server_without_a_way_out_answers_here_and_nowhere_else(engine, built):
    with container.serve(built("go-server").tag, port=8080, sandbox=ISOLATED, engine=engine) as server:
        assert server.get("/").status == 200
        assert server.users == {0}
        networks = engine.client.api.inspect_container(server.name)["NetworkSettings"]["Networks"]
    details = [engine.client.api.inspect_network(each["NetworkID"]) for each in networks.values()]
    if list(networks) in (["bridge"], ["podman"]):
        pytest.skip("the engine's networks are not this machine's, or not before they are used")
    assert [each["Internal"] for each in details] == [True]


def test_a_command_that_ends_is_no_server(engine):
    server = container.serve(BASE, ["true"], port=8080, sandbox=ISOLATED, engine=engine)
    with pytest.raises(CourseError, match="ended instead of serving"), server:
        pass


# -- a check leaves nothing behind -------------------------------------------------------

CHECK = """
title = "Keep a word"
minutes = 1
context = ["word"]

[build]
bases = ["debian:bookworm-slim"]

[proof]
file = "word"
word = "unstamped"

[[run]]
arguments = ["cat", "/word"]
output = ["{proof}"]
"""
TWO_STAGES = (f"FROM {BASE} AS builder\nCOPY word /made\nRUN cp /made /word\n"
              f"FROM {BASE}\nCOPY --from=builder /word /word\n")


@pytest.mark.alone    # other builds have images without a name meanwhile
def test_a_check_removes_what_it_built(engine, tmp_path):
    for name, text in (("check.toml", CHECK), ("task.md", "# Keep a word\n"), ("Dockerfile", f"FROM {BASE}\n"),
                       ("word", "unstamped")):
        (tmp_path / name).write_text(text)

    def ours():
        return {image["Id"]
                for image in engine.client.api.images(filters={"label": f"multistage.course.stands-on={BASE}"})
                if set(image["RepoTags"] or ()) <= {"<none>:<none>"}}

    before = ours()
    verdict = check(read(tmp_path), text=TWO_STAGES, engine=engine)
    assert verdict.passed, str(verdict)
    # Podman 4 has the labels on what it keeps of the builder's steps, too: that is its cache.
    assert engine.builders == ("buildah",) or ours() - before == set()
