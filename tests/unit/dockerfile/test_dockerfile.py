"""The Dockerfile reader: exact results, each error, and many broken files."""

import random

import pytest

from helpers.dockerfile import Dockerfile, Edge, parse, problems, problems_met, produces_step, similar_stage
from helpers.dockerfile.expand import BadSubstitution, expand
from helpers.errors import DockerfileError

GO = """\
FROM golang:1.22 AS builder
WORKDIR /app
COPY . .
RUN go build -o app

FROM gcr.io/distroless/base-debian12
COPY --from=builder /app/app /app/app
CMD ["/app/app"]
"""

FULL = """\
# syntax=docker/dockerfile:1
ARG GO=1.22
FROM --platform=linux/amd64 golang:${GO} AS Build
RUN --mount=type=bind,from=busybox:1,target=/b --mount=type=cache,from=tools,target=/c true
FROM alpine AS tools
FROM build AS test
COPY --from=nginx:alpine --link /etc /etc
FROM scratch
COPY --from=0 /a /a
COPY --from=BUILD /b /b
"""


def only(text: str, keyword: str):
    """The one instruction of that kind in `text`."""
    found = [i for s in parse(text).stages for i in s.instructions if i.keyword == keyword]
    assert len(found) == 1
    return found[0]


def test_all_kinds_of_edges():
    file = parse(FULL)
    assert file.edges == (
        Edge("golang:1.22", "build", "FROM", 3, True),
        Edge("busybox:1", "build", "RUN", 4, True),
        Edge("tools", "build", "RUN", 4, False),
        Edge("alpine", "tools", "FROM", 5, True),
        Edge("build", "test", "FROM", 6, False),
        Edge("nginx:alpine", "test", "COPY", 7, True),
        Edge("scratch", "stage-3", "FROM", 8, True),
        Edge("build", "stage-3", "COPY", 9, False),
        Edge("build", "stage-3", "COPY", 10, False))
    assert file.bases == ("golang:1.22", "busybox:1", "alpine", "nginx:alpine")
    assert file.stages[0].platform == "linux/amd64"
    assert file.stages[0].base_written == "golang:${GO}"
    assert file.stages[2].base_stage == "build" and file.stages[0].base_stage is None
    assert file.global_args == {"GO": "1.22"}


# -- what a target needs ------------------------------------------------------

@pytest.mark.parametrize("target, labels, bases", [
    (None, {"stage-3", "build", "tools"}, ("golang:1.22", "busybox:1", "alpine")),
    ("TEST", {"test", "build", "tools"}, ("golang:1.22", "busybox:1", "alpine", "nginx:alpine")),
    (1, {"tools"}, ("alpine",)),
    ("1", {"tools"}, ("alpine",))])
def test_needed(target, labels, bases):
    file = parse(FULL)
    assert file.needed(target) == labels
    assert file.bases_needed(target) == bases


@pytest.mark.parametrize("text, needed, bases", [
    ("FROM a AS one\nFROM b AS unused\nFROM c\nCOPY --from=one /x /x\n", {"one", "stage-2"}, ("a", "c")),
    ("FROM a AS one\nCOPY --from=two / /\nFROM b AS two\nCOPY --from=one / /\n", {"one", "two"}, ("a", "b")),   # no loop
    # An unnamed stage is not needed because another has its number as a name.
    ("FROM a AS stage-1\nFROM b\nCOPY x /\nFROM c\nCOPY --from=stage-1 / /\n", {"stage-1", "stage-2"}, ("a", "c"))])
def test_stages_that_nothing_takes_from_are_not_needed(text, needed, bases):
    file = parse(text)
    assert (file.needed(), file.bases_needed()) == (needed, bases)


def test_stage_by_name_label_and_index():
    file = parse(GO)
    assert file.stage("BUILDER") is file.stage(0) is file.stages[0]
    assert file.stage("stage-1") is file.stage(1) is file.stage("1") is file.stages[1]


@pytest.mark.parametrize("wanted, remedy", [
    ("bulider", "Did you mean builder?"), (7, "Use one of these names, or an index from 0."),
    (-1, "Use one of these names, or an index from 0.")])
def test_an_unknown_stage(wanted, remedy):
    with pytest.raises(DockerfileError) as caught:
        parse(GO).needed(wanted)
    assert caught.value.why == "Its stages are: builder, stage-1."
    assert caught.value.remedy == remedy
    assert "1 | FROM golang:1.22 AS builder\n6 | FROM gcr.io" in caught.value.evidence


# -- names and references -----------------------------------------------------

@pytest.mark.parametrize("base, name", [("debian", "alpine"), ("golang", "golang")])
def test_a_stage_name_shadows_an_image_below_it(base, name):
    file = parse(f"FROM {base} AS {name}\nFROM {name}\nCOPY --from={name} / /\n")
    assert file.bases == (base,) and [stage.base_stage for stage in file.stages] == [None, name]


