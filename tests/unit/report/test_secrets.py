"""What looks like a secret, by its name or its value."""

import pytest

from tests.unit.report.projects import GOOD, built, found, one


@pytest.mark.parametrize("where, line, severity, reported", [
    ("shipped", "ENV API_TOKEN=abc", "high", 8), ("shipped", "ENV GREETING=hi DB_PASSWORD=abc", "high", 8),
    ("shipped", "ENV SECRET the value", "high", 8), ("shipped", "ARG NPM_TOKEN", "medium", 8),
    ("shipped", "ARG NPM_TOKEN\nRUN install", "high", 8), ("shipped", "ENV X=AKIAABCDEFGHIJKLMNOP", "high", 8),
    ("builder", "ARG GITHUB_TOKEN", "medium", 3), ("builder", "ENV SIGNING_KEY=x", "medium", 3),
    ("shipped", 'ENV "A"="b" PASSWORD="x y"', "high", 8), ("builder", "ARG A PASSWD=1x", "medium", 3),
    ("shipped", "ENV PGPASSWORD=x", "high", 8), ("shipped", "ENV SECRET_KEY_BASE=x", "high", 8),
    ("builder", "ARG ACCESSTOKEN", "medium", 3), ("builder", "ARG accessToken", "medium", 3),
    ("builder", "ARG clientSecret", "medium", 3), ("builder", "ARG DBPASS", "medium", 3),
    ("builder", "ARG MYSQL_PWD", "medium", 3), ("builder", "ARG APIKEY_2", "medium", 3),
    ("shipped", "ENV DB_PASSWORD_PROD=x", "high", 8), ("builder", "ARG AWS_SECRET_ACCESS_KEY", "medium", 3),
    ("builder", "ARG GHTOKEN", "medium", 3), ("builder", "ARG RAILS_MASTER_KEY", "medium", 3),
    ("shipped", "ENV APP_KEY=base64:x", "high", 8), ("builder", "ARG NPM_CONFIG__AUTH", "medium", 3),
    ("shipped", "ENV DATABASE_URL=postgres://app:hunter2@db/app", "high", 8),
    ("builder", "ARG INDEX=https://u:p4ss@pypi.example.org/", "medium", 3),
    ("shipped", "ENV  DB_PASSWORD\tabc def", "high", 8), ("shipped", "ENV TOKEN=$NPM_TOKEN", "high", 8),
    ("builder", "ARG GITHUB_PAT", "medium", 3), ("builder", "ARG ROOT_PW", "medium", 3),
    ("shipped", "ENV X=hf_" + "a" * 34, "high", 8), ("shipped", "ENV X=eyJhbGciOiJI.eyJzdWIiOiIx.abc", "high", 8)])
def test_what_looks_like_a_secret(where, line, severity, reported):
    mark = "WORKDIR /src\n" if where == "builder" else "COPY --from=builder /src/app /app\n"
    only = one(built(GOOD.replace(mark, f"{mark}{line}\n")), "secret")
    assert (only.line, only.severity) == (reported, severity)
    assert "abc" not in only.what and "AKIA" not in str(only.facts())   # the report shows it to nobody


@pytest.mark.parametrize("line", [
    "ENV PASSWORD_FILE=/run/secrets/p", "ENV TOKEN=", "ENV TOKEN_PATH=/x", "ENV PASSWORD=/run/secrets/p",
    "ENV USE_PASSWORD=false", "ENV TOKENIZERS=1", "ENV PATH=/a:/b", "ENV COMPASS=north", "ARG VERSION=1",
    "ENV CACHE_KEY=v1", "LABEL token=abc", "ENV PUBLIC_KEY=ssh-rsa", "ENV TOKENIZERS_PARALLELISM=false",
    "ARG PUBLIC_SSH_KEY", "ENV SECRET_KEY_BASE_DUMMY=1", "ENV MYSQL_ALLOW_EMPTY_PASSWORD=yes",
    "ARG ALLOW_EMPTY_PASSWORD", "ENV PWD=x", "ARG BYPASS", "ARG OLDPWD", "ENV GPG_KEY=0D96DF4D", "ARG MAX_TOKENS=5",
    "ENV EOS_TOKEN=</s>", "ENV TOKEN_URL=https://example.org", "ENV AUTH_TOKEN=https://example.org/token",
    "ENV SECRETS_DIR=x", "ARG PASSWORD_MIN_LENGTH=8", "ENV DATABASE_URL=postgres://db/app",
    "ENV DATABASE_URL=postgres://app:$PASS@db/app", "ENV SSH_KEY_PATH=x", "ENV TOKEN_TTL=60", "ARG JWT_ALGORITHM",
    "ENV KEYBOARD=us", "ARG SORT_KEY", "ENV PASSWORD=''", 'ENV TOKEN=""', "ENV SECRET_NAME=x",
    "ENV REPO=git@example.org:x/y.git", "ARG COMPASS", "ENV SECRETARY=ann", "ENV X_TOKEN=none", "ENV PATTERN=x",
    "ARG PAT", "ENV POWER=1"])
def test_what_does_not(line):
    assert found(built(GOOD.replace("USER", f"{line}\nUSER")), "secret") == []


def test_a_secret_of_a_stage_that_is_not_built_is_no_finding():
    text = GOOD.replace("\nFROM base:1", "\nFROM a AS docs\nARG TOKEN\n\nFROM base:1")
    assert found(built(text), "secret") == []
