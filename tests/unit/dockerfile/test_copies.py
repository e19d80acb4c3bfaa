"""What a COPY --from leaves behind, and similar lines that must not be reported."""

import pytest

from helpers.dockerfile import parse, problems, problems_met


def found(text, rule):
    return [each for each in problems(parse(text)) if each.rule == rule]


RUST = """FROM rust AS build
WORKDIR /app
COPY . .
RUN --mount=type=cache,target=/app/target cargo build --release
FROM debian
"""


@pytest.mark.parametrize("text, path, mounted", [
    (RUST + "COPY --from=build /app/target/release/app /app\n", "/app/target/release/app", 4),
    (RUST + "COPY --from=build app/target/release/app app/target/release/lib*.so /\n", "/app/target/release/app", 4),
    (RUST.replace("=/app/target", "=target") + 'COPY --from=0 ["/app/target", "/t"]\n', "/app/target", 4),
    (RUST.replace("target=/app/target", "id=x,dst=./target/") + "COPY --from=build /app/target/ /\n", "/app/target", 4),
    ("FROM node AS deps\nENV APP=/srv/app\nWORKDIR $APP\nCOPY package.json ./\nRUN --mount=type=cache,target=$APP/node_modules "
     "npm ci\nFROM node\nCOPY --from=deps /srv/app/node_modules node_modules\n", "/srv/app/node_modules", 5),
    ("FROM rust AS base\nRUN --mount=type=cache,target=/t CARGO_TARGET_DIR=/t cargo build\nFROM base AS build\nRUN echo done\n"
     "FROM a\nCOPY --from=build /t/app /\n", "/t/app", 2),
    ("FROM gradle AS build\nRUN --mount=type=cache,target=/src/build <<EOF\ngradle jar\nEOF\nFROM a\n"
     "COPY --from=build /src/build/libs/*.jar /\n", "/src/build/libs/*.jar", 2)])
def test_a_path_that_only_a_cache_mount_held(text, path, mounted):
    only = found(text, "cache-mount-copy")[0]
    copy = next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith("COPY --from"))
    assert (only.line, only.refused_by) == (copy, ()) and path in only.what
    assert f"Line {mounted} mounts a cache" in only.why and f"cp -r {path}" in only.remedy


@pytest.mark.parametrize("text", [
    RUST + "COPY --from=build /app/bin /bin\n", RUST + "COPY --from=build /app /app\n", RUST + "COPY /app/target /\n",
    RUST + "COPY --from=build /app/target-x/app /\n", RUST + "COPY --from=other /app/target/app /\n",
    RUST.replace("type=cache", "type=tmpfs") + "COPY --from=build /app/target/app /\n",
    # Another RUN may have written it into the layer.
    RUST.replace("FROM debian", "RUN cargo build\nFROM debian") + "COPY --from=build /app/target/release/app /app\n",
    RUST.replace("COPY . .", "RUN ./make.sh target") + "COPY --from=build /app/target/app /app\n",
    RUST.replace("COPY . .", "COPY out target/release/") + "COPY --from=build /app/target/release/app /app\n",
    RUST.replace("COPY . .", "COPY --from=rust /all /app") + "COPY --from=build /app/target/release/app /app\n",
    RUST.replace("WORKDIR /app\n", "").replace("=/app/target", "=target") + "COPY --from=build /app/target/app /\n",
    RUST.replace("WORKDIR /app\n", "").replace("=/app/target", "=target") + "COPY --from=build /target/app /\n",
    RUST.replace("=/app/target", "=/app${WHERE}/target") + "COPY --from=build /app/target/app /\n",
    RUST.replace("=/app/target", "=$WHERE") + "COPY --from=build /app/target/app /\n",
    # The base has that folder too.
    "FROM a AS b\nRUN --mount=type=cache,target=/var/lib/apt apt-get update\nFROM a\nCOPY --from=b /var/lib/apt/x /\n",
])
def test_a_path_that_is_in_the_stage_or_may_be(text):
    assert found(text, "cache-mount-copy") == []


CAPS = "FROM a AS build\nRUN {}\nFROM b\nCOPY --from=build {} /p\n"


@pytest.mark.parametrize("run, source", [
    ("setcap cap_net_bind_service=+ep /srv/p", "/srv/p"), ("make && setcap -q 'cap_net_raw+ep' /srv/p", "srv/p"),
    ("setcap cap_net_raw+ep /srv/p", "--chown=1:1 /srv"),
    ('/sbin/setcap "cap_net_raw,cap_chown=ep" "/srv/p" && echo ok', "/srv/p")])
def test_file_capabilities_are_lost_by_the_legacy_builder_s_copy_of_a_file(run, source):
    text = CAPS.format(run, source)
    only, = found(text, "lost-capabilities")
    assert (only.line, only.stage, only.only) == (4, "stage-1", ("legacy",)) and "cap_net" in only.why
    assert [only] == [each for each in problems_met(parse(text), "legacy") if each.rule == only.rule]
    assert only not in problems_met(parse(text), "buildkit")