def test_from_knows_earlier_stages_only_and_copy_knows_all():
    # BuildKit: FROM is resolved in order, --from after all stages are known.
    file = parse("FROM late\nCOPY --from=late / /\nCOPY --from=1 / /\nFROM alpine AS late\n")
    assert [(e.source, e.via, e.external) for e in file.edges] == [
        ("late", "FROM", True), ("late", "COPY", False), ("late", "COPY", False), ("alpine", "FROM", True)]


@pytest.mark.parametrize("flag", ["COPY --from=", "COPY --from", "RUN --mount=type=bind,from="])
def test_an_empty_from_means_the_context(flag):
    assert len(parse(f"FROM a\n{flag} / /\n").edges) == 1


def test_onbuild_is_executed_by_the_stages_that_are_from_it():
    text = "FROM a AS x\nFROM b AS base\nONBUILD COPY --from=x / /\nONBUILD RUN --mount=from=img,target=/m true\n"
    assert [e.via for e in parse(text).edges] == ["FROM", "FROM"]    # the next build's
    file = parse(text + "FROM base AS child\nFROM base AS other\nFROM child AS grandchild\n")
    assert [(e.source, e.target, e.line) for e in file.edges if e.via != "FROM"] == [
        ("x", "child", 3), ("x", "other", 3), ("img", "child", 4), ("img", "other", 4)]
    assert file.needed("child") == {"child", "base", "x"} and file.bases_needed("child") == ("a", "b", "img")
    changed = file.with_bases({"img": "other:1"})
    assert changed == file.text.replace("from=img", "from=other:1")


@pytest.mark.parametrize("line", ["ONBUILD COPY --chown=1 \\\n  --from=img /a /a", "onbuild copy --from=img /a /a",
                                  "ONBUILD  \tCOPY\t--from=img /a /a"])
def test_an_onbuild_is_read_like_the_instruction_in_it(line):
    file = parse(f"FROM a AS base\n{line}\nFROM base\n")
    assert file.bases == ("a", "img")
    assert file.with_bases({"img": "x"}) == file.text.replace("img", "x")


# -- labels -------------------------------------------------------------------

@pytest.mark.parametrize("text, labels", [
    ("FROM a AS b\nFROM c AS B\nFROM d\nCOPY --from=b / /\n", ["b (line 1)", "b", "stage-2"]),
    ("FROM a AS b\nFROM c AS b\nFROM d AS b\n", ["b (line 1)", "b (line 2)", "b"]),
    ("FROM a AS stage-1\nFROM b\n", ["stage-1", "stage-1 (line 2)"]),
    ("FROM a\nFROM b AS stage-0\n", ["stage-0 (line 1)", "stage-0"])])
def test_no_two_stages_share_a_label(text, labels):
    file = parse(text)
    assert [stage.label for stage in file.stages] == labels
    assert all(file.stage(label) is stage for label, stage in zip(labels, file.stages, strict=False))


def test_of_two_stages_of_one_name_the_last_above_is_meant():
    file = parse("FROM a AS b\nFROM b AS b\nFROM b\nCOPY --from=b / /\n")
    assert [(e.source, e.target) for e in file.edges if not e.external] == [
        ("b (line 1)", "b"), ("b", "stage-2"), ("b", "stage-2")]
    assert file.stage("b").line == 2


# -- problems -----------------------------------------------------------------

def found(text, rule):
    return [(each.line, each.stage, each.refused_by) for each in problems(parse(text)) if each.rule == rule]


