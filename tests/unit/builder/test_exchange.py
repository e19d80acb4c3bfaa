"""Secrets as Podman's API takes them: a parameter, and files before the context's."""

import io
import json
import tarfile

from helpers.builder.exchange import packed


def test_each_secret_is_a_file_that_a_parameter_names():
    files, parameters = packed({"token": b"a word", "trust": b""})
    told = [dict(word.split("=") for word in each.split(",")) for each in json.loads(parameters["secrets"])]
    with tarfile.open(fileobj=io.BytesIO(files + b"\0" * 1024)) as archive:
        held = {member.name: archive.extractfile(member).read() for member in archive}
        assert all(member.mode == 0o600 for member in archive.getmembers())
    assert [each["id"] for each in told] == ["token", "trust"]
    assert [held.pop(each["src"]) for each in told] == [b"a word", b""] and not held


def test_more_may_follow_in_the_same_archive():
    files, _ = packed({"token": b"x" * 600})
    rest = io.BytesIO()
    with tarfile.open(fileobj=rest, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("Dockerfile"))
    with tarfile.open(fileobj=io.BytesIO(files + rest.getvalue())) as archive:
        assert len(archive.getnames()) == 2 and archive.getnames()[-1] == "Dockerfile"


def test_names_do_not_repeat_and_nothing_is_sent_for_nothing():
    assert packed({"a": b"b"})[1] != packed({"a": b"b"})[1]
    assert packed({}) == (b"", {})
