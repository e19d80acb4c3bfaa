"""Findings on what layers hold: caches, hidden files, folders, packages for development."""

import json

import pytest

from helpers.report.context import Project
from helpers.report.files import cache, unused_kind
from tests.unit.cases import SMALL, STATIC, case
from tests.unit.report.projects import APP, EVERYTHING, GOOD, PACKAGE, SINGLE, found, lines, one


@pytest.mark.parametrize("path, whose", [
    ("/var/lib/apt/lists/deb.example_InRelease", "apt's package lists"), ("/var/lib/apt/lists/lock", ""),
    ("/var/lib/apt/lists/partial", ""), ("/var/cache/apt/pkgcache.bin", "apt's archives"),
    ("/var/cache/apk/APKINDEX.tar.gz", "apk's packages"), ("/etc/apk/keys/a.pub", ""), ("/etc/apk/world", ""),
    ("/root/.cache/pip/http/a", "pip's downloads"), ("/home/node/.npm/_cacache/index", "npm's downloads"),
    ("/root/.npm/_logs/1.log", ""), ("/root/.cache/go-build/00/a", "Go's build cache"),
    ("/go/pkg/mod/cache/a.zip", "Go's downloaded modules"), ("/root/.m2/repository/a.jar", "Maven's downloads"),
    ("/usr/local/cargo/registry/a", "Cargo's downloads"), ("/root/.gradle/caches/a", "Gradle's caches"),
    ("/app/main.go", ""), ("/app/cache/pip.txt", ""), ("/usr/local/go/pkg/tool/compile", "")])
def test_what_is_a_cache(path, whose):
    assert cache(path) == whose


def test_a_cache_has_its_line_and_bytes():
    text = GOOD.replace("USER", "RUN apt-get update\nUSER")
    lists = [("var/lib/apt/lists/a", b"x" * 20_000), ("root/.cache/pip/b", b"y" * 5_000)]
    only = one(case(text, own=[APP, ("RUN apt-get update", lists)]), "cache-left")
    assert (only.line, only.saves) == (8, 25_000)
    assert only.what == "Left in this layer: apt's package lists (20.0 kB), pip's downloads (5.00 kB)."
    assert "rm -rf /var/lib/apt/lists" in only.remedy


@pytest.mark.parametrize("path, made, words", [
    ("root/.cache/go-build/a", "RUN go build", "type=cache"), ("root/.cache/pip/a", "COPY /root /root", "Copy only")])
def test_the_remedy_against_a_cache_fits_it(path, made, words):
    text = GOOD.replace("USER", f"{made.replace('COPY', 'COPY --from=builder')}\nUSER")
    assert words in one(case(text, own=[APP, (made, [(path, b"x" * 20_000)])]), "cache-left").remedy


@pytest.mark.parametrize("base, own", [
    ((*SMALL, ("var/lib/apt/lists/a", b"x" * 20_000)), []),              # the base's own
    (SMALL, [("RUN x", [("var/lib/apt/lists/a", b"x" * 500)])]),         # too little to fix
    (SMALL, [("RUN x", [("var/lib/apt/lists/a", b"x" * 20_000)]),        # hidden: another finding
             ("RUN y", [("var/lib/apt/.wh.lists", b"")])]),
])
def test_when_a_cache_is_no_finding(base, own):
    text = GOOD.replace("USER", "".join(f"{made}\n" for made, _ in own) + "USER")
    assert found(case(text, base=base, own=[APP, *own]), "cache-left") == []


@pytest.mark.parametrize("path, kind", [
    ("/src/main.go", "sources"), ("/src/main_test.go", "tests"), ("/src/tests/a.txt", "tests"), ("/src/a.py", ""),
    ("/src/test_a.py", "tests"), ("/app/site.js", ""), ("/app/menu.test.js", "tests"), ("/app/menu.ts", "sources"),
    ("/app/types.d.ts", ""), ("/src/.git/config", "version control"), ("/app/node_modules/a/test/b.js", ""),
    ("/venv/lib/python3/site-packages/a/tests/b.py", ""), ("/app/app", ""), ("/src/Makefile", "sources"),
    ("/src/pom.xml", "sources"), ("/app/attest", "")])
def test_files_that_do_not_run(path, kind):
    assert unused_kind(path) == kind


@pytest.mark.parametrize("files, saved, words", [
    ([("srv/app", STATIC, 0o755), ("srv/main.go", b"x" * 100), ("srv/main_test.go", b"y" * 300)], 400,
     "tests (300 B), sources (100 B)."),
    # What is beside the folder of an installed package belongs to the project.
    ([("srv/main.c", b"x" * 100), ("srv/lib/a.c", b"y"), ("srv/lib/a-1.dist-info/METADATA", b"Name: a\nVersion: 1\n")],
     100, "sources (100 B)."),
    ([("srv/app", STATIC, 0o755), ("srv/.git/config", b"x" * 70)], 70, "version control (70 B).")])
