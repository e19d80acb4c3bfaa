"""Cache records: read, told apart, pruned one by one. The engine is one of straw."""

import contextlib
import json

import pytest
from docker.errors import APIError
from requests import Response

from helpers.builder import cache
from helpers.builder.cache import Record, marked, prune, records
from helpers.errors import CourseError, EngineFault

IDS = {name: name * 25 for name in "abcdefgh"}
A, B, C, D, E, F, G, H = IDS.values()


def record(id_, *parents, text="", **other) -> Record:
    return Record(**{"id": id_, "parents": parents, "kind": "regular", "description": text, "size": 1, "uses": 1,
                     "shared": False, "in_use": False, **other})


def told(id_, parent="", text="", **other) -> dict:
    return {"ID": id_, "Parent": parent, "Type": "regular", "Description": text, "InUse": False, "Shared": False,
            "Size": 5, "UsageCount": 1, **other}


class Straw:
    """An engine with some cache records, which prunes like the real one: by a pattern,
    and not what another record stands on."""

    base_url, api_version = "http+docker://x", "1.41"
    builders: tuple[str, ...] = ("buildkit", "legacy")

    def __init__(self, *held: dict, greedy=False, status=200):
        self.held = list(held)
        self.greedy = greedy
        self.status = status
        self.asked: list[str] = []
        self.client = self.api = self

    def translate_errors(self, doing):
        return contextlib.nullcontext()

    def describe(self):
        return "An engine of straw"

    def get(self, url, params):
        assert url == "http+docker://x/v1.41/system/df"
        assert params == {"type": "build-cache", "verbose": "1"}
        answer = Response()
        answer.status_code = self.status
        answer._content = json.dumps({"BuildCache": self.held}).encode()
        return answer

    def prune_builds(self, filters, all):
        (wanted,), = filters.values()
        self.asked.append(wanted)
        assert list(filters) == ["id"] and all is True
        stood_on = {each["Parent"] for each in self.held}
        going = [e for e in self.held if (e["ID"] == wanted or self.greedy) and e["ID"] not in stood_on]
        self.held = [e for e in self.held if e not in going]
        return {"CachesDeleted": [e["ID"] for e in going] or None, "SpaceReclaimed": 5 * len(going)}


# -- reading -------------------------------------------------------------------------

def test_an_engine_that_works_it_out_for_somebody_else_is_asked_again(monkeypatch):
    """Docker 20.10 answers so."""
    monkeypatch.setattr(cache, "_PAUSE", 0)
    engine, busy = Straw(told(A)), Response()
    busy.status_code, busy._content = 500, b'{"message":"a disk usage operation is already running"}'
    answers, get = [busy, busy], engine.get
    engine.get = lambda url, params: answers.pop() if answers else get(url, params)
    assert [each.id for each in records(engine)] == [A] and answers == []
    monkeypatch.setattr(cache, "_BUSY_SECONDS", -1)
    answers.append(busy)
    with pytest.raises(APIError, match="already running"):
        records(engine)


def test_a_record_as_api_1_41_tells_it():
    straw = Straw(told(A, B, "mount / from exec /bin/sh -c make", Shared=True, InUse=True, UsageCount=3, Size=7))
    assert records(straw) == (Record(A, (B,), "regular", "mount / from exec /bin/sh -c make", 7, 3, True, True),)


@pytest.mark.parametrize("answer", [
    {"BuildCache": [{"ID": A, "Parents": [B, C], "Type": "regular"}]},                        # from 1.42
    {"BuildCache": [{"ID": A, " Parents": [B, C], "Type": "regular"}]},                       # as 28.5 writes it
    {"ImagesUsage": {}, "BuildCacheUsage": {"TotalCount": 1, "Items": [{"ID": A, "Parents": [B, C]}]}},   # 1.52
])
def test_newer_engines_tell_several_parents(answer):
    assert [each["ID"] for each in cache.read(answer)] == [A]
    assert cache._record(cache.read(answer)[0]).parents == (B, C)


@pytest.mark.parametrize("answer", [{}, {"BuildCache": None}, {"BuildCache": []}, {"BuildCacheUsage": {}},
                                    {"BuildCacheUsage": {"TotalSize": 5}}, {"BuildCacheUsage": None}])
def test_an_empty_cache(answer):
    assert cache.read(answer) == []


def test_a_size_that_is_not_known_counts_as_none():
    assert cache._record(told(A, Size=-1)).size == 0      # what newer engines say until they have looked
    assert cache._record({"ID": A}) == record(A, size=0, uses=0, kind="")


def test_an_engine_that_refuses_is_an_error_of_the_engine():
    with pytest.raises(APIError):
        records(Straw(status=500))


# -- whose they are --------------------------------------------------------------------

def test_what_stands_on_a_marked_record_is_ours_and_what_it_stands_on_is_not():
    found = [record(A, text="pulled"), record(B, A, text="exec echo 123 > /m"), record(C, B, text="fileop target"),
             record(D, C, text="exec make"), record(E, A, text="exec make"), record(F, E)]
    assert [r.id for r in marked(found, "123")] == [B, C, D]
    assert [r.id for r in marked(reversed(found), "123")] == [D, C, B]


def test_a_record_with_several_parents_is_ours_if_one_is():
    found = [record(A, text="123"), record(B), record(C, B, A), record(D, B)]
    assert [r.id for r in marked(found, "123")] == [A, C]


@pytest.mark.parametrize("found", [[], [record(A, text="exec make"), record(B, A)]])
def test_without_the_mark_nothing_is_ours(found):
    assert marked(found, "123") == ()


# -- pruning -----------------------------------------------------------------------------

CHAIN = (told(A), told(B, A), told(C, B), told(D, C), told(E, A), told(F, E))


def test_only_what_was_asked_for_goes_children_first():
    straw = Straw(*CHAIN)
    assert prune(straw, [B, C, D]) == (D, C, B)
    assert [each["ID"] for each in straw.held] == [A, E, F]
    assert straw.asked == [D, C, B]


@pytest.mark.parametrize("ids", [[B, C, D], [D, C, B], [C, D, B]])
def test_the_order_of_the_ids_is_of_no_account(ids):
    assert set(prune(Straw(*CHAIN), ids)) == {B, C, D}


def test_what_others_stand_on_stays():
    straw = Straw(*CHAIN)
    assert prune(straw, [A, C]) == ()
    assert len(straw.held) == len(CHAIN)


def test_a_record_that_has_gone_is_not_asked_for():
    straw = Straw(*CHAIN)
    assert prune(straw, [G]) == () and straw.asked == []
    assert prune(straw, []) == ()


@pytest.mark.parametrize("bad", ["", ".", ".*", "a", A[:24], A + "a", A[:24] + ".", A.upper(), f"{A}|{B}", f"{A}\n"])
def test_a_pattern_is_no_id(bad):
    straw = Straw(*CHAIN)
    with pytest.raises(ValueError):
        prune(straw, [D, bad])
    assert straw.asked == []


def test_an_engine_that_takes_more_is_asked_no_further():
    straw = Straw(*CHAIN, greedy=True)
    with pytest.raises(EngineFault) as caught:
        prune(straw, [B, C, D])
    assert straw.asked == [D] and F in str(caught.value)


@pytest.mark.parametrize("ask", [records, lambda engine: prune(engine, [A])])
def test_without_buildkit_there_is_no_such_cache(ask):
    straw = Straw(*CHAIN)
    straw.builders = ("buildah",)
    with pytest.raises(CourseError) as caught:
        ask(straw)
    assert "An engine of straw builds with buildah." in str(caught.value) and straw.asked == []
