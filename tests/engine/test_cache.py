"""What builds leave behind: lines of `docker images`, cache records; what runs and what
does not. For real, on an engine that other builds may use at the same time."""

import os
import shutil
import subprocess
import uuid

import pytest

from helpers import container, lesson
from helpers.builder import build, cache
from helpers.errors import BuildFailed
from helpers.image import listed, marked

BASE = "debian:bookworm-slim"
TWO = f"""\
FROM {BASE} AS greet
RUN echo "greet for MARK" > /kitchen
RUN sleep 0.7 && echo hello > /greet

FROM {BASE} AS count
TIE
RUN echo "count for MARK" > /kitchen
RUN sleep 0.7 && echo 123 > /count

FROM {BASE}
LABEL made-for=MARK
COPY --from=greet /greet /
COPY --from=count /count /
CMD ["cat", "/greet", "/count"]
"""
UNUSED = f"FROM {BASE} AS unused\nRUN echo this cannot work MARK && exit 3\n\nFROM {BASE}\nRUN echo MARK > /last\n"


def needs(engine, builder):
    if builder not in engine.builders:
        pytest.skip(f"this engine has no {builder}")


@pytest.fixture
def made(engine, tmp_path):
    """Builds with a word of this test's own, and takes back all that they leave."""
    mark = uuid.uuid4().hex

    def one(text=TWO, builder="buildkit", tie="", name="both", **words):
        needs(engine, builder)
        return build(tmp_path, text=text.replace("MARK", mark).replace("TIE", tie), builder=builder,
                     tag=f"course-test-{mark[:8]}:{name}", engine=engine, **words)

    one.mark = mark
    yield one
    for line in marked(listed(engine), mark, engine):
        engine.client.images.remove(line.id if line.dangling else line.name, force=True)
    if "buildkit" in engine.builders:
        cache.prune(engine, [record.id for record in ours(engine, mark)])


def ours(engine, mark):
    return cache.marked(cache.records(engine), mark)


# -- what docker images shows --------------------------------------------------------------

def lines(engine, mark, **words):
    return [line.name for line in marked(listed(engine, **words), mark, engine)]


def test_buildkit_lists_the_last_stage_and_no_other(engine, made):
    assert lines(engine, made.mark) == []
    built = made()
    assert lines(engine, made.mark) == [built.tag]
    kitchen = made(target="greet", name="kitchen")
    assert sorted(lines(engine, made.mark)) == sorted([built.tag, kitchen.tag])


def test_the_legacy_builder_lists_its_other_stages_without_a_name(engine, made):
    built = made(builder="legacy")
    assert sorted(lines(engine, made.mark)) == ["<none>", "<none>", built.tag]
    assert len(lines(engine, made.mark, every=True)) > 3     # -a has what is between the steps too


def test_a_single_stage_leaves_nothing_without_a_name(engine, made):
    """The other way round: the same count comes out otherwise."""
    built = made(f"FROM {BASE}\nRUN echo MARK > /x\n", builder="legacy")
    assert lines(engine, made.mark) == [built.tag]


@pytest.mark.parametrize("builder", ["buildkit", "legacy"])
def test_the_docker_command_lists_the_same(engine, made, builder):
    docker = shutil.which("docker")
    if not docker:
        pytest.skip("no docker command")
    made(builder=builder)
    told = subprocess.run([docker, "images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}"],
                          env={**os.environ, "DOCKER_HOST": engine.host}, capture_output=True, text=True, check=True)
    theirs = {tuple(line.split()) for line in told.stdout.splitlines()}
    found = marked(listed(engine), made.mark, engine)
    assert found and {(line.id, "<none>:<none>" if line.dangling else line.name) for line in found} <= theirs


def test_a_lesson_sees_them_with_their_sizes(engine, made, monkeypatch):
    monkeypatch.setattr(lesson, "engine", lambda: engine)
    built = made(builder="legacy")
    shown = lesson.images(made.mark)
    assert shown.names == [built.tag] and len(shown.dangling) == 2
    base = engine.client.api.inspect_image(BASE)["Size"]
    assert all(image.unpacked > 0.9 * base for _, image in shown)


# -- at the same time, or not --------------------------------------------------------------

@pytest.mark.parametrize("builder, tie, at_once", [
    ("buildkit", "", True), ("buildkit", "COPY --from=greet /greet /from-greet", False), ("legacy", "", False)])
