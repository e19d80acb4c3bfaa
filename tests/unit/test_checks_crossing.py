"""What a RUN of the last stage had from another one, and what it made itself."""

import io
import tarfile
import zipfile
from types import SimpleNamespace

import pytest

from helpers import dockerfile as dockerfiles
from helpers.checks import crossing

TEXT = """FROM python AS builder
COPY . .
RUN pip wheel --wheel-dir /wheels .

FROM slim
RUN --mount=type=bind,from=builder,source=/wheels,target=/w pip install /w/*.whl
"""
READ = dockerfiles.parse(TEXT)
RUN = READ.stages[-1].instructions[-1]


def wheel(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.so", content)
    return file.getvalue()


def packed(**members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"lib/{name}.so")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def proven(monkeypatch, brought, ours=b"tides", read=READ, run=RUN):
    """(the paths that came over, the text that was built for it)."""
    built = []
    images = {"image": {"/site/tides.so": ours, "/site/other": b"x"}, "small": brought}
    monkeypatch.setattr(crossing, "look", lambda id, engine: id)
    monkeypatch.setattr(crossing, "read_files", lambda image, wanted, engine: {
        path: content for path, content in images[image].items() if wanted(path)})
    found = crossing.proven(read, {"/site/tides.so": run}, "image", lambda text: built.append(text) or "small", engine=None)
    return found, built


@pytest.mark.parametrize("brought, came", [
    ({"/0/tides.so": b"tides"}, True),
    ({"/0/deep/in/tides.so": b"tides"}, True),
    ({"/0/tides-1.0.whl": wheel(a=b"x", tides=b"tides")}, True),
    ({"/0/tides-1.0.tar.gz": packed(a=b"x", tides=b"tides")}, True),
    ({"/0/tides.so": b"others"}, False),                            # another build of it
    ({"/0/tides-1.0.whl": wheel(tides=b"others")}, False),
    ({"/0/tides-1.0.whl": b"PK no archive"}, False),
    ({"/0/tides-1.0.whl": wheel(tides=b"tides")[:-30]}, False),     # cut off
    ({}, False),
])
def test_bytes_that_were_mounted_came_from_there(monkeypatch, brought, came):
    found, built = proven(monkeypatch, brought)
    assert found == ({"/site/tides.so"} if came else set())
    assert built == [TEXT.rstrip() + '\n\nFROM scratch\nCOPY --from=builder ["/wheels", "/0/"]\n']


def test_a_run_without_a_mount_made_it_itself(monkeypatch):
    read = dockerfiles.parse(TEXT.replace("--mount=type=bind,from=builder,source=/wheels,target=/w ", ""))
    assert proven(monkeypatch, {"/0/tides.so": b"tides"}, read=read, run=read.stages[-1].instructions[-1]) == (frozenset(), [])


@pytest.mark.parametrize("mount, taken", [
    ("type=bind,from=builder,source=/wheels,target=/w", [("builder", "/wheels")]),
    ("type=bind,from=builder,src=/wheels,target=/w", [("builder", "/wheels")]),
    ("from=builder,target=/w", [("builder", "/")]),
    ("type=bind,from=python,target=/w", []),                        # an image, in which nothing was made
    ("type=cache,target=/w", []), ("type=bind,target=/w", []),
])
def test_what_a_run_mounts(mount, taken):
    read = dockerfiles.parse(TEXT.replace("type=bind,from=builder,source=/wheels,target=/w", mount))
    assert crossing.came(read, read.stages[-1].instructions[-1]) == taken


@pytest.mark.parametrize("copy, taken", [
    ("COPY --from=builder /wheels /wheels", [("builder", "/wheels")]),
    ("COPY --from=Builder /a /b /all/", [("Builder", "/a"), ("Builder", "/b")]),
    ('COPY --from=0 ["/a b", "/all/"]', [("0", "/a b")]),
    ("COPY --from=builder /app/${NAME} /x", []),      # what that is, a build argument says
    ("COPY --from=python /wheels /wheels", []),       # an image
    ("COPY wheels /wheels", []),
])
def test_what_was_copied_before_a_run(copy, taken):
    head, run = TEXT.rsplit("RUN", 1)
    read = dockerfiles.parse(f"{head}{copy}\nRUN pip install /wheels/*\n{copy}2\n")
    assert crossing.came(read, read.stages[-1].instructions[-2]) == taken


def test_wheels_that_were_copied_and_deleted_came_from_there(monkeypatch):
    head, _ = TEXT.rsplit("RUN", 1)
    read = dockerfiles.parse(f"{head}COPY --from=builder /wheels /w\nRUN pip install /w/* && rm -r /w\n")
    found, built = proven(monkeypatch, {"/0/tides-1.0.whl": wheel(tides=b"tides")}, read=read, run=read.stages[-1].instructions[-1])
    assert found == {"/site/tides.so"} and built[0].endswith('COPY --from=builder ["/wheels", "/0/"]\n')


def test_an_archive_that_unpacks_to_too_much_is_left(monkeypatch):
    monkeypatch.setattr("helpers.checks.packed.LARGEST", 1000)
    whole = {"/0/a.whl": wheel(a=bytes(990), tides=b"tides")}
    assert proven(monkeypatch, whole)[0]
    assert not proven(monkeypatch, {"/0/a.whl": wheel(a=bytes(1001), tides=b"tides")})[0]
    assert not proven(monkeypatch, {"/0/a.tgz": packed(a=bytes(1001), tides=b"tides")})[0]