def test_a_copied_folder_with_files_that_do_not_run(files, saved, words):
    only = one(case(EVERYTHING, own=[("COPY /src /srv", files)]), "copied-folder")
    assert (only.line, only.saves, only.what) == (7, saved, f"COPY /src also copied: {words}")


@pytest.mark.parametrize("text, own", [
    (EVERYTHING, ("COPY /src /srv", [("srv/app", STATIC, 0o755), ("srv/index.html", b"x")])),
    (EVERYTHING, ("COPY /src /srv", [("srv/lib/a/tests/b.py", b"x"), ("srv/lib/a/b.c", b"y"),
                                     ("srv/lib/a-1.dist-info/METADATA", b"Name: a\nVersion: 1\n")])),
    (EVERYTHING, ("COPY /src /srv", [("srv/.cache/go-build/testdata/a.go", b"x" * 50_000)])),   # another finding
    (GOOD.replace("/src/app /app", "/src/schema.h /app/"), ("COPY /src/schema.h /app/", [("app/schema.h", b"x")])),
    (GOOD.replace("USER", "RUN generate\nUSER"), ("RUN generate", [("srv/main.go", b"x")])),
])
def test_when_a_copy_has_only_what_was_meant(text, own):
    assert found(case(text, own=[own]), "copied-folder") == []


LOCK = json.dumps({"lockfileVersion": 3, "packages": {
    "": {}, "node_modules/vite": {"dev": True}, "node_modules/react": {},
    "node_modules/react/node_modules/left": {"dev": True}, "node_modules/@types/node": {"dev": True}}})

OLD_LOCK = json.dumps({"dependencies": {"vite": {"dev": True}, "react": {"dependencies": {"left": {"dev": True}}},
                                        "@types/node": {"dev": True}}})

MODULES = [("srv/app", STATIC, 0o755), ("srv/node_modules/vite/index.js", b"x" * 900),
           ("srv/node_modules/react/index.js", b"y" * 50), ("srv/node_modules/@types/node/index.d.ts", b"z" * 70),
           ("srv/node_modules/react/node_modules/left/pad.js", b"w" * 7)]


@pytest.mark.parametrize("manifests, saved", [
    ({"package-lock.json": LOCK, "package.json": PACKAGE}, 977), ({"package-lock.json": OLD_LOCK}, 977),
    ({"web/package-lock.json": LOCK}, 977), ({"package.json": PACKAGE}, 970)])
def test_packages_for_development_only(manifests, saved):
    made = case(EVERYTHING, own=[("COPY /src /srv", MODULES)], project=Project({}, "", manifests))
    only = one(made, "dev-dependencies")
    assert (only.line, only.saves) == (7, saved)
    assert "vite, @types/node" in only.what and "react" not in only.what and "--omit=dev" in only.remedy


@pytest.mark.parametrize("manifests", [
    {}, {"package.json": "{"}, {"package.json": "[]"}, {"package-lock.json": '{"packages": []}'},
    {"package.json": json.dumps({"dependencies": {"vite": "1"}, "devDependencies": {"vite": "1"}})},
    {"package-lock.json": json.dumps({"packages": {"node_modules/vite": {}}})}])
def test_when_no_package_is_for_development_only(manifests):
    made = case(EVERYTHING, own=[("COPY /src /srv", MODULES)], project=Project({}, "", manifests))
    assert found(made, "dev-dependencies") == []


@pytest.mark.parametrize("count, words", [(6, "p5."), (8, "and 2 more.")])
def test_many_packages_are_counted(count, words):
    lock = json.dumps({"packages": {f"node_modules/p{n}": {"dev": True} for n in range(count)}})
    files = [("srv/app", STATIC, 0o755), *((f"srv/node_modules/p{n}/a.js", b"x" * (90 - n)) for n in range(count))]
    made = case(EVERYTHING, own=[("COPY /src /srv", files)], project=Project({}, "", {"package-lock.json": lock}))
    assert one(made, "dev-dependencies").what.endswith(words)


@pytest.mark.parametrize("text, own, reported", [
    (SINGLE, [("COPY . /src", MODULES), ("RUN make", APP[1])], []),      # from the context: a matter of .dockerignore
    (GOOD.replace("USER", "RUN npm ci\nUSER"), [APP, ("RUN npm ci", MODULES)], [8])])
def test_packages_for_development_from_the_context_and_from_a_run(text, own, reported):
    assert lines(case(text, own=own, project=Project({}, "", {"package-lock.json": LOCK})), "dev-dependencies") == reported