@pytest.mark.parametrize("rule, text, there", [
    ("stage-name-case", "FROM a AS TEST\nFROM TEST\n", [(2, "stage-1", ("buildkit",))]),
    ("stage-name-case", "FROM a AS test\nFROM b\nFROM Test AS c\n", [(3, "c", ("buildkit",))]),
    ("stage-name-case", "ARG X=TEST\nFROM a AS test\nFROM $X\n", [(3, "stage-1", ("buildkit",))]),
    ("stage-name-case", "FROM a AS TEST\nFROM test\nCOPY --from=TEST / /\n", []),     # --from ignores case
    ("stage-name-case", "FROM a AS b\nFROM Other\n", []),
    # To other builders, a stage below with an image's name means the image.
    ("later-stage", "FROM a\nCOPY --from=nginx /x /\nFROM nginx AS nginx\n", [(2, "stage-0", ("buildkit",))]),
    ("later-stage", "FROM deps AS build\nFROM a AS deps\n", [(1, "build", ())]),
    ("later-stage", "ARG X=Deps\nFROM a\nFROM $X\nFROM b\nFROM a AS deps\n", [(3, "stage-1", ())]),
    ("later-stage", "FROM a AS b\nFROM b\nFROM c AS b\n", []),                          # the stage above is meant
    ("later-stage", "FROM node AS build\nFROM nginx AS node\n", []),                     # an official image
    ("later-stage", "FROM team AS build\nFROM team AS team\n", []),                      # the same image
    ("later-stage", "FROM a AS x\nFROM a\nFROM a AS a\n", []),
    ("later-stage", "FROM team AS team\n", []), ("later-stage", "FROM team:1 AS build\nFROM a AS team\n", []),
    ("later-stage", "FROM scratch\nFROM a AS scratch\n", []),
    ("duplicate-stage", "FROM a AS b\nFROM c AS B\nFROM d AS b\n", [(2, "b (line 2)", ("legacy",)), (3, "b", ("legacy",))]),
    ("duplicate-stage", "FROM a AS b\nFROM c AS d\n", []),
    # Only the names of stages above are compared.
    ("similar-name", "FROM biuld\nFROM a AS build\nFROM scratch AS scatch\nFROM scratch\n", []),
    ("similar-name", "FROM a AS build\nFROM biuld\nRUN --mount=from=buid,target=/m x\n", [(2, "stage-1", ()), (3, "stage-1", ())]),
    ("onbuild-from", "FROM a AS x\nFROM b AS base\nONBUILD COPY --from=x / /\nFROM base\n", [(3, "stage-2", ())]),
    ("onbuild-from", "FROM a AS x\nFROM b AS base\nONBUILD COPY --from=img / /\nFROM base\n", [(3, "stage-2", ())])])
def test_a_problem_has_its_line_its_stage_and_the_builders_that_refuse_it(rule, text, there):
    assert found(text, rule) == there


@pytest.mark.parametrize("text, there, words", [
    ("FROM a\nCOPY --from=b /x /\nFROM c AS b\n", (2, "stage-0"), "the stage b begins below, in line 3"),
    ("FROM a\nCOPY --from=1 /x /\nFROM c AS b\n", (2, "stage-0"), "the stage b begins below, in line 3"),
    ("FROM a\nRUN --mount=from=b,target=/m x\nFROM c AS b\n", (2, "stage-0"), "the stage b begins below"),
    ("FROM a AS b\nCOPY --from=b /x /\n", (2, "b"), "a stage cannot take files from itself"),
    ("FROM a AS o\nONBUILD COPY --from=b /x /\nFROM o\nFROM c AS b\n", (2, "stage-1"), "begins below, in line 4"),
    ("FROM a AS b\nFROM c\nCOPY --from=b / /\nFROM d AS b\n", (3, "stage-1"), "the stage b begins below, in line 4")])
def test_a_stage_takes_files_only_from_stages_above_it(text, there, words):
    only, = [each for each in problems(parse(text)) if each.rule == "later-stage"]
    assert (only.line, only.stage) == there and words in only.what
    assert only.refused_by == ("buildkit", "legacy", "buildah")


@pytest.mark.parametrize("name, near", [
    ("biuld", "build"), ("buld", "build"), ("buildd", "build"), ("bulid", "build"), ("Bild", "build"),
    ("dependncies", "dependencies"), ("depednecies", "dependencies"), ("asets", "assets"),
    ("builder", "build"), ("debian", None), ("dependencies:1", None), ("registry/build", None), ("a", None),
    ("node", None),
    ("nodes", "node"), ("bui", None), ("building", None), ("rust", None), ("docker.io/library/biuld", None),
    ("biuld@sha256:0", None), ("build", None), ("swift", None), ("bash", None), ("tset", "test"), ("assests", "assets"),
])
def test_a_misspelt_stage_name_is_recognised(name, near):
    file = parse(f"FROM a AS build\nFROM b AS dependencies\nFROM c AS assets\nFROM n AS node\nFROM t AS test\nFROM r AS base\nFROM d\nCOPY "
                 f"--from={name} / /\n")
    stage = similar_stage(file, name)
    assert (stage and stage.name) == near
    assert bool(found(file.text, "similar-name")) == bool(stage)


