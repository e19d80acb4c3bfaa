"""Reading a Dockerfile: any bytes, and what is no Dockerfile."""

import codecs
import os
from pathlib import Path

import pytest

from helpers import cli
from helpers.checks import submission
from helpers.dockerfile import read_file
from helpers.errors import DockerfileError, ExerciseError

TEXT = "FROM debian AS größe\nRUN echo 1\n"


def kept(folder, data: bytes):
    path = folder / "Dockerfile"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("data", [b"", b"FROM a\n", TEXT.encode(), b"\xef\xbb\xbfFROM a\n", b"RUN echo d\xe9j\xe0\n", b"RUN printf 'a\0b'\n", bytes(range(256))])
def test_every_byte_is_kept(tmp_path, data):
    assert read_file(kept(tmp_path, data)).encode("utf-8", "surrogateescape") == data


def test_a_long_text_is_cut(tmp_path):
    assert read_file(kept(tmp_path, b"FROM a\n" * 1000), 10) == "FROM a\nFRO"


@pytest.mark.parametrize("encoding, mark, name", [
    ("utf-16-le", codecs.BOM_UTF16_LE, "UTF-16"), ("utf-16-be", codecs.BOM_UTF16_BE, "UTF-16"),
    ("utf-16-le", b"", "UTF-16"), ("utf-16-be", b"", "UTF-16"),
    ("utf-32-le", codecs.BOM_UTF32_LE, "UTF-32"), ("utf-32-be", codecs.BOM_UTF32_BE, "UTF-32")])
def test_utf_16_and_utf_32_are_refused(tmp_path, encoding, mark, name):
    with pytest.raises(DockerfileError) as caught:
        read_file(kept(tmp_path, mark + TEXT.encode(encoding)))
    assert caught.value.what == f"{tmp_path / 'Dockerfile'} is {name}, not UTF-8."
    assert "Save it as UTF-8" in caught.value.remedy and f"iconv -f {name}" in caught.value.remedy


MAKE = {"a FIFO": os.mkfifo, "a folder": Path.mkdir, "a device": lambda path: path.symlink_to("/dev/tty"),
        "nothing": lambda path: None}


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_what_is_no_file_is_an_error_without_waiting(tmp_path, make):
    make(tmp_path / "Dockerfile")
    with pytest.raises(DockerfileError):
        read_file(tmp_path / "Dockerfile")
    assert cli.main(["graph", str(tmp_path)]) == 1
    with pytest.raises(ExerciseError):
        submission.text(tmp_path / "Dockerfile")


@pytest.mark.parametrize("words, code", [(["graph", "DIR"], 1), (["check", "01", "--dockerfile", "DIR/Dockerfile"], 2)])
def test_every_command_reports_what_is_no_file(tmp_path, capsys, words, code):
    os.mkfifo(tmp_path / "Dockerfile")
    assert cli.main([word.replace("DIR", str(tmp_path)) for word in words]) == code
    assert f"{tmp_path / 'Dockerfile'} is not a file.\nWhy: A Dockerfile is a plain text file." in capsys.readouterr().err
