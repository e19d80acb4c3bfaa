"""The changes that --fix tries: what they make of a Dockerfile's text."""

import pytest

from helpers.image import Start
from helpers.inventory import take
from helpers.report import rewrites
from helpers.report.smaller_base import smaller_base, two_stages
from tests.unit.cases import DYNAMIC, FAT, SLIM, SMALL, STATIC, case, image, layer, project
from tests.unit.report.projects import GOOD, ROOT, built
from tests.unit.report.test_contents import BIG


def changed(rewriter, made):
    """The text after the first change of that kind, its reasons left out; the same text where there is none."""
    text = made.dockerfile.text
    rewrite = next(rewriter(made), None)
    done = rewrite.text(text) if rewrite else text
    return "".join(line for line in done.splitlines(keepends=True) if not line.startswith("# "))


def test_the_reason_is_above_the_line_that_changes():
    made = built(GOOD.replace("--from=builder", "--from=0"))
    rewrite, = rewrites.stage_names(made)
    text = rewrite.text(made.dockerfile.text)
    assert f"# {rewrite.reason}\nCOPY --from=builder /src/app /app\n" in text
    assert text.replace(f"# {rewrite.reason}\n", "") == GOOD


APT_FILE, PIP_FILE = ("var/lib/apt/lists/a", b"x" * 20_000), ("root/.cache/pip/a", b"x" * 20_000)
GO_FILE = ("root/.cache/go-build/a", b"x" * 20_000)


@pytest.mark.parametrize("run, file, builder, after", [
    ("RUN apt-get update && apt-get install -y a", APT_FILE, "buildkit",
     "RUN apt-get update && apt-get install -y a && rm -rf /var/lib/apt/lists/*"),
    ("RUN apt-get update \\\n && apt-get install -y a", APT_FILE, "legacy",
     "RUN apt-get update \\\n && apt-get install -y a && rm -rf /var/lib/apt/lists/*"),
    ("RUN apt-get update &", APT_FILE, "buildkit", "RUN apt-get update &"),
    ('RUN ["apt-get", "update"]', APT_FILE, "buildkit", 'RUN ["apt-get", "update"]'),
    ("RUN pip install a", PIP_FILE, "buildkit", "RUN pip install --no-cache-dir a"),
    ("RUN go build", GO_FILE, "buildkit", "RUN --mount=type=cache,target=/root/.cache/go-build go build"),
    ("RUN go build", GO_FILE, "legacy", "RUN go build"),    # it knows no mounts
])
def test_caches_are_kept_out_of_layers(run, file, builder, after):
    made = case(f"FROM base:1\n{run}\n", own=[(run, [file])], builder=builder)
    assert changed(rewrites.without_caches, made) == f"FROM base:1\n{after}\n"


NODE = project({"package.json": 1, "package-lock.json": 1, "a.js": 1})
GO = project({"go.mod": 1, "go.sum": 1}, go__mod="module a\nrequire example.org/b v1.0.0\n")
PIP = project({"a.txt": 1})


