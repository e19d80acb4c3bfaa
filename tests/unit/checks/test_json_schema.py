"""The JSON Schema of check.toml accepts what the reader accepts, and nothing else."""

import copy
import json
import random
import tomllib
from pathlib import Path

import jsonschema
import pytest

from helpers.checks.exercise import Exercise, json_schema
from helpers.checks.toml_schema import Table
from helpers.errors import ExerciseError

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "exercises" / "check.schema.json"
CHECKS = sorted(ROOT.glob("exercises/*/check.toml"))
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ODD = ["x", "", 1, 0.5, -3, True, [], ["a"], [1], [{}], {}, {"x": 1}]


def read(table) -> bool:
    """Whether the reader takes it."""
    try:
        Table("x", "").take(Exercise, table, ())
        return True
    except ExerciseError:
        return False


def valid(table) -> bool:
    return VALIDATOR.is_valid(table)


def tables(value):
    """All tables and lists in a value, itself first."""
    if isinstance(value, dict | list):
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from tables(each)


def changed(table, dice):
    """The table with one thing put in, taken out or replaced."""
    new = copy.deepcopy(table)
    place = dice.choice([*tables(new)])
    key = dice.choice([*place, "new", "image", "run"]) if isinstance(place, dict) else dice.randrange(len(place) + 1)
    if isinstance(place, list):
        place[key:key + dice.randrange(2)] = [dice.choice(ODD)] * dice.randrange(2)
    elif key in place and dice.random() < 0.5:
        del place[key]
    else:
        place[key] = dice.choice(ODD)
    return new


def test_the_file_for_editors_is_up_to_date():
    """python -m helpers exercises --schema > exercises/check.schema.json"""
    assert json.loads(FILE.read_text()) == SCHEMA


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.parent.name)
def test_an_exercise_names_the_schema_for_editors(path):
    first = path.read_text().partition("\n")[0]    # as Taplo and Even Better TOML read it
    assert first.startswith("#:schema ") and (path.parent / first.removeprefix("#:schema ")).resolve() == FILE


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.parent.name)
def test_reader_and_schema_agree_on_an_exercise_and_on_a_hundred_changes_of_it(path):
    table = tomllib.loads(path.read_text())
    assert valid(table) and read(table)
    dice = random.Random(path.parent.name)
    judged = [(read(each), valid(each), each) for each in (changed(table, dice) for _ in range(100))]
    assert [each for by_reader, by_schema, each in judged if by_reader != by_schema] == []
    assert {by_reader for by_reader, _, _ in judged} == {True, False}
