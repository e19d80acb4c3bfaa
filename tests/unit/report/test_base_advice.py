"""Which smaller base a program can start from."""

import pytest

from helpers.image.config import Start
from helpers.inventory import take
from helpers.report.base_advice import Advice, candidates, chosen
from tests.unit.cases import DEBIAN, DYNAMIC, LOADER, SLIM, SMALL, STATIC, case, image, layer, make
from tests.unit.report.projects import GOOD, MUSL, ROOT


def advised(base, program, start=ROOT, base_name="base:1", os=DEBIAN):
    members = [each for each in base if each[0] != "etc/os-release"] + ([os] if os else [])
    made = case(GOOD, base=members, own=[("COPY /src/app /app", [("app", program, 0o755)])], start=start,
                base_name=base_name)
    return [each.ref for each in candidates(made.main, made.inventory.os, made.inventory)]


@pytest.mark.parametrize("program, refs", [
    (STATIC, ["scratch"]),
    (DYNAMIC, ["gcr.io/distroless/base-debian12", "gcr.io/distroless/cc-debian12", "debian:bookworm-slim"]),
    (make(loader=LOADER, needed=("libc.so.6", "libstdc++.so.6")), ["gcr.io/distroless/cc-debian12",
                                                                    "debian:bookworm-slim"]),
    (make(loader=LOADER, needed=("libc.so.6", "libpq.so.5")), ["debian:bookworm-slim"]),
])
def test_the_base_follows_from_what_the_program_wants(program, refs):
    assert advised(SLIM, program) == refs


def test_the_base_is_of_the_distribution_that_built_it():
    ubuntu = ("etc/os-release", b'PRETTY_NAME="Ubuntu 24.04.1 LTS"\n')
    alpine = ("etc/os-release", b'PRETTY_NAME="Alpine Linux v3.19"\n')
    assert advised(SLIM, DYNAMIC, os=ubuntu) == ["ubuntu:24.04"]
    assert advised(SLIM, MUSL, os=alpine) == ["alpine:3.19"]
    assert advised(SLIM, DYNAMIC, os=None) == []


@pytest.mark.parametrize("base_name, refs", [
    ("python:3.12", ["python:3.12-slim"]), ("docker.io/library/python:3.11.4-bookworm", ["python:3.11.4-slim"]),
    ("base:1", ["python:3.11-slim"]), ("", ["python:3.11-slim"])])
def test_an_interpreter_has_a_smaller_image_of_the_same_version(base_name, refs):
    python = make(loader=LOADER, needed=("libc.so.6",), parts=((0x700000, b"\x003.11.2\0"),))
    base = [*SLIM, ("usr/bin/python3.11", python, 0o755)]
    assert advised(base, b"#!/usr/bin/python3.11\n", base_name=base_name) == refs


@pytest.mark.parametrize("tag, refs", [
    ("17-jdk", ["gcr.io/distroless/java17-debian12", "eclipse-temurin:17-jre"]),
    ("21-jre", ["gcr.io/distroless/java21-debian12", "eclipse-temurin:21-jre"]),
    ("11-jre", ["eclipse-temurin:11-jre"]),     # distroless has no image of it
])
def test_java_has_a_runtime_without_a_system(tag, refs):
    base = [*SLIM, ("usr/bin/java", DYNAMIC, 0o755)]
    start = Start(("java", "-jar", "/app"), user="1")
    assert advised(base, b"PK", start=start, base_name=f"eclipse-temurin:{tag}") == refs


def test_of_what_is_here_the_first_that_has_every_library_is_chosen():
    program = case(GOOD, own=[("COPY /src/app /app", [("app", DYNAMIC, 0o755)])]).main
    offered = (Advice("lacks", ""), Advice("has", ""), Advice("absent", ""))
    lacks, has = (take(image([("ADD x /", layer(*members))]), [layer(*members)]) for members in ([DEBIAN], SMALL))
    assert chosen(program, offered, {"lacks": lacks, "has": has}.get).ref == "has"
    assert chosen(program, offered, {"lacks": lacks, "has": has}.get).unpacked == has.image.unpacked
    assert chosen(program, offered, {"lacks": lacks}.get) == Advice("has", "")
    assert chosen(program, offered[:1], {"lacks": lacks}.get) is None
