"""Which line of the Dockerfile brought which layer."""

import pytest

from helpers import dockerfile as dockerfiles
from helpers.image import Image, Layer
from helpers.image.provenance import Provenance


def lines(text, own, base=1):
    layers = tuple(Layer(f"sha256:{n}", made, 1, 1) for n, made in enumerate(["ADD rootfs /"] * base + own))
    made = Image("a", "sha256:x", layers, "", {}, base="b" if base else "", base_layers=base)
    return Provenance(dockerfiles.parse(text), None, made)


TEXT = """\
FROM a
WORKDIR /x
ENV A=1
RUN make $A \\
 && make install
COPY --chown=1:1 --from=b:2 /one \\
  /two
ADD x /y
RUN <<EOF
rm thing
EOF
"""


TWO = "FROM a\nRUN apt-get update\nRUN apt-get install gcc\nRUN make\n"
OWN = ["WORKDIR /x", "RUN make 1  && make install", "COPY /one /two", "ADD x /y", "RUN rm thing"]


@pytest.mark.parametrize("text, own, found", [
    (TEXT, OWN, [2, 4, 6, 8, 9]),
    (TEXT, ["WORKDIR /x", "RUN make 1 && make install", "COPY file:6f3c2a in /two ", "ADD file:99 in /y ", "RUN rm thing"],
     [2, 4, 6, 8, 9]),    # the legacy builder's
    (TEXT, ["COPY . /src", "RUN prepare", *OWN], [1, 1, 2, 4, 6, 8, 9]),    # triggers of the base
    (TEXT, [OWN[1], *OWN[3:]], [4, 8, 9]), (TEXT, OWN[4:], [9]), (TEXT, [], []),    # some are missing
    (TWO, ["RUN apt-get install gcc", "RUN make"], [3, 4]), (TWO, ["RUN apt-get update", "RUN make"], [2, 4])])    # the better match
def test_each_layer_has_its_line(text, own, found):
    mapped = lines(text, own)
    assert [mapped.line(index) for index in range(1 + len(own))] == [1, *found]


def test_the_layers_of_a_line():
    mapped = lines(TEXT, OWN)
    assert mapped.last_from == 1 and mapped.instruction(0) is None and mapped.instruction(3).keyword == "COPY"
    assert mapped.layers(4) == (2,) and mapped.layers(1) == (0,)


def test_an_image_without_a_known_base_still_has_lines():
    mapped = lines("FROM a\nRUN make\n", ["ADD rootfs /", "RUN make"], base=0)
    assert [mapped.line(0), mapped.line(1)] == [1, 2]


def test_a_stage_from_a_stage_has_the_lines_of_both():
    text = "FROM a AS builder\nRUN make\n\nFROM builder\nRUN rm source\n"
    mapped = lines(text, ["RUN make", "RUN rm source"])
    assert [stage.label for stage in mapped.stages] == ["builder", "stage-1"]
    # The last stage decides about the base.
    assert [mapped.line(index) for index in range(3)] == [4, 2, 5]
    assert [stage.label for stage in dockerfiles.parse(text).chain("builder")] == ["builder"]


@pytest.mark.parametrize("line, sources, target", [
    ("COPY a b /c/", ["a", "b"], "/c/"), ('COPY ["a b", "/c"]', ["a b"], "/c"),
    ("COPY --from=x --chown=1 a /c", ["a"], "/c"), ("ADD https://example.org/x /y", ["https://example.org/x"], "/y"),
    ("COPY <<EOF /c\nx\nEOF", [], "/c")])
def test_what_a_copy_names(line, sources, target):
    instruction = dockerfiles.parse(f"FROM a\n{line}\n").stages[0].instructions[1]
    assert instruction.operands == (sources, target)


@pytest.mark.parametrize("line, whole", [
    ("COPY . .", True), ("COPY ./ /app/", True), ("ADD . /app", True), ("COPY / /app", True), ("COPY * /app/", True),
    ('COPY [".", "/app"]', True), ("COPY src /app", False), ("COPY --from=b . /app", False), ("RUN cp . /app", False),
    ("COPY package.json .", False)])
def test_which_copies_take_the_whole_context(line, whole):
    assert dockerfiles.parse(f"FROM a AS b\nFROM a\n{line}\n").stages[1].instructions[1].copies_whole_context == whole
