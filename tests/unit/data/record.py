"""Record what the builders of an engine answer: `python -m tests.unit.data.record [CASE...]`.

Each case is one POST to /build; its answer is kept as it came, line by line, in
BUILDER-CASE.json. Nothing is edited afterwards: an answer that names a folder of
this machine is not kept at all. DOCKER_HOST and `--suffix=-28` record another engine's
answers beside these, as BUILDER-CASE-28.json.
"""

import base64
import io
import json
import re
import sys
import tarfile
from pathlib import Path

from helpers.engine import connect
from helpers.labels import BUILD, marked

HERE = Path(__file__).parent
# BuildKit's own checks name the page of each rule, and its error the context.
PRIVATE = re.compile(r"/root/|/home/|/var/lib/|/tmp/|https?://(?!docs\.docker\.com/go/dockerfile/rule/|build-context-)")
VERSIONS = {"buildkit": "2", "legacy": "1"}

TWO = """\
FROM debian:bookworm-slim AS builder
WORKDIR /app
COPY hello.txt .
RUN echo one && sleep 0.2 && echo two >&2 && cp hello.txt out.txt

FROM scratch
COPY --from=builder /app/out.txt /out.txt
"""
SKIPPED = """\
FROM debian:bookworm-slim AS tools
RUN echo tools > /tools.txt

FROM scratch AS unused
COPY --from=tools /tools.txt /

FROM debian:bookworm-slim
RUN echo last > /last.txt
"""
# Two stages that each take a while: `needs` lets the second wait for the first.
PAIR = """\
FROM debian:bookworm-slim AS greet
RUN echo greet && sleep 0.8 && echo hello > /greet

FROM debian:bookworm-slim AS count
{needs}RUN echo count && sleep 0.5 && echo 1 2 3 > /count

FROM scratch
COPY --from=greet /greet /greet
COPY --from=count /count /count
"""
TRIGGERS = "multistage/recorded-triggers"   # made first, for the case `onbuild`
ON_BUILD = ("FROM debian:bookworm-slim\nWORKDIR /base\nONBUILD ENV a=b\nONBUILD RUN echo one\nONBUILD WORKDIR ..\n"
            "ONBUILD WORKDIR /base\n")
UNUSED = "FROM debian:bookworm-slim AS unused\nRUN echo This cannot work && exit 3\n\n"
CASES = {  # name: (Dockerfile, parameters)
    "cold": (TWO, {"nocache": "1"}),
    "cached": (TWO, {}),
    "target": (TWO, {"target": "builder"}),
    "skipped": (SKIPPED, {"nocache": "1"}),
    "parallel": (PAIR.format(needs=""), {"nocache": "1"}),
    "chained": (PAIR.format(needs="COPY --from=greet /greet /greet\n"), {"nocache": "1"}),
    "unused-fails": (UNUSED + TWO, {"nocache": "1"}),
    "arg": ("ARG BASE=debian:bookworm-slim\nFROM ${BASE}\nARG WHO=you\n# who is it?\n"
            "RUN echo hello ${WHO}\nENV WHO=${WHO}\n", {"nocache": "1"}),
    "run-fails": ("FROM debian:bookworm-slim AS builder\nRUN echo before\n"
                  "RUN echo trying && echo cannot >&2 && exit 7\n\nFROM scratch\n"
                  "COPY --from=builder /etc/hostname /\n", {"nocache": "1"}),
    "not-found": ("FROM debian:bookworm-slim\nRUN nosuchtool --version\n", {"nocache": "1"}),
    "no-source": ("FROM debian:bookworm-slim AS builder\nWORKDIR /app\nCOPY missing.txt .\n",
                  {"nocache": "1"}),
    "many": ("FROM debian:bookworm-slim\n" + "".join(f"WORKDIR /{n}\n" for n in "abcdefghi"), {}),
    "root": ("FROM debian:bookworm-slim\nWORKDIR /\nWORKDIR /a\nWORKDIR /b\n", {}),
    # WORKDIRs that lead to / make no step, as the base's own folder decides.
    "workdir": ("FROM debian:bookworm-slim AS base\nWORKDIR .\nWORKDIR ./\nRUN echo 2\nWORKDIR /app\nWORKDIR ..\n"
                "RUN echo again\nWORKDIR //\nRUN echo again\nENV WHERE=/srv\nWORKDIR $WHERE\nRUN echo 3 && false\n",
                {"nocache": "1"}),
    "onbuild": (f"FROM {TRIGGERS}\nWORKDIR .\nRUN echo one\nWORKDIR ..\nRUN echo two && false\n", {"nocache": "1"}),
    "says-step": ("FROM debian:bookworm-slim\nRUN echo \"Step 3/9 : FROM nothing\"; echo \" ---> Using cache\"; "
                  "echo \" ---> 0123456789ab\"; echo \"Step 3/5 : RUN no step\"\nRUN echo 3 && false\n", {"nocache": "1"}),
    "no-bridge-source": ("FROM debian:bookworm-slim AS builder\nRUN echo nothing\n\nFROM scratch\n"
                         "COPY --from=builder /app/missing /app\n", {"nocache": "1"}),
}


def context(dockerfile: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, text in (("Dockerfile", dockerfile), ("hello.txt", "hello\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def record(api, builder: str, dockerfile: str, parameters: dict[str, str]) -> list[dict]:
    response = api.post(
        f"{api.base_url}/v{api.api_version}/build", data=context(dockerfile), stream=True,
        params={"version": VERSIONS[builder], "rm": "1", "forcerm": "1",
                "labels": json.dumps(marked(BUILD)), **parameters},
        headers={"Content-Type": "application/x-tar"})
    return [json.loads(line) for line in response.iter_lines() if line.strip()]


def text_of(answers: list[dict]) -> str:
    """All that the answers say, the messages in base64 too."""
    traces = [base64.b64decode(each["aux"]) for each in answers if isinstance(each.get("aux"), str)]
    return json.dumps(answers) + b"".join(traces).decode("utf-8", "replace")


def main() -> None:
    api = connect(start=False).client.api
    names = [word for word in sys.argv[1:] if not word.startswith("--")]
    suffix = next((word.removeprefix("--suffix=") for word in sys.argv[1:] if word.startswith("--suffix=")), "")
    for builder in VERSIONS:
        for name in names or CASES:
            if name == "onbuild":
                record(api, builder, ON_BUILD, {"t": TRIGGERS})
            dockerfile, parameters = CASES[name]
            answers = record(api, builder, dockerfile, parameters)
            if private := PRIVATE.search(said := text_of(answers)):
                around = said[max(0, private.start() - 40):private.end() + 40]
                print(f"{builder} {name} names a folder of this machine and is not kept: {around!r}")
                continue
            kept = {"dockerfile": dockerfile, "parameters": parameters, "answers": answers}
            (HERE / f"{builder}-{name}{suffix}.json").write_text(json.dumps(kept, indent=1) + "\n")
            print(builder, name, len(answers))


if __name__ == "__main__":
    main()
