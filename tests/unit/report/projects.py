"""Dockerfiles and programs that several tests of the report share."""

import json

from helpers.image import Start
from helpers.report import findings_of
from tests.unit.cases import STATIC, case, make

GOOD = """\
FROM golang:1.22 AS builder
WORKDIR /src
COPY . .
RUN go build -o app

FROM base:1
COPY --from=builder /src/app /app
USER 65532
CMD ["/app"]
"""

PINNED = GOOD.replace("golang:1.22", f"golang:1.22@sha256:{'0' * 64}").replace("base:1", f"base:1@sha256:{'1' * 64}")

APP = ("COPY /src/app /app", [("app", STATIC, 0o755)])

ROOT = Start(("/app",))


def built(text, **other):
    """The project of that Dockerfile, whose last stage has only a static program."""
    return case(text, **{"own": [APP], **other})


def found(made, rule):
    """The findings of one rule."""
    return [each for each in findings_of(made) if each.rule == rule]


def lines(made, rule):
    return [each.line for each in found(made, rule)]


def one(made, rule):
    only, = found(made, rule)
    return only


SINGLE = 'FROM base:1\nCOPY . /src\nRUN make\nUSER 65532\nCMD ["/app"]\n'

EVERYTHING = GOOD.replace("COPY --from=builder /src/app /app", "COPY --from=builder /src /srv")

PACKAGE = json.dumps({"dependencies": {"react": "1"}, "devDependencies": {"vite": "1", "@types/node": "1"}})

REQUIRES = "module a\n\nrequire (\n\texample.org/b v1.0.0 // indirect\n)\n"

MUSL = make(loader="/lib/ld-musl-x86_64.so.1", needed=("libc.musl-x86_64.so.1",))