def test_independent_stages_overlap_and_others_do_not(made, builder, tie, at_once):
    built = made(builder=builder, tie=tie)
    assert [built.stage(name).status for name in ("greet", "count")] == ["built", "built"]
    assert (built.overlap("greet", "count") > 0) is at_once


def test_the_trace_tells_what_needs_what(made):
    assert made().ties == {("greet", "stage-2"), ("count", "stage-2")}
    assert made(tie="COPY --from=greet /greet /from-greet").ties == {
        ("greet", "stage-2"), ("count", "stage-2"), ("greet", "count")}


def test_buildkit_never_starts_a_stage_that_nothing_needs(engine, made):
    built = made(UNUSED)
    assert built.stage("unused").status == "skipped"
    assert not [r for r in ours(engine, made.mark) if "cannot work" in r.description]


def test_the_legacy_builder_runs_it_and_fails(made):
    with pytest.raises(BuildFailed) as caught:
        made(UNUSED, builder="legacy")
    assert (caught.value.stage, caught.value.exit_code) == ("unused", 3)


# -- the cache -----------------------------------------------------------------------------

def test_each_step_of_a_stage_leaves_a_record(engine, made):
    needs(engine, "buildkit")   # the records are its
    assert ours(engine, made.mark) == ()
    made()
    told = [record.description for record in ours(engine, made.mark)]
    assert len(told) == 4
    for text in ("greet for", "echo hello > /greet", "count for", "echo 123 > /count"):
        assert sum(text in each for each in told) == 1


def test_a_stage_is_cached_until_it_is_pruned(engine, made):
    made()
    assert made(target="greet", name="kitchen").cached       # and without pruning it stays so
    assert made(target="greet", name="kitchen").cached
    gone = cache.prune(engine, [record.id for record in ours(engine, made.mark)])
    assert len(gone) == 4 and ours(engine, made.mark) == ()
    assert made(target="greet", name="kitchen").stage("greet").status == "built"


def test_an_image_needs_no_cache(engine, made):
    built = made()
    cache.prune(engine, [record.id for record in ours(engine, made.mark)])
    assert container.run(built.tag, engine=engine).output == "hello\n123\n"
    again = made()
    if "containerd" in engine.store:   # there the builder does not look for layers among the images
        assert not again.cached and len(ours(engine, made.mark)) == 4
    else:   # it needs no kitchen for what is finished
        assert again.cached and again.image == built.image and ours(engine, made.mark) == ()


def test_a_layer_of_an_image_is_pruned_from_the_cache_only(engine, made):
    kitchen = made(target="greet", name="kitchen")
    assert all(record.shared for record in ours(engine, made.mark))
    assert len(cache.prune(engine, [record.id for record in ours(engine, made.mark)])) == 2
    assert container.run(kitchen.tag, ["cat", "/greet"], engine=engine).output == "hello\n"


@pytest.fixture
def bystander(engine, tmp_path_factory):
    """The records of somebody else's build, on the same base."""
    needs(engine, "buildkit")
    mark = uuid.uuid4().hex
    tag = f"course-test-{mark[:8]}:bystander"
    build(tmp_path_factory.mktemp("other"), text=f"FROM {BASE}\nRUN echo {mark} > /x\nRUN cp /x /y\n", tag=tag,
          engine=engine)
    yield mark
    engine.client.images.remove(tag, force=True)
    cache.prune(engine, [record.id for record in ours(engine, mark)])


def test_pruning_touches_nobody_else_s_records(engine, made, bystander):
    theirs = {record.id for record in ours(engine, bystander)}
    assert len(theirs) == 2
    made()
    cache.prune(engine, [record.id for record in ours(engine, made.mark)])
    assert {record.id for record in ours(engine, bystander)} == theirs


def test_what_others_stand_on_stays_in_the_real_engine(engine, made, bystander):
    first = next(r for r in ours(engine, bystander) if bystander in r.description)
    assert cache.prune(engine, [first.id]) == ()
    assert first.id in {record.id for record in ours(engine, bystander)}


def test_an_id_of_nobody_prunes_nothing(engine, bystander):
    assert cache.prune(engine, ["z" * 25]) == ()
    assert len(ours(engine, bystander)) == 2


def test_a_lesson_lists_and_prunes_what_carries_its_word(engine, made, monkeypatch):
    monkeypatch.setattr(lesson, "engine", lambda: engine)
    made()
    before = lesson.cache_records(made.mark)
    assert len(before) == 4 and before[0].id in before[1].parents
    assert {record.id for record in lesson.prune(made.mark)} == {record.id for record in before}
    assert lesson.cache_records(made.mark) == ()
