"""Containers that are started over and over and written into, and images built twice."""

import shutil
import time

import pytest

from helpers import container
from helpers.errors import EngineFault, Unsupported
from helpers.experiments import startup_time
from helpers.experiments.reproducibility import twice
from helpers.registry import Registry

BASE = "debian:bookworm-slim"


def test_a_new_file_in_a_folder(engine, web):
    with container.serve(web, port=8000, engine=engine) as server:
        server.put("/usr/share/new", b"\x00\xff" * 1000)
        assert server.run(["stat", "-c", "%s %a %u", "/usr/share/new"]).output.strip() == "2000 644 0"


def test_a_read_only_container_serves_and_is_not_changed(engine, web):
    with container.serve(web, port=8000, sandbox=container.Sandbox(read_only=True), engine=engine) as server:
        with pytest.raises(EngineFault, match="write /site/index.html into"):
            server.put("/site/index.html", b"by hand")
        assert server.get().text == "hello\n"


def test_each_image_is_started_as_often_as_asked_in_turns(engine, web, left, monkeypatch):
    order, twin = [], f"{web}-twin"
    serve = container.serve
    monkeypatch.setattr(startup_time, "serve", lambda image, **words: order.append(image) or serve(image, **words))
    engine.client.images.get(web).tag(*twin.split(":"))
    try:
        one, other = startup_time.warm([web, twin], 8000, 3, engine)
    finally:
        engine.client.images.remove(twin)
    assert len(one) == len(other) == 3 and all(seconds > 0 for seconds in one + other)
    assert order == [web, twin, twin, web, web, twin]
    assert left() == []


@pytest.mark.skipif(not shutil.which("docker-registry"), reason="docker-registry is not installed")
def test_a_cold_start_pulls_all_and_leaves_nothing(engine, web, left):
    told = []
    with Registry(1e9, engine) as registry:
        copy = registry.fresh(registry.push(web))
        (first, second), = startup_time.cold(registry, [copy], 8000, 2, engine, told.append)
        name = f"{registry.address}/{copy.place}"
    for start in (first, second):
        assert start.pull.known == 0 and start.pull.way == "pull"
        assert start.seconds == start.pull.seconds + start.answer and start.answer > 0
    assert left() == []
    assert not engine.client.images.list(name=name)
    assert told and told[0].startswith(f"round 1 of 2, {web}: ")


@pytest.fixture
def app(tmp_path):
    def make(text):
        (tmp_path / "Dockerfile").write_text(text)
        return tmp_path
    return make


def test_built_twice_and_removed_again(engine, app):
    label, told = f"course-test.twice={time.time_ns()}", []
    twins = twice(app(f"FROM {BASE}\nLABEL {label}\nRUN sleep 1.1; date +%N > /now; echo same > /same\n"), engine=engine, watch=told.append)
    assert ("/now", "content") in twins.files and ("/same", "time") in twins.files
    assert not twins.same("/now") and twins.same("/same")
    assert not twins.layers and not twins.image
    assert "created" in twins.configuration
    assert not engine.client.api.images(filters={"label": label})
    assert told[:2] == ["build 1 of 2 with Dockerfile", "build 2 of 2 with Dockerfile"]


def test_the_builder_rewrites_the_times_where_it_can(engine, app):
    folder, args = app(f"FROM {BASE}\nRUN echo a > /a && sleep 1.1 && echo b > /b\n"), {"SOURCE_DATE_EPOCH": "0"}
    if "timestamps" not in engine.exports:
        with pytest.raises(Unsupported, match="times|need BuildKit"):
            twice(folder, first=args, second=args, rewrite=True, engine=engine)
        return
    twins = twice(folder, first=args, second=args, rewrite=True, engine=engine)
    assert twins.differences == () and twins.image and twins.layers
    assert not engine.client.api.images(name="multistage-twice")


@pytest.mark.nightly     # lesson 10 builds the same program twice in these four ways
def test_with_fixed_times_the_layers_are_the_same(engine, app):
    twins = twice(app(f"FROM {BASE} AS builder\nRUN mkdir -p /out/made && echo a > /out/made/a && "
                      f"touch --date=@0 /out/made/a /out/made && sleep 1.1\nFROM {BASE}\nCOPY --from=builder /out /\n"), engine=engine)
    assert twins.layers and twins.files == ()


def test_each_has_arguments_of_its_own(engine, app):
    twins = twice(app(f"FROM {BASE}\nARG WHO\nRUN echo $WHO > /who && touch --date=@0 /who\n"), first={"WHO": "one"},
                  second={"WHO": "two"}, engine=engine)
    assert ("/who", "content") in twins.files and ("/who", "time") not in twins.files