@pytest.mark.parametrize("text, there", [
    ("ARG V=1\nFROM a\nRUN echo $V\n", [("V", 3)]),
    ("ARG V=1\nFROM a\nRUN echo ${V} $V\nRUN $V\n", [("V", 3)]),             # once in a stage
    ("ARG V=1\nFROM a\nRUN <<EOF\necho $V\nEOF\n", [("V", 3)]),
    ("FROM a AS x\nARG V=1\nFROM b\nCOPY $V /v\n", [("V", 4)]),
    ("FROM a AS x\nRUN echo $V\nARG V=1\n", [("V", 2)]),
    ("FROM a\nARG V=1\nFROM b:$V\n", [("V", 3)]),
    ("FROM a\nRUN GOARCH=$TARGETARCH go build\n", [("TARGETARCH", 2)]),
    ("ARG V=1\nFROM a\nENV X=$V\nLABEL v=${V#x}\n", [("V", 3)]),
    ("ARG V=1\nFROM a AS x\nUSER $V\nFROM x\nUSER $V\n", [("V", 3), ("V", 5)]),
    ("ARG V=1\nFROM a\nARG W=$V\n", [("V", 3)]),
    ("ARG V=1\nFROM a\nRUN echo \"it's $V\"\n", [("V", 3)]),
    ("ARG V=1\nFROM a\nCOPY --chown=$V x /\n", [("V", 3)]),
    *((text, []) for text in (
        "ARG V=1\nFROM a:$V\nARG V\nRUN echo $V\n", "ARG V=1\nFROM a\nENV V=2\nRUN echo $V\n",
        "FROM a AS x\nARG V=1\nFROM x\nRUN echo $V\n",                          # inherited
        "FROM a AS x\nENV V=1\nFROM x AS y\nFROM y\nRUN echo $V\nFROM b\nARG V\n",
        "ARG V=1\nFROM a\nRUN echo '$V' \\$V ${V:-2} ${V-2} ${V:?}\n",
        "ARG V=1\nFROM a\nRUN V=2; echo $V\n", "ARG V=1\nFROM a\nRUN for V in a b; do echo $V; done\n",
        "ARG V=1\nFROM a\nRUN read -r V < f && echo $V\n", "ARG V=1\nFROM a\nRUN . /etc/os-release && echo $V\n",
        'ARG V=1\nFROM a\nRUN ["echo", "$V"]\n', "ARG V=1\nFROM a\nCMD echo $V\nENTRYPOINT $V\nHEALTHCHECK CMD $V\n",
        "ARG V=1\nFROM a\nRUN --mount=type=secret,id=v,env=V echo $V\n",
        "ARG V=1\nFROM a\nRUN printf -v V x; echo $V $$V\n",
        "FROM a\nRUN echo $HOME $UNKNOWN $? $1\n", "ARG V=1\nFROM a\nRUN <<EOF python3\nprint('$V')\nEOF\n",
        "FROM --platform=$BUILDPLATFORM a\nARG TARGETARCH\nRUN $TARGETARCH\n", "FROM a:$TARGETARCH\n",
    ))])
def test_an_argument_that_is_used_out_of_its_scope(text, there):
    assert [(each.variable, each.line) for each in problems(parse(text)) if each.rule == "unset-argument"] == there


@pytest.mark.parametrize("text, builder, target, line", [
    ("FROM a AS TEST\nFROM TEST\n", "buildkit", None, 2), ("FROM a AS TEST\nFROM TEST\n", "legacy", None, None),
    ("FROM a AS TEST\nFROM TEST\nFROM b\n", "buildkit", None, None),          # a stage that is not built
    ("FROM a AS b\nFROM c AS b\nFROM d\n", "buildkit", None, None),
    ("FROM a AS b\nFROM c AS b\nFROM d\n", "legacy", None, 2),
    ("FROM a AS z\nCOPY --from=y / /\nFROM b AS y\n", "buildkit", None, None),
    ("FROM a AS z\nCOPY --from=y / /\nFROM b AS y\n", "buildkit", "z", 2),
    ("FROM a AS z\nCOPY --from=y / /\nFROM b AS y\n", "legacy", None, 2),
])
def test_a_builder_refuses_a_stage_at_the_line_of_the_problem(text, builder, target, line):
    if line is None:
        problems_met(parse(text), builder, target)
    else:
        with pytest.raises(DockerfileError) as caught:
            problems_met(parse(text), builder, target)
        assert caught.value.line == line and f"> {line} |" in caught.value.evidence and caught.value.remedy


@pytest.mark.parametrize("mount, taken", [
    ("type=cache,target=/c,from=img", ["img"]), ("from=img,type=bind", ["img"]), ("type=bind,FROM=img,target=/x", ["img"]),
    ('type=bind,"from=img",target=/x', ["img"]), ("type=bind,source=from=x,target=/y", [])])
def test_a_mount_takes_from_an_image(mount, taken):
    assert parse(f"FROM a\nRUN --mount={mount} true\n").bases == ("a", *taken)


# -- lines --------------------------------------------------------------------

def test_continuations_comments_and_empty_lines():
    text = "FROM a\nRUN one \\  \n  # a comment\n\n  two \\\n\t# another\n  three\nCMD x\n"
    run = only(text, "RUN")
    assert (run.value, run.line, run.end_line) == ("one   two   three", 2, 7)
    assert only(text, "CMD").line == 8


@pytest.mark.parametrize("text, value", [
    ("RUN x \\\n", "x"), ("RUN x \\\n\\", "x"),         # at the end of the file
    ("\\\n  RUN \\\n  x\n", "x"),                       # of the keyword
    ("RUN x \\\\\nCMD y", "x \\\\"),                    # an escaped backslash continues nothing
    ("RUN x \\\n# to be continued\n", "x")])
