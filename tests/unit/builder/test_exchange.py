"""Secrets as Podman's API takes them: a parameter, and files before the context's."""

import io
import json
import tarfile

from helpers.builder.exchange import packed


def test_each_secret_is_a_file_that_a_parameter_names():
    files, parameters = packed({"token": b"a word" * 100, "trust": b""})
    more = io.BytesIO()
    with tarfile.open(fileobj=more, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("Dockerfile"))
    told = [dict(word.split("=") for word in each.split(",")) for each in json.loads(parameters["secrets"])]
    with tarfile.open(fileobj=io.BytesIO(files + more.getvalue())) as archive:
        held = {member.name: archive.extractfile(member).read() for member in archive}
        assert all(member.mode == 0o600 for member in archive.getmembers()[:-1])
    assert [each["id"] for each in told] == ["token", "trust"] and held.pop("Dockerfile") == b""
    assert [held.pop(each["src"]) for each in told] == [b"a word" * 100, b""] and not held


def test_names_do_not_repeat_and_nothing_is_sent_for_nothing():
    assert packed({"a": b"b"})[1] != packed({"a": b"b"})[1]
    assert packed({}) == (b"", {})
