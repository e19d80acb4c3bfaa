"""What builds leave behind: lines of `docker images`, cache records; what runs and what
does not. For real, on an engine that other builds may use at the same time."""

import uuid
from types import SimpleNamespace

import pytest

from helpers.builder import build, cache
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


def needs(engine, builder):
    if builder not in engine.builders:
        pytest.skip(f"this engine has no {builder}")


class Builds:
    """Builds with a word of its own; `leave` takes back all that they left."""

    def __init__(self, engine, folder):
        self.engine, self.folder, self.mark = engine, folder, uuid.uuid4().hex

    def __call__(self, text=TWO, builder="buildkit", tie="", name="both", **words):
        needs(self.engine, builder)
        return build(self.folder, text=text.replace("MARK", self.mark).replace("TIE", tie), builder=builder,
                     tag=f"course-test-{self.mark[:8]}:{name}", engine=self.engine, **words)

    def leave(self):
        for line in marked(listed(self.engine), self.mark, self.engine):
            self.engine.client.images.remove(line.id if line.dangling else line.name, force=True)
        if "buildkit" in self.engine.builders:
            cache.prune(self.engine, [record.id for record in ours(self.engine, self.mark)])


@pytest.fixture
def made(engine, tmp_path):
    builds = Builds(engine, tmp_path)
    yield builds
    builds.leave()


@pytest.fixture(scope="module", params=["buildkit", "legacy"])
def two(engine, tmp_path_factory, request):
    """Both stages built once with a builder, for all questions that change nothing: `.builds`, `.built`."""
    builds = Builds(engine, tmp_path_factory.mktemp("two"))
    yield SimpleNamespace(builder=request.param, mark=builds.mark, built=builds(builder=request.param))
    builds.leave()


def ours(engine, mark):
    return cache.marked(cache.records(engine), mark)


# -- what docker images shows --------------------------------------------------------------

def lines(engine, mark, **words):
    return [line.name for line in marked(listed(engine, **words), mark, engine)]


def test_buildkit_lists_the_last_stage_alone_and_the_legacy_builder_all(engine, two):
    listed_now = lines(engine, two.mark)
    if two.builder == "buildkit":
        assert listed_now == [two.built.tag]
    else:
        assert sorted(listed_now) == ["<none>", "<none>", two.built.tag]
        assert len(lines(engine, two.mark, every=True)) > 3     # -a has what is between the steps too


def test_the_docker_command_lists_the_same(engine, docker, two):
    done = docker("images", "--no-trunc", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}")
    theirs = {tuple(line.split()) for line in done.stdout.splitlines()}
    found = marked(listed(engine), two.mark, engine)
    assert found and {(line.id, "<none>:<none>" if line.dangling else line.name) for line in found} <= theirs


# -- at the same time, or not --------------------------------------------------------------

def test_independent_stages_overlap_with_buildkit_alone(two):
    assert [two.built.stage(name).status for name in ("greet", "count")] == ["built", "built"]
    assert (two.built.overlap("greet", "count") > 0) is (two.builder == "buildkit")


def test_each_step_of_a_stage_leaves_a_record_of_buildkit_s(engine, two):
    needs(engine, "buildkit")
    descriptions = [record.description for record in ours(engine, two.mark)]
    steps = ("greet for", "echo hello > /greet", "count for", "echo 123 > /count") if two.builder == "buildkit" else ()
    assert sorted(text for text in steps for each in descriptions if text in each) == sorted(steps)
    assert len(descriptions) == len(steps)


def test_the_trace_says_what_needs_what(two, made):
    if two.builder == "buildkit":
        assert two.built.dependencies == {("greet", "stage-2"), ("count", "stage-2")}
        tied = made(tie="COPY --from=greet /greet /from-greet")
        assert tied.dependencies == {("greet", "stage-2"), ("count", "stage-2"), ("greet", "count")}
        assert tied.overlap("greet", "count") == 0


# -- the cache -----------------------------------------------------------------------------

def test_a_stage_is_cached_until_it_is_pruned(engine, made):
    made(target="greet", name="kitchen")
    assert made(target="greet", name="kitchen").cached
    gone = cache.prune(engine, [record.id for record in ours(engine, made.mark)])
    assert len(gone) == 2 and ours(engine, made.mark) == ()
    assert made(target="greet", name="kitchen").stage("greet").status == "built"


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


def test_pruning_touches_nobody_else_s_records_and_none_that_others_stand_on(engine, made, bystander):
    theirs = {record.id for record in ours(engine, bystander)}
    assert len(theirs) == 2
    made(target="greet")
    cache.prune(engine, [record.id for record in ours(engine, made.mark)])
    first = next(r for r in ours(engine, bystander) if bystander in r.description)
    assert cache.prune(engine, [first.id]) == cache.prune(engine, ["z" * 25]) == ()
    assert {record.id for record in ours(engine, bystander)} == theirs