@pytest.mark.parametrize("text", [
    CAPS.format("setcap cap_net_raw+ep /srv/p", "/srv"), CAPS.format("setcap cap_net_raw+ep /srv/p", "/srv/q"),
    CAPS.format("setcap -r /srv/p", "/srv/p"), CAPS.format("getcap /srv/p", "/srv/p"),
    CAPS.format("setcap cap_net_raw+ep /srv/p", "/srv/p") + "RUN setcap cap_net_raw+ep /p\n"])
def test_file_capabilities_that_are_kept_or_given_again(text):
    assert found(text, "lost-capabilities") == []


VENV = "FROM {} AS build\nWORKDIR /app\nRUN {}\nFROM {}\nCOPY --from=build {} {}\n"
SLIM, LESS = "python:3.12-slim", "gcr.io/distroless/python3-debian12"


@pytest.mark.parametrize("base, run, last, path, words", [
    (SLIM, "python -m venv /opt/venv", LESS, "/opt/venv", f"links to /usr/local/bin/python3 of {SLIM}, and {LESS} has its"),
    (SLIM, "python3 -m venv --upgrade-deps .venv && .venv/bin/pip install x", LESS, "/app", "has its Python at /usr/bin"),
    ("python:3.13", "virtualenv /v", "docker.io/library/python:3.12", "/v", "Python 3.13 of python:3.13"),
    ("ghcr.io/astral-sh/uv:python3.13-bookworm-slim", "uv sync --locked", SLIM, "/app/.venv", "looks in lib/python3.12"),
    (SLIM, "uv venv && uv pip install x", "debian:bookworm-slim", "/app/.venv", "has none"),
    ("debian:12", "apt-get update && apt-get install -y python3-venv && python3 -m venv /v", SLIM, "/v", "links to /usr/bin"),
    (SLIM, "python -m venv /v", "gcr.io/distroless/base-debian12", "/v", "has none"),
    ("python:3.12", "mkdir -p /v && python -m venv /v", "alpine\nRUN apk add --no-cache python3", "/v", "alpine has its Python"),
])
def test_a_virtual_environment_is_copied_to_another_interpreter(base, run, last, path, words):
    only, = found(VENV.format(base, run, last, path, path), "venv-python")
    assert words in only.why and f"FROM {base} for" in only.remedy
    assert only.line == 5 + last.count("\n")


def test_a_virtual_environment_s_path_in_a_variable():
    text = "FROM python:3.12 AS b\nENV VIRTUAL_ENV=/opt/venv\nRUN python -m venv $VIRTUAL_ENV\nFROM python:3.11\n" \
           "ENV VIRTUAL_ENV=/opt/venv\nCOPY --from=b ${VIRTUAL_ENV} ${VIRTUAL_ENV}\n"
    assert [each.line for each in found(text, "venv-python")] == [6]
    assert found(text.replace("python:3.11", "python:3.12-slim"), "venv-python") == []


@pytest.mark.parametrize("base, run, last, path", [
    (SLIM, "python -m venv /v", SLIM, "/v"), ("python:3.12", "python -m venv /v", "python:3.12.4-slim-bookworm", "/v"),
    ("python:3", "python -m venv /v", SLIM, "/v"), ("python", "python -m venv /v", "python:latest", "/v"),
    ("ghcr.io/astral-sh/uv:python3.12-bookworm-slim", "uv sync", "python:3.12-slim-bookworm", "/app/.venv"),
    ("debian:12-slim", "apt-get install -y python3-venv && python3 -m venv /v", LESS, "/v"),
    ("debian:bookworm", "apt-get install -y python3 && python3 -m venv /v", "debian:stable\nRUN apt-get install -y python3", "/v"),
    (SLIM, "python -m venv /v", "bitnami/python:3.11", "/v"), ("team/python:3.12", "python -m venv /v", "python:3.11", "/v"),
    (SLIM, "python -m venv /v", LESS, "/v/lib/python3.12/site-packages"),   # the packages alone
    (SLIM, "python -m venv /v", LESS, "/other"), (SLIM, "pip install x", LESS, "/v"),
    (SLIM, "virtualenv -p python3.11 /v", LESS, "/v"), (SLIM, "uv venv --python 3.11 /v", LESS, "/v"),
    (SLIM, "uv python install 3.12 && uv venv /v", "debian:12", "/v"),
    (SLIM, "python -m venv /v", LESS + "\nCOPY --from=build /usr/local /usr/local", "/v"),
    (SLIM, "python -m venv /v", "debian\nRUN ./install.sh", "/v"),
    (SLIM, "python -m venv /v", LESS + "\nENV PYTHONPATH=/v/lib/python3.12/site-packages", "/v"),
    (SLIM, "python -m venv /v", "debian:12\nRUN apt-get install -y supervisor", "/v"),
    (SLIM, "python -m venv /v", LESS, "/"),
])
def test_a_virtual_environment_that_finds_its_interpreter_or_may(base, run, last, path):
    assert found(VENV.format(base, run, last, path, path), "venv-python") == []