@pytest.mark.parametrize("rewriter, files, before, after", [
    (rewrites.stage_names, None, "FROM b\nCOPY --from=0 /x /x\n", "AS builder\nFROM b\nCOPY --from=builder /x /x\n"),
    (rewrites.stage_names, None, "AS builder\nFROM b\nFROM c\nCOPY --from=1 /x /y\nCOPY --from=0 /x /x\n",
     "AS builder\nFROM b AS builder-0\nFROM c\nCOPY --from=builder-0 /x /y\nCOPY --from=builder /x /x\n"),
    (rewrites.stage_names, None, "FROM b\nCOPY \\\n  --from=0 /x /x\n", "AS builder\nFROM b\nCOPY \\\n  --from=builder /x /x\n"),
    (rewrites.stage_names, None, "AS b\nFROM b\nCOPY --from=b /0 /x\n", None),
    (rewrites.copy_order, NODE, "COPY . /app\nRUN npm ci\n", "COPY package.json package-lock.json /app/\nRUN npm ci\nCOPY . /app\n"),
    (rewrites.copy_order, NODE, "COPY . .\nRUN npm ci && \\\n    npm run build\nCMD a\n",
     "COPY package.json package-lock.json ./\nRUN npm ci && \\\n    npm run build\nCOPY . .\nCMD a\n"),
    (rewrites.copy_order, NODE, "COPY . .\nRUN apt-get install -y a", "RUN apt-get install -y a\nCOPY . .\n"),
    (rewrites.copy_order, PIP, "COPY . .\nRUN pip install -r a.txt\n", "COPY a.txt ./\nRUN pip install -r a.txt\nCOPY . .\n"),
    (rewrites.copy_order, GO, "COPY . .\nRUN go build\n", "COPY go.mod go.sum ./\nRUN go mod download\nCOPY . .\nRUN go build\n"),
    (rewrites.copy_order, PIP, "COPY . .\nRUN pip install -r b.txt\n", None),       # no such file
    (rewrites.copy_order, PIP, "COPY . .\nRUN pip install .\n", None),              # it reads the whole context
    (rewrites.copy_order, NODE, "COPY . .\nENV A=1\nRUN npm ci\n", None),          # the line between may matter
    (rewrites.copy_order, NODE, "COPY --chown=1 . .\nRUN npm ci\n", None),
    (rewrites.npm_ci, NODE, "RUN npm install && npm run x\n", "RUN npm ci && npm run x\n"),
    (rewrites.npm_ci, NODE, "RUN npm i --omit=dev\n", "RUN npm ci --omit=dev\n"),
    (rewrites.npm_ci, NODE, "RUN npm install express\n", None), (rewrites.npm_ci, NODE, "RUN npm ci\n", None),
    (rewrites.npm_ci, NODE, "RUN echo\n", None), (rewrites.npm_ci, None, "RUN npm install\n", None),   # no lock file
    (rewrites.numeric_user, None, 'RUN a\nCMD ["/app"]\n', 'RUN a\nUSER 65532\nCMD ["/app"]\n'),
    (rewrites.numeric_user, None, 'USER root\nCMD ["/app"]\n', 'USER 65532\nCMD ["/app"]\n'),
    (rewrites.numeric_user, None, 'CMD ["/app"]\nRUN a\n', None), (rewrites.numeric_user, None, "RUN a\n", None)])
def test_what_a_rewrite_makes_of_a_text(rewriter, files, before, after):
    begin, now = ("FROM base:1 " if each.startswith("AS ") else "FROM base:1\n" for each in (before, after or before))
    made = built(f"{begin}{before}", start=ROOT, **({"project": files} if files else {}))
    assert changed(rewriter, made) == f"{now}{after or before}"


SMALL_BASE = {"gcr.io/distroless/base-debian12": take(image([("ADD x /", layer(*SMALL))]), [layer(*SMALL)])}


@pytest.mark.parametrize("program, before, after", [
    (STATIC, GOOD, GOOD.replace("FROM base:1", "FROM scratch")),
    (DYNAMIC, GOOD, GOOD.replace("FROM base:1", "FROM gcr.io/distroless/base-debian12")),
    (STATIC, GOOD.replace('CMD ["/app"]', "CMD exec /app --port 80"),
     GOOD.replace("FROM base:1", "FROM scratch").replace('CMD ["/app"]', 'CMD ["/app", "--port", "80"]')),
    (STATIC, GOOD.replace('CMD ["/app"]', "CMD /app --port $PORT"), None),
    (STATIC, GOOD.replace('CMD ["/app"]', "CMD /app > /log"), None),
])
def test_the_last_stage_gets_a_smaller_base(program, before, after):
    words = before.rpartition("CMD ")[2].strip()
    start = ROOT if words.startswith("[") else Start(("/bin/sh", "-c", words), user="1")
    own = [("COPY /src/app /app", [("app", program, 0o755)])]
    made = case(before, base=BIG, own=own, start=start, here=SMALL_BASE)
    assert changed(smaller_base, made) == (after or before)


