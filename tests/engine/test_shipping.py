"""Containers that are started over and over and written into, and images built twice."""

import shutil
import time
import uuid

import pytest

from helpers import container
from helpers.builder import build
from helpers.errors import EngineFault, Unsupported
from helpers.experiments import startup_time
from helpers.experiments.reproducibility import twice
from helpers.registry import Registry

BASE = "debian:bookworm-slim"
# A server without a web server: perl is in every Debian.
SERVER = r"""
use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die $!;
while (my $c = $s->accept) {
    while (<$c>) { last if /^\r?\n$/ }
    open my $f, '<', '/page' or die $!;
    my $page = join '', <$f>;
    print $c "HTTP/1.0 200 OK\r\nContent-Length: " . length($page) . "\r\n\r\n$page";
    close $c;
}
"""


@pytest.fixture(scope="module")
def site(engine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "server.pl").write_text(SERVER)
    (folder / "page").write_text("from the image")
    tag = f"course-test:{uuid.uuid4().hex[:12]}-site"
    build(folder, text=f'FROM {BASE}\nCOPY server.pl page /\nCMD ["perl", "/server.pl"]\n', tag=tag, engine=engine)
    yield tag
    engine.client.images.remove(tag)


# -- by hand ---------------------------------------------------------------------------


def test_a_new_file_in_a_folder(engine, site):
    with container.serve(site, port=80, engine=engine) as server:
        server.put("/usr/share/new", b"\x00\xff" * 1000)
        assert server.run(["stat", "-c", "%s %a %u", "/usr/share/new"]).output.strip() == "2000 644 0"


def test_a_read_only_container_serves_and_is_not_changed(engine, site):
    with container.serve(site, port=80, sandbox=container.Sandbox(read_only=True), engine=engine) as server:
        with pytest.raises(EngineFault, match="write /page into"):
            server.put("/page", b"by hand")
        assert str(server.get()) == "from the image"


# -- starts ----------------------------------------------------------------------------

def test_each_image_is_started_as_often_as_asked_in_turns(engine, site, left, monkeypatch):
    order, twin = [], site.replace("-site", "-twin")
    serve = container.serve
    monkeypatch.setattr(startup_time, "serve", lambda image, **words: order.append(image) or serve(image, **words))
    engine.client.images.get(site).tag(*twin.split(":"))
    try:
        one, other = startup_time.warm([site, twin], 80, 3, engine)
    finally:
        engine.client.images.remove(twin)
    assert len(one) == len(other) == 3 and all(seconds > 0 for seconds in one + other)
    assert order == [site, twin, twin, site, site, twin]
    assert left() == []


@pytest.mark.skipif(not shutil.which("docker-registry"), reason="docker-registry is not installed")
def test_a_cold_start_pulls_all_and_leaves_nothing(engine, site, left):
    told = []
    with Registry(1e9, engine) as registry:
        copy = registry.fresh(registry.push(site))
        (first, second), = startup_time.cold(registry, [copy], 80, 2, engine, told.append)
        name = f"{registry.address}/{copy.place}"
    for start in (first, second):
        assert start.pull.known == 0 and start.pull.way == "pull"
        assert start.seconds == start.pull.seconds + start.answer and start.answer > 0
    assert left() == []
    assert not engine.client.images.list(name=name)
    assert told and told[0].startswith(f"round 1 of 2, {site}: ")


# -- twice -----------------------------------------------------------------------------

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
        with pytest.raises(Unsupported, match="times"):
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