def test_a_line_is_continued_by_a_backslash_at_its_end(text, value):
    run = only(f"FROM a\n{text}", "RUN")
    assert run.value == value and run.end_line <= len(text.splitlines()) + 1


def test_crlf_bom_case_and_indentation():
    file = parse("\ufefffrom golang:1 as B\r\n  run x \\\r\n  y\r\nRUN <<E\r\nz\r\nE\r\nCMD q\r\n")
    assert [(i.keyword, i.value, i.line, i.end_line) for i in file.stages[0].instructions] == [
        ("FROM", "golang:1 as B", 1, 1), ("RUN", "x   y", 2, 3), ("RUN", "<<E", 4, 6), ("CMD", "q", 7, 7)]
    assert file.stages[0].instructions[2].heredocs == ("z\r\n",)
    assert file.stages[0].name == "b"


@pytest.mark.parametrize("head, count", [
    ("# escape=`\n", 2),                         # the backtick continues
    ("# syntax=x\n#escape = ` \n", 2),
    ("# Escape=`\n", 2),
    ("# a comment\n# escape=`\n", 3),            # too late: a comment went before
    ("\n# escape=`\n", 3),                       # so is an empty line
    ("# escape=x\n", 3),
])
def test_escape_directive(head, count):
    file = parse(head + "FROM a\nRUN x `\nCMD y\n")
    assert len(file.stages[0].instructions) == count


def test_with_a_backtick_a_backslash_is_plain():
    assert only("# escape=`\nFROM a\nRUN dir c:\\\nCMD y\n", "RUN").value == "dir c:\\"


def test_flags():
    copy = only('FROM a\nCOPY --from="a b" --link --chown=1:1 --exclude=x --exclude=y -- --z /d\n', "COPY")
    assert copy.flags == {"from": ["a b"], "link": ["true"], "chown": ["1:1"], "exclude": ["x", "y"]}
    assert copy.arguments == "--z /d"


def test_mounts_are_read_option_by_option():
    run = only('FROM a\nRUN --mount=type=Secret,ID=token --mount=src="a b",dst=/x,readonly make\n', "RUN")
    assert run.mounts == ({"type": "secret", "id": "token"}, {"source": "a b", "target": "/x", "readonly": ""})
    assert run.binds_context and not only("FROM a\nRUN --mount=from=b,target=/x make\n", "RUN").binds_context
    assert only("FROM a\nRUN make\n", "RUN").mounts == ()


@pytest.mark.parametrize("text, frontend", [
    ("# syntax=docker/dockerfile:1\nFROM a\n", "docker/dockerfile:1"),
    ("#escape=`\n# Syntax = x/y:2 \nFROM a\n", "x/y:2"),
    ("FROM a\n", ""), ("FROM a\n# syntax=x\n", ""), ("# a comment\n# syntax=x\nFROM a\n", "")])
def test_the_frontend_of_a_file(text, frontend):
    assert parse(text).frontend == frontend

# -- heredocs -----------------------------------------------------------------

def test_the_body_of_a_heredoc_is_no_instruction():
    text = "FROM a AS one\nRUN <<EOF\nFROM evil\nCOPY --from=evil / /\nEOF\nCMD x\n"
    file = parse(text)
    assert file.bases == ("a",)
    run = only(text, "RUN")
    assert (run.value, run.heredocs, run.line, run.end_line) == ("<<EOF", ("FROM evil\nCOPY --from=evil / /\n",), 2, 5)
    assert only(text, "CMD").line == 6


@pytest.mark.parametrize("line, rest, bodies", [
    ("RUN <<EOF", "a\nEOF\n", ("a\n",)),
    ("RUN <<'EOF'", "a\nEOF\n", ("a\n",)),
    ('RUN <<"E F"', "a\nE F\n", ("a\n",)),
    ("RUN << EOF", "a\nEOF\n", ("a\n",)),
    ("RUN 3<<EOF cat", "EOF\n", ("",)),
    ("RUN <<-EOF", "\ta\n\tEOF\n", ("a\n",)),
    ("RUN <<EOF", "\tEOF\nEOF \nEOF\n", ("\tEOF\nEOF \n",)),
    ("RUN --network=none <<EOF sh", "a\nEOF\n", ("a\n",)),
    ("COPY <<one <<-two /d/", "1\none\n\t2\n\ttwo\n", ("1\n", "2\n")),
    ("ADD <<EOF /d", "# kept \\\n\nEOF\n", ("# kept \\\n\n",)),
    ("ONBUILD RUN <<EOF", "a\nEOF\n", ("a\n",)),
    ("RUN a \\\n <<EOF", "a\nEOF\n", ("a\n",))])