SINGLE = """FROM base:1
ENV MODE=live
WORKDIR /srv
COPY . .
RUN make
EXPOSE 80
CMD ["/srv/app"]
"""
FILES = [("srv/main.c", b"c"), ("srv/page.html", b"h"), ("srv/README.md", b"r")]
OWN = [("WORKDIR /srv", []), ("COPY . .", FILES), ("RUN make", [("srv/app", STATIC, 0o755), ("opt/model", b"m")])]
RUNS = Start(("/srv/app",), directory="/srv")


def single(text=SINGLE, own=OWN, start=RUNS, **words):
    return case(text, base=FAT, own=own, start=start, **words)


def test_one_stage_becomes_two_with_what_the_program_needs():
    assert changed(two_stages, single()) == """FROM base:1 AS builder
ENV MODE=live
WORKDIR /srv
COPY . .
RUN make

FROM scratch
ENV MODE=live
WORKDIR /srv
COPY --from=builder /opt/model /opt/model
COPY --from=builder /srv/app /srv/app
COPY --from=builder /srv/page.html /srv/page.html
EXPOSE 80
CMD ["/srv/app"]
"""


@pytest.mark.parametrize("text", [
    SINGLE.replace("COPY . .", "COPY . /"),                                   # everything may be the project's
    SINGLE.replace("EXPOSE 80", "EXPOSE $PORT"), SINGLE.replace("EXPOSE 80", "ONBUILD RUN a"),
    SINGLE.replace("RUN make", "RUN apt-get install -y make ca-certificates && make"),
    SINGLE.replace('CMD ["/srv/app"]', "CMD /srv/app | tee /log")])
def test_one_stage_stays_one_if_the_program_may_need_more(text):
    own = [("WORKDIR /srv", []), ("COPY . /", FILES), *OWN[2:]] if "COPY . /" in text else OWN
    start = RUNS if '["/srv/app"]' in text else Start(("/bin/sh", "-c", "/srv/app | tee /log"), directory="/srv")
    assert changed(two_stages, single(text, own, start)) == text


def test_copied_files_keep_their_owner():
    made = single()
    node = made.inventory.tree["/srv/page.html"]
    node.entries.uids[node.row], node.entries.gids[node.row] = 7, 8
    text = changed(two_stages, made)
    assert "COPY --from=builder --chown=7:8 /srv/page.html /srv/page.html\n" in text
    assert "COPY --from=builder /srv/app /srv/app\n" in text


def test_an_image_with_certificates_gets_a_base_with_certificates():
    certificates = ("etc/ssl/certs/ca-certificates.crt", b"c")
    made = case(SINGLE, base=(*FAT, certificates), own=OWN, start=RUNS)
    assert "FROM gcr.io/distroless/static-debian12\n" in changed(two_stages, made)
    last = built(GOOD, base=(*BIG, certificates))
    assert changed(smaller_base, last) == GOOD.replace("base:1", "gcr.io/distroless/static-debian12")


@pytest.mark.parametrize("check, stays", [("CMD curl localhost", True), ('CMD ["/srv/app", "--well"]', False)])
def test_a_health_check_by_another_program_keeps_its_base(check, stays):
    text = SINGLE.replace("EXPOSE 80", f"HEALTHCHECK {check}")
    assert (changed(two_stages, single(text)) == text) == stays


def test_installed_build_tools_are_no_reason_to_stay_in_one_stage():
    text = SINGLE.replace("RUN make", "RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev "
                                      "&& make")
    assert "FROM scratch" in changed(two_stages, single(text))


def test_a_small_image_is_left_alone():
    made = case(SINGLE, base=SLIM, own=OWN, start=RUNS)
    assert changed(two_stages, made) == changed(smaller_base, made) == SINGLE
