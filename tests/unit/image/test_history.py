"""A COPY that a builder writes as a digest, told as the Dockerfile has it."""

from types import SimpleNamespace

import pytest

from helpers import dockerfile
from helpers.image import Image, Layer
from helpers.image.history import with_copy_arguments

TEXT = """\
FROM golang AS builder
COPY . /src
FROM scratch AS empty
COPY --from=builder --chown=1:1 /app   /app
FROM empty
RUN true
ADD ["a b", "/"]
"""
DIGEST = "4dab6d2b" * 8


def image(*instructions, below=1):
    layers = [Layer("base", f"COPY file:{DIGEST} in /base", 1, 1)] * below
    return Image("x:1", "sha256:1", (*layers, *(Layer(each, each, 1, 1) for each in instructions)), "", {},
                 base_layers=below)


def built(builder="buildah", target=None):
    return SimpleNamespace(builder=builder, target=target, dockerfile=dockerfile.parse(TEXT, {}))


MADE = (f"COPY file:{DIGEST} in /app", "RUN true", f"ADD file:{DIGEST} in /")


@pytest.mark.parametrize("seen, result, instructions", [
    (image(*MADE), built(), ["COPY /app /app", "RUN true", 'ADD ["a b", "/"]']),
    (image(f"COPY multi:{DIGEST} in /src"), built(target="builder"), ["COPY . /src"])])
def test_each_copy_in_the_image_s_stages_has_its_arguments(seen, result, instructions):
    found = [layer.instruction for layer in with_copy_arguments(seen, result).layers]
    assert found == [f"COPY file:{DIGEST} in /base", *instructions]


@pytest.mark.parametrize("seen, result", [
    (image(*MADE), built("buildkit")),             # it writes them itself
    (image(*MADE[:2]), built()),                   # not all are there: which is which is not known
    (image("COPY /app /app", "RUN true"), built())])
def test_ambiguous_copies_stay_as_recorded(seen, result):
    assert with_copy_arguments(seen, result) is seen