def test_heredocs(line, rest, bodies):
    file = parse(f"FROM a\n{line}\n{rest}CMD last\n")
    first, second, last = file.stages[0].instructions
    assert second.heredocs == bodies
    assert last.keyword == "CMD" and last.line == second.end_line + 1


@pytest.mark.parametrize("line", [
    'RUN echo "<<EOF"', "RUN echo '<<EOF'", "RUN cat <<<EOF", "RUN echo a<<EOF", "RUN echo \\<<EOF",
    'RUN ["cat", "<<EOF"]', 'RUN ["a\\\\", "b\\" <<EOF"]', "CMD cat <<EOF", "LABEL x=<<EOF", "RUN cat <<",
    "RUN it's <<EOF"])
def test_what_is_no_heredoc(line):
    assert len(parse(f"FROM a\n{line}\nCMD x\n").stages[0].instructions) == 3


# -- variables ----------------------------------------------------------------

VARIABLES = {"X": "1.22.10", "EMPTY": "", "NAME": "X"}


@pytest.mark.parametrize("word, value", [
    ("a", "a"), ("$X", "1.22.10"), ("${X}", "1.22.10"), ("$X-a", "1.22.10-a"), ("$NONE", ""), ("${NONE}a", "a"),
    ("${NONE:-d}", "d"), ("${EMPTY:-d}", "d"), ("${EMPTY-d}", ""), ("${NONE-d}", "d"), ("${X:-d}", "1.22.10"),
    ("${X:+a}", "a"), ("${EMPTY:+a}", ""), ("${EMPTY+a}", "a"), ("${NONE+a}", ""),
    ("${NONE:-${X}}", "1.22.10"), ("${NONE:-a$X}", "a1.22.10"), ("${X:?no}", "1.22.10"),
    ("${X%.*}", "1.22"), ("${X%%.*}", "1"), ("${X#*.}", "22.10"), ("${X##*.}", "10"), ("${X%q}", "1.22.10"),
    ("${X/./-}", "1-22.10"), ("${X//./-}", "1-22-10"), ("${X/?/y}", "y.22.10"), ("${X//\\./}", "12210"),
    ("'$X'", "$X"), ('"$X"', "1.22.10"), ("\\$X", "$X"), ('"\\$X"', "$X"), ('"a\\b"', "a\\b"), ("$", "$"), ("a$", "a$"),
    ("$.", "$."), ("''", "")])
def test_expand(word, value):
    assert expand(word, VARIABLES) == value


@pytest.mark.parametrize("word", [
    "${X", "${", "${}", "${:-a}", "${X:}", "${X:#a}", "${X=a}", "${X:-a", "'a", '"a', '"${X"', "${NONE:?no}",
    "${NONE?}",
    "${EMPTY:?}", "${X/a", "${X/a/b", "${a:-" * 60 + "}" * 60])
def test_what_cannot_be_expanded(word):
    with pytest.raises(BadSubstitution):
        expand(word, VARIABLES)


def test_expand_with_a_backtick():
    assert expand("`$X\\$X", VARIABLES, "`") == "$X\\1.22.10"


@pytest.mark.parametrize("head, build_args, base, declared", [
    ("ARG V=1", {}, "i:1", {"V": "1"}),
    ("ARG V=1", {"V": "2"}, "i:2", {"V": "2"}),
    ("ARG V", {"V": "2"}, "i:2", {"V": "2"}),
    ("ARG V", {}, "i:", {"V": None}),
    ("ARG W=1", {"V": "2"}, "i:", {"W": "1"}),            # V was never declared
    ("ARG A=1 V=$A.2", {}, "i:1.2", {"A": "1", "V": "1.2"}),
    ("ARG V=$A\nARG A=1", {}, "i:", {"V": "", "A": "1"}),
    ("ARG V=\"1 2\" B='x'", {}, "i:1 2", {"V": "1 2", "B": "x"}),
    ("ARG A=1\nARG V=${A}", {"A": "9"}, "i:9", {"A": "9", "V": "9"}),
])
def test_global_args(head, build_args, base, declared):
    file = parse(f"{head}\nFROM i:$V\n", build_args)
    assert file.stages[0].base == base
    assert file.global_args == declared


@pytest.mark.parametrize("machine, platform, arch, variant", [
    ("x86_64", "linux/amd64", "amd64", ""), ("aarch64", "linux/arm64", "arm64", ""),
    ("armv7l", "linux/arm/v7", "arm", "v7"), ("riscv64", "linux/riscv64", "riscv64", "")])
def test_platform_arguments(monkeypatch, machine, platform, arch, variant):
    monkeypatch.setattr("platform.machine", lambda: machine)
    stage = parse("FROM --platform=$BUILDPLATFORM i:$TARGETOS-$TARGETARCH-$TARGETVARIANT\n").stages[0]
    assert stage.platform == platform
    assert stage.base == f"i:linux-{arch}-{variant}"


