"""The caches of a pipeline: what a bake file says, and the mark by which a build's records are known."""

import json

import pytest

from helpers import dockerfile as dockerfiles
from helpers.checks.ci_cache import caches, marked

HOST = "127.0.0.1:5000"
TO, FROM = "type=registry,ref=${REGISTRY}/app:cache,mode=max", "type=registry,ref=${REGISTRY}/app:cache"


def bake(to=(TO,), take=(FROM,), name="default"):
    return json.dumps({"target": {"other": {}, name: {"cache-to": to, "cache-from": take}}})


def test_the_registry_takes_the_place_of_its_variable():
    found = caches(bake(), HOST)
    assert found.cache_to == (f"type=registry,ref={HOST}/app:cache,mode=max",)
    assert found.cache_from == (f"type=registry,ref={HOST}/app:cache",)


def test_the_only_target_needs_no_name():
    text = json.dumps({"target": {"app": {"cache-to": [TO], "cache-from": ["${REGISTRY}/app:cache"]}}})
    assert caches(text, HOST).cache_from == (f"{HOST}/app:cache",)


@pytest.mark.parametrize("text, said", [
    ("cache-to: mode=max", "not a bake file"), ("[]", "not a bake file"), ('{"target": {}}', "not a bake file"),
    (bake(to=[{"type": "registry"}]), "not a bake file"), (bake(to=[]), "no cache-to"), (bake(take=[]), "no cache-from"),
    (bake(to=["type=inline"]), "type=registry"), (bake(to=["type=local,dest=x"]), "type=registry"),
    (bake(to=["type=gha,ref=${REGISTRY}/app"]), "type is none of"), (bake(to=["type=registry,ref=elsewhere/app"]), "begins with ${REGISTRY}/"),
    (bake(take=["${REGISTRY}/app:latest"]), "another place")])
def test_what_no_pipeline_can_use_is_reported(text, said):
    with pytest.raises(ValueError) as caught:
        caches(text, HOST)
    assert said in str(caught.value) and HOST not in str(caught.value)


def test_each_shell_command_is_marked_and_its_line_stays():
    text = "FROM a AS b\nRUN one && \\\n    two\nRUN [\"three\"]\nRUN <<EOF\nfour\nEOF\nCOPY x /\n"
    made = marked(dockerfiles.parse(text), "word")
    assert made == text.replace("    two\n", "    two # word\n")
    assert [each.line for each in dockerfiles.parse(made).stages[0].instructions] == [1, 2, 4, 5, 8]
