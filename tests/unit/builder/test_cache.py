"""Cache records: read, told apart, pruned one by one. The engine is one of straw."""

import pytest

from helpers.builder import cache
from helpers.builder.cache import Record, marked, prune, records
from helpers.builder.control import client
from helpers.builder.control.messages import PROTO
from helpers.errors import CourseError, EngineFault

IDS = {name: name * 25 for name in "abcdefgh"}
A, B, C, D, E, F, G, H = IDS.values()


def record(id_, *parents, text="", **other) -> Record:
    return Record(**{"id": id_, "parents": parents, "kind": "regular", "description": text, "size": 1, "uses": 1,
                     "shared": False, "in_use": False, **other})


class Straw:
    """An engine and its BuildKit with some cache records, pruned like the real ones: those that a filter names, and
    not what another record stands on."""

    builders: tuple[str, ...] = ("buildkit", "legacy")

    def __init__(self, *held: Record, greedy=False):
        self.held = list(held)
        self.greedy = greedy
        self.asked: list[str] = []

    def describe(self):
        return "An engine of straw"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def disk_usage(self):
        return tuple(self.held)

    def prune(self, *filters, all_kinds):
        assert all_kinds is True
        self.asked += filters
        going = [each for each in self.held if not filters or f"id=={each.id}" in filters or self.greedy]
        gone = []
        while leaves := [each for each in going if each in self.held
                         and not any(each.id in other.parents for other in self.held)]:
            gone += leaves
            self.held = [each for each in self.held if each not in leaves]
        return tuple(gone)


@pytest.fixture(autouse=True)
def straw(monkeypatch):
    monkeypatch.setattr(cache, "Control", lambda engine: engine)


@pytest.mark.parametrize("said, parents", [({"Parent": B}, (B,)), ({"Parents": [B, C]}, (B, C)), ({}, ())])
def test_older_engines_name_one_parent_and_newer_ones_several(said, parents):
    found = client._record(PROTO.UsageRecord(ID=A, Size=-1, **said))
    assert (found.parents, found.size) == (parents, 0)    # newer engines do not know a size until they have looked


CHAIN_OF_OURS = [record(A, text="pulled"), record(B, A, text="exec echo 123 > /m"), record(C, B, text="fileop target"),
                 record(D, C, text="exec make"), record(E, A, text="exec make"), record(F, E)]


@pytest.mark.parametrize("found, ours", [
    (CHAIN_OF_OURS, [B, C, D]), (CHAIN_OF_OURS[::-1], [D, C, B]),
    ([record(A, text="123"), record(B), record(C, B, A), record(D, B)], [A, C]),    # of several parents one is
    ([record(A, text="exec make"), record(B, A)], []), ([], [])])
def test_what_stands_on_a_marked_record_is_ours_and_what_it_stands_on_is_not(found, ours):
    assert [r.id for r in marked(found, "123")] == ours


CHAIN = (record(A), record(B, A), record(C, B), record(D, C), record(E, A), record(F, E))


@pytest.mark.parametrize("ids, gone", [([B, C, D], {B, C, D}), ([D, C, B], {B, C, D}), ([C, D, B], {B, C, D}),
                                       ([G], set()), ([], set())])    # no filter would mean all
def test_only_what_was_asked_for_goes_whatever_its_order(ids, gone):
    straw = Straw(*CHAIN)
    assert set(prune(straw, ids)) == gone
    assert [each.id for each in records(straw)] == [each.id for each in CHAIN if each.id not in gone]


@pytest.mark.parametrize("bad", ["", ".", ".*", "a", A[:24], A + "a", A[:24] + ".", A.upper(), f"{A}|{B}", f"{A}\n"])
def test_a_pattern_is_no_id(bad):
    straw = Straw(*CHAIN)
    with pytest.raises(ValueError):
        prune(straw, [D, bad])
    assert straw.asked == []


def test_an_engine_that_takes_more_is_an_error_that_names_it():
    with pytest.raises(EngineFault) as caught:
        prune(Straw(*CHAIN, greedy=True), [B, C, D])
    assert F in str(caught.value) and D not in str(caught.value)


@pytest.mark.parametrize("ask", [records, lambda engine: prune(engine, [A])])
def test_without_buildkit_there_is_no_such_cache(ask, monkeypatch):
    monkeypatch.setattr(cache, "Control", client.Control)
    monkeypatch.setattr(client, "upgradable", lambda engine: False)
    with pytest.raises(CourseError, match="An engine of straw builds with buildkit and legacy."):
        ask(Straw())