@pytest.mark.parametrize("text, base", [("ARG TARGETARCH\nFROM i:$TARGETARCH", "i:s390x"), ("FROM i:$TARGETARCH", "i:s390x"),
                                        ("FROM a\nARG V=1\nFROM i:${V:-none}", "i:none")])    # an ARG of a stage does not reach FROM
def test_a_from_sees_the_arguments_above_it_and_those_of_the_platform(text, base):
    assert parse(text, {"TARGETARCH": "s390x"}).stages[-1].base == base


@pytest.mark.parametrize("line, yes", [
    ("FROM a", True), ("RUN x", True), ("COPY a b", True), ("ADD a b", True), ("WORKDIR /a", True), ("WORKDIR .", True),
    ("WORKDIR /", False), ('WORKDIR "/"', False), ("WORKDIR //.", False), ("ENV a=b", False), ("ONBUILD RUN a", False)])
def test_produces_step(line, yes):
    text = line if line.startswith("FROM") else f"FROM a\n{line}"
    assert produces_step(parse(text).stages[0].instructions[-1]) is yes


# -- other images -------------------------------------------------------------

def test_with_bases_changes_references_and_nothing_else():
    text = FULL.replace("\n", "\r\n") + "# golang:1.22 busybox:1\r\nRUN <<E\r\nFROM nginx:alpine\r\nE"
    mapping = {"golang:1.22": "local/go:9", "busybox:1": "b", "nginx:alpine": "n/x@sha256:1", "build": "NO", "E": "NO"}
    expected = (
        text.replace("golang:${GO}", "local/go:9").replace("from=busybox:1", "from=b")
        .replace("--from=nginx:alpine", "--from=n/x@sha256:1"))
    changed = parse(text).with_bases(mapping)
    assert changed == expected
    assert parse(changed).bases == ("local/go:9", "b", "alpine", "n/x@sha256:1")
    assert [e.line for e in parse(changed).edges] == [e.line for e in parse(text).edges]


@pytest.mark.parametrize("text", [GO, FULL, "\ufeff" + GO, GO.replace("\n", "\r\n"), GO.rstrip()])
def test_with_no_bases_the_text_stays(text):
    assert parse(text).with_bases({}) == text
    assert parse(text).with_bases({"builder": "x", "absent": "y"}) == text


@pytest.mark.parametrize("text, expected", [
    ("FROM gol\\\nang:1\nCMD x", "FROM \\\nX\nCMD x"),
    ("FROM gol\\\nang:1 AS \\\n # note\n b\n", "FROM \\\nX AS \\\n # note\n b\n"),
    ("FROM \\\n  golang:1\n", "FROM \\\n  X\n"),
    ('\ufeffFROM "golang:1" AS x', "\ufeffFROM X AS x"),
    ("FROM a\nCOPY --from='golang:1' / /\n", "FROM a\nCOPY --from=X / /\n"),
    ("FROM a\nRUN --mount=from=golang:1 \\\n --mount=target=/,from=golang:1 go\n",
     "FROM a\nRUN --mount=from=X \\\n --mount=target=/,from=X go\n"),
    ("FROM golang:1 AS golang\nFROM golang\nCOPY --from=golang:1 / /",
     "FROM X AS golang\nFROM golang\nCOPY --from=X / /")])
def test_with_bases_in_odd_places(text, expected):
    assert parse(text).with_bases({"golang:1": "X"}) == expected


# -- errors -------------------------------------------------------------------

