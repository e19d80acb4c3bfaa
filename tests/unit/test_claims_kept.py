"""Verdicts are kept where the learner's things are; and how files are kept at all."""

import json
import os
import threading
from datetime import date

import pytest

from helpers import paths
from helpers.claims import CLAIMS, Verdict, kept, verdict
from helpers.views.claims import verdict_view


@pytest.mark.parametrize("holds, partly, found, words", [
    (True, False, "holds", "Claim 3 holds: "), (True, True, "partly", "Claim 3 holds in part: "),
    (False, False, "fails", "Claim 3 does not hold: "), (False, True, "fails", "Claim 3 does not hold: ")])
def test_a_verdict_says_what_was_found_and_why(home, holds, partly, found, words):
    given = verdict("C3", holds, "One layer was added.", partly=partly)
    assert given == Verdict("C3", found, "One layer was added.", date.today().isoformat())
    assert repr(given) == f"{words}{CLAIMS['C3']} One layer was added."


def test_a_verdict_is_kept(home):
    assert kept() == {}
    given = verdict("C1", True, "all five")
    assert given.found == "holds"
    assert kept() == {"C1": given}


def test_a_newer_verdict_replaces_the_older_and_no_other(home):
    other = verdict("C2", True, "same")
    verdict("C1", False, "first")
    second = verdict("C1", True, "second")
    assert kept() == {"C2": other, "C1": second}


def test_an_unknown_claim_is_refused_with_those_there_are(home):
    with pytest.raises(KeyError, match="no claim C99.*C1.*C16"):
        verdict("C99", True, "so")
    assert kept() == {}


@pytest.mark.parametrize("content", [
    b"", b"{", b"\xff\xfe\x00", b"null", b"[]", b"7", b'"x"', b'{"C1": null}', b'{"C1": {"claim": "C1"}}',
    b'{"C1": {"claim": "C1", "found": "holds", "because": "b", "when": "w", "more": 1}}'])
def test_a_damaged_file_is_forgotten_and_written_anew(home, content):
    file = home / "state" / "verdicts.json"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert kept() == {}
    given = verdict("C1", True, "b")
    assert kept() == {"C1": given}


def test_claims_that_no_longer_exist_are_left_out(home):
    given = verdict("C1", True, "b")
    file = home / "state" / "verdicts.json"
    records = json.loads(file.read_text())
    records["C0"] = records["C1"]
    file.write_text(json.dumps(records))
    assert kept() == {"C1": given}


def test_a_verdict_as_html_is_escaped(home):
    shown = verdict_view(verdict("C1", True, "<b> & co"))
    assert "&lt;b&gt; &amp; co" in shown and "<b> &" not in shown


def test_verdicts_given_at_once_are_all_kept(home):
    threads = [threading.Thread(target=verdict, args=(claim, True, "b")) for claim in CLAIMS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept().keys() == CLAIMS.keys()


def test_one_variable_moves_everything(home):
    assert (paths.state(), paths.cache()) == (home / "state", home / "cache")
    assert not home.exists()   # asking makes nothing


@pytest.mark.parametrize("variable, ask, default", [
    ("XDG_STATE_HOME", paths.state, ".local/state"), ("XDG_CACHE_HOME", paths.cache, ".cache")])
def test_without_it_the_xdg_folders_are_used(monkeypatch, tmp_path, variable, ask, default):
    monkeypatch.delenv("MULTISTAGE_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "x"))
    assert ask() == tmp_path / "x" / "multistage-course"
    monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert ask() == tmp_path / default / "multistage-course"


def test_a_relative_home_is_made_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MULTISTAGE_HOME", "here")
    assert paths.state() == tmp_path / "here" / "state"


def test_a_failed_write_leaves_the_old_file_and_no_half_one(tmp_path, monkeypatch):
    file = tmp_path / "a" / "file"
    paths.write_whole(file, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError):
        paths.write_whole(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(file.parent.iterdir()) == [file]


def test_two_threads_that_write_one_file_do_not_meet(tmp_path, monkeypatch):
    """The second writes from start to end while the first is about to put its file in place."""
    file, real = tmp_path / "file", os.replace

    def late(half, target):
        monkeypatch.setattr(os, "replace", real)
        other = threading.Thread(target=paths.write_whole, args=(file, b"two"))
        other.start()
        other.join()
        real(half, target)

    monkeypatch.setattr(os, "replace", late)
    paths.write_whole(file, b"one")
    assert file.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [file]


def test_a_lock_is_held_by_one_at_a_time(tmp_path):
    order = []

    def second():
        with paths.locked(tmp_path / "deep" / "lock"):
            order.append("second")

    with paths.locked(tmp_path / "deep" / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