@pytest.mark.parametrize("text, line, what, help", [
    ("", None, "The Dockerfile has no instructions.", "Begin with a FROM"),
    ("# c\nRUN x\nFROM a\n", 2, "Line 2: RUN comes before the first FROM.", "Put a FROM line above it."),
    ("ARG a\nARG b\n", 2, "The Dockerfile has no FROM.", "Add a FROM line"),
    ("FROM a\n\nRUNN x\n", 3, "Line 3: RUNN is not a Dockerfile instruction.", "Write RUN instead of RUNN."),
    ("FROM a\nRUN x \\\n\n\\\ny\n&& z", 6, "Line 6: && is not a Dockerfile instruction.",
     "end that line with a backslash"),
    ("FROM\n", 1, "Line 1: FROM names no image.", "Write the image after FROM"),
    ("FROM a b\n", 1, "Line 1: FROM takes an image, or an image AS a name.", "FROM a AS b"),
    ("FROM a AS\n", 1, "Line 1: FROM takes an image, or an image AS a name.", "or nothing."),
    ("FROM a AS b c\n", 1, "Line 1: FROM takes an image, or an image AS a name.", "FROM a AS c"),
    ("FROM a AS 1st\n", 1, "Line 1: 1st cannot be the name of a stage.", "Begin with a letter"),
    ("FROM a\nRUN <<EOF\nx\n EOF\n", 2, "Line 2: the heredoc <<EOF never ends.", "EOF alone"),
    ("FROM $NONE\n", 1, "Line 1: the image of this FROM is empty.", "ARG NAME=value"),
    ("ARG V\nFROM ${V}\n", 2, "Line 2: the image of this FROM is empty.", "ARG NAME=value"),
    ("FROM ${V\n", 1, "Line 1: ${V cannot be expanded.", "${NAME:-default}"),
    ("ARG V=${W\nFROM a\n", 1, "Line 1: ${W cannot be expanded.", "${NAME:-default}"),
    ("FROM --platform=${V a\n", 1, "Line 1: ${V cannot be expanded.", "${NAME:-default}"),
    ("FROM a\nCOPY --from=1 / /\n", 2, "Line 2: there is no stage 1.", "Use the name"),
    ("FROM a\nCOPY --from=" + "9" * 5000 + " / /\n", 2, None, "Use the name"),
    ("FROM a\nCOPY --from=${X / /\n", 2, "Line 2: ${X cannot be expanded.", "Name the stage"),
    ("FROM a\nRUN --mount=from=$X true\n", 2, "Line 2: $X is not expanded here.", "FROM $X AS source"),
    ("FROM a\nRUN --mount=from=0 true\n", 2, "Line 2: a mount needs the name of a stage, not the number 0.",
     "from=NAME"),
    ("FROM a\n\\\n", 2, "Line 2: the line is continued, but nothing follows.", "Delete the line")])
def test_errors(text, line, what, help):
    with pytest.raises(DockerfileError) as caught:
        parse(text)
    assert caught.value.line == line
    assert what is None or caught.value.what == what
    assert help in caught.value.remedy
    assert (caught.value.evidence == "") is (line is None)


@pytest.mark.parametrize("text, evidence", [
    ("FROM a\nRUNN x\nCMD y\n", "  1 | FROM a\n> 2 | RUNN x\n  3 | CMD y"),
    ("RUNN x", "> 1 | RUNN x"),
    ("FROM a\n" + "\n" * 8 + "X\r\n", "   9 |\n> 10 | X\n  11 |")])
def test_the_evidence_is_the_line_and_its_neighbours(text, evidence):
    with pytest.raises(DockerfileError) as caught:
        parse(text)
    assert caught.value.evidence == evidence


def test_what_is_left_to_the_engine():
    file = parse("FROM UPPER/case\nCOPY\nRUN\nEXPOSE nonsense\nCOPY --from=b --from=c / /\nENV\n")
    assert isinstance(file, Dockerfile) and len(file.stages[0].instructions) == 6


# -- a storm ------------------------------------------------------------------

SEEDS = [GO, FULL, "# escape=`\nARG A=${B:-c}\nFROM a`\nRUN <<-E <<'F'\n\tx\n\tE\ny\nF\nONBUILD RUN <<E\nE\n"]
SCRAPS = list("\\`\"'$<{}-=,:#/&\t \r\n\x00\x1c\ufeffé") + [
    "<<", "<<EOF", "${", "${X:-", "${X/", "$X", "--from=", "--mount=from=", "FROM ", " AS ", "ARG ", "RUN ",
    "# escape=`", "\udc80"]


def mutated(text: str, dice: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(lines))
        kind = dice.randrange(4)
        if kind == 0 and len(lines) > 1:
            del lines[at]
        elif kind == 1:
            lines.insert(at, dice.choice(lines))
        elif kind == 2:
            cut = dice.randint(0, len(lines[at]))
            lines[at] = lines[at][:cut] + dice.choice(SCRAPS) + lines[at][cut:]
        else:
            start = dice.randint(0, len(lines[at]))
            lines[at] = lines[at][:start] + lines[at][start + dice.randint(0, 4):]
    return "\n".join(lines)


@pytest.mark.parametrize("count", [1000, pytest.param(2500, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("seed", range(3))
def test_a_broken_file_raises_nothing_but_dockerfile_error(seed, count):
    dice = random.Random(seed)
    good = 0
    for _ in range(count):
        text = mutated(SEEDS[seed], dice)
        try:
            file = parse(text, {"GO": "1"})
        except DockerfileError as error:
            assert error.line is None or 1 <= error.line <= text.count("\n") + 1
            continue
        good += 1
        assert file.with_bases({}) == text
        changed = file.with_bases(dict.fromkeys(file.bases, "img:1"))
        assert changed.count("\n") == text.count("\n")
        assert set(parse(changed, {"GO": "1"}).bases) <= {"img:1"}
        assert file.needed() and file.edges
        assert all(str(each) and 1 <= each.line <= text.count("\n") + 1 for each in problems(file))
        assert len({stage.label for stage in file.stages}) == len(file.stages)
        assert all(i.line <= i.end_line for s in file.stages for i in s.instructions)
    assert count / 25 < good < count
