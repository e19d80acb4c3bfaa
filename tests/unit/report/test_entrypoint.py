"""Which program an image starts, and what is missing for certain."""

import pytest

from helpers.image import Start
from tests.unit.cases import DYNAMIC, LOADER, SLIM, SMALL, STATIC, case, make
from tests.unit.report.projects import APP, GOOD, MUSL, ROOT, built, found, one

PYTHON = ("usr/bin/python3.11", DYNAMIC, 0o755)

WITH_PYTHON = (*SLIM, PYTHON, ("usr/bin/python3", ("l", "python3.11")))


def main(base, own=(), start=ROOT):
    return case(GOOD, base=base, own=own, start=start).main


@pytest.mark.parametrize("start, own, kind, path", [
    (Start(("/app",)), [("app", STATIC, 0o755)], "static", "/app"),
    (Start(("./app",), directory="/srv"), [("srv/app", DYNAMIC, 0o755)], "glibc", "/srv/app"),
    (Start(("app",)), [("usr/local/bin/app", DYNAMIC, 0o755)], "glibc", "/usr/local/bin/app"),
    (Start(("app",), {"PATH": "/opt"}), [("opt/app", DYNAMIC, 0o755)], "glibc", "/opt/app"),
    (Start(("/bin/sh", "-c", "cd /x && exec app --now")), [("usr/bin/app", STATIC, 0o755)], "static", "/usr/bin/app"),
    (Start(("/bin/sh", "-c", "A=1 app")), [("usr/bin/app", STATIC, 0o755)], "static", "/usr/bin/app"),
    (Start(("tini", "--", "app")), [("sbin/tini", DYNAMIC, 0o755), ("usr/bin/app", STATIC, 0o755)], "static",
     "/usr/bin/app"),
    (Start(("/entry.sh", "app", "-x")), [("entry.sh", b"#!/bin/sh\n", 0o755), ("usr/bin/app", STATIC, 0o755)],
     "static", "/usr/bin/app"),
    (Start(("/entry.sh", "serve")), [("entry.sh", b"#!/bin/sh\n", 0o755)], "shell", "/entry.sh"),
    (Start(("python3", "-u", "/app.py")), [("app.py", b"x")], "python", "/usr/bin/python3.11"),
    (Start(("/app.py",)), [("app.py", b"#!/usr/bin/env python3\n", 0o755), ("usr/bin/env", DYNAMIC, 0o755)], "python",
     "/app.py"),
    (Start(("/link",)), [("app", STATIC, 0o755), ("link", ("l", "/app"))], "static", "/app"),
    (Start(("/bin/sh",)), [], "shell", "/bin/sh"),
    (Start(("gosu", "nobody", "/app")), [("app", STATIC, 0o755), ("sbin/gosu", STATIC, 0o755)], "static", "/app"),
    (Start(("tini", "-g", "-e", "143", "--", "gosu", "www", "app", "-x")),
     [("sbin/tini", DYNAMIC, 0o755), ("usr/sbin/gosu", STATIC, 0o755), ("usr/bin/app", STATIC, 0o755)], "static",
     "/usr/bin/app"),
    (Start(("bash", "-euo", "pipefail", "-c", "umask 022; exec app")), [("bin/bash", DYNAMIC, 0o755),
     ("usr/bin/app", STATIC, 0o755)], "static", "/usr/bin/app"),
    (Start(("/bin/sh", "-c", "exec $HOME_OF/bin/app"), {"HOME_OF": "/opt"}), [("opt/bin/app", STATIC, 0o755)], "static",
     "/opt/bin/app"),
    (Start(("/bin/sh", "-c", "while true; do app; done")), [("usr/bin/app", STATIC, 0o755)], "shell", "/bin/sh"),
])
def test_which_program_an_image_is_for(start, own, kind, path):
    found = main(WITH_PYTHON, [("COPY /src/app /app", own)], start)
    assert (found.kind, found.path, found.missing) == (kind, path, ())


@pytest.mark.parametrize("loader, needed, kind", [
    ("/lib/ld-musl-x86_64.so.1", ("libc.so",), "musl"), ("/lib/ld-musl-x86_64.so.1", (), "musl"),
    (LOADER, ("libc.musl-x86_64.so.1", "libz.so.1"), "musl"), (LOADER, (), "glibc"), (LOADER, ("libc.so.6",), "glibc")])
def test_which_c_library_a_program_is_linked_with(loader, needed, kind):
    found = main(SLIM, [("COPY /src/app /app", [("app", make(loader=loader, needed=needed), 0o755)])],
                 Start(("/app", "--serve", "all")))
    assert (found.kind, found.name, found.libraries) == (kind, "/app", needed)


def test_the_layer_of_a_script_is_that_of_its_code():
    assert main(WITH_PYTHON, [("COPY /src/app /app", [("app.py", b"x")])], Start(("python3", "/app.py"))).layer == 1


@pytest.mark.parametrize("own, start, path", [([("app", STATIC, 0o755)], Start(), "/app"), ([("a", STATIC, 0o755),
                         ("b", STATIC, 0o755)], Start(), None), ([], Start(), None)])
def test_without_a_command_the_only_program_counts(own, start, path):
    found = main(SLIM, [("COPY /src/app /app", own)], start)
    assert (found and found.path) == path


@pytest.mark.parametrize("base, own, start, missing", [
    (SMALL, [("app", make(loader=LOADER, needed=("libc.so.6", "libpq.so.5")), 0o755)], ROOT, "libpq.so.5"),
    (None, [("app", DYNAMIC, 0o755)], ROOT, LOADER),
    (SMALL, [("app", MUSL, 0o755)], ROOT, "/lib/ld-musl-x86_64.so.1"),
    (SMALL, [("app", b"#!/bin/bash -e\n", 0o755)], ROOT, "needs /bin/bash, which"),
    (SMALL, [("app", b"#!/usr/bin/env python3\n", 0o755), ("usr/bin/env", DYNAMIC, 0o755)], ROOT, "python3"),
    (SMALL, [("app", STATIC, 0o644)], ROOT, "the right to execute /app"),
    (SMALL, [("app", b"text", 0o755)], ROOT, "a program in /app"),
    (WITH_PYTHON, [("app", b"")], Start(("python3", "/gone.py")), "/gone.py"),
])
def test_what_a_program_lacks_has_the_line_that_added_the_program(base, own, start, missing):
    made = case(GOOD, base=base, own=[("COPY /src/app /app", own)], start=start)
    only = one(made, "will-not-start")
    assert missing in only.what and only.severity == "high"
    assert only.line == (6 if start is not ROOT else 7)


NODE, JAVA = ("usr/bin/node", DYNAMIC, 0o755), ("usr/bin/java", DYNAMIC, 0o755)

TOOLS = [(f"usr/sbin/{name}", STATIC, 0o755) for name in (
    "gosu", "su-exec", "tini", "dumb-init", "env", "nice", "setpriv", "catatonit", "s6-setuidgid", "sudo", "timeout",
    "chpst", "runuser", "stdbuf", "app")]

IN_ONE = [*TOOLS, NODE, JAVA, ("bin/bash", DYNAMIC, 0o755), ("srv/app.py", b"x"), ("srv/server.js", b"x"),
          ("srv/lib/index.js", b"x"), ("srv/app.jar", b"x"), ("srv/run.sh", b"#!/bin/sh\n", 0o755),
          ("srv/plain", b"echo hi\n", 0o755), ("usr/bin/serve", b"#!/usr/bin/python3\n", 0o755),
          ("srv/sub/x", b"#!/bin/sh\n", 0o755), ("srv/data", b"#!/bin/sh\n", 0o644)]


def starting(*words, environment=None):
    """What is missing if these words start an image with many programs."""
    return main(WITH_PYTHON, [("COPY /src/app /app", IN_ONE)], Start(words, environment or {}, "/srv")).missing


@pytest.mark.parametrize("line", [
    'if [ "$MODE" = dev ]; then echo dev; else echo prod; fi', "while true; do sleep 9; done",
    "until false; do :; done", 'case "$X" in a) one;; *) two;; esac', "{ app; gone; }", "(cd /x && gone)",
    "for f in *; do gone $f; done", ". /srv/env && app", "source /srv/env; gone", 'eval "$RUN"', "app || exit 1",
    "app || { echo no; exit 1; }", "! gone", "exec $APP", "exec ${APP:-app}", "$(which app) x", "`which app`",
    "python3 $APP_DIR/app-*.py", "python3 /srv/app-*.py", "./node_modules/.bin/*", "exec ~/bin/app", "gone | app",
    "app | gone", "gone & app", "A=1 B=2 app", "PATH=/x:$PATH gone", "export PATH=/x:$PATH; gone",
    "export PATH=/x && exec gone", "cd sub && ./x", "cd $DIR && ./gone", "cd /srv/sub; exec ./x", "make gone && ./gone",
    "npm run build && node dist/gone.js", "chmod +x plain && ./plain", "chmod +x data && ./data", "./plain",
    "set -e; exec app", "exec app > /tmp/log 2>&1", "app >> log", "app < /dev/null", "app <<EOF\nx\nEOF", "wait",
    "exec 3>&1; app", "exec", "command -v gone", "command app", "exec -a name app", "trap 'exit 0' TERM; app",
    "echo it\\'s; app", 'echo "a;b" && app', "app # gone", "# gone\napp", "app \\\n  --x", "sleep() { gone; }; sleep",
    "function f { gone; }; f", "[[ -n $X ]] && gone", "test -f /x && gone || app", "alias x=gone; x", "time app",
    "read X; app", "echo $((1+2)); app", "ulimit -n 9 && app", "python3 -c 'import gone'",
    "sh -c 'exec \"$0\" \"$@\"' app", "java $OPTS -jar gone.jar", "java -jar $JAR", "exec env A=1 app", "app; exit $?",
    "{ gone", "'", "", "true", "app --x='a b' \"$Y\"", "/srv/${NAME}.sh", "node .", "node lib", "node ./server",
    "gone() ( app )\ngone", "LD_LIBRARY_PATH=/x app", "coproc gone", "exec >/dev/null; app", "app&&true", "x=app; $x",
    "exec sudo -u www app", "env -S 'app x'", "hash -r; app", "install && gone"])
def test_a_line_that_may_work_is_not_reported(line):
    assert starting("/bin/sh", "-c", line) == ()


@pytest.mark.parametrize("words", [
    ("gosu", "nobody", "/srv/run.sh"), ("gosu", "nobody:users", "app"), ("su-exec", "1000:1000", "app"),
    ("tini", "app"), ("tini", "-s", "-g", "-vvv", "--", "app"),
    ("tini", "-p", "SIGTERM", "-e", "143", "--", "/srv/run.sh"), ("tini", "app", "--", "gone"),
    ("dumb-init", "--single-child", "--rewrite", "15:3", "--", "app"), ("dumb-init", "-c", "app"),
    ("dumb-init", "-r15:3", "app"), ("env", "A=1", "B=gone", "app"), ("env", "-i", "A=1", "app"),
    ("env", "-u", "X", "app"), ("env", "-uX", "app"), ("env", "--unset=X", "app"), ("env", "PATH=/gone", "other"),
    ("env", "-i", "other"), ("env", "-C", "/srv/sub", "./x"), ("env", "-S", "gone"), ("env",),
    ("nice", "-n", "5", "app"), ("nice", "-5", "app"), ("nice", "--adjustment=5", "app"),
    ("setpriv", "--reuid=1000", "--clear-groups", "--no-new-privs", "app"),
    ("setpriv", "--reuid", "1000", "--regid", "gone", "--init-groups", "app"), ("setpriv", "--unknown", "x", "gone"),
    ("catatonit", "--", "app"), ("catatonit", "-P"), ("s6-setuidgid", "nobody", "app"), ("sudo", "-u", "www", "app"),
    ("sudo", "-EHu", "www", "--", "app"), ("sudo", "--user=www", "A=1", "app"), ("sudo", "-i", "gone"),
    ("sudo", "gone"), ("timeout", "-k", "5", "60", "app"), ("chpst", "-u", "www", "app"),
    ("runuser", "-u", "www", "--", "app"), ("runuser", "www", "-c", "gone"), ("stdbuf", "-oL", "app"),
    ("stdbuf", "-o", "0", "-e", "0", "app"), ("tini", "--", "gosu", "www", "env", "A=1", "nice", "-n", "1", "app"),
    ("tini", "--", "/bin/sh", "-c", "exec $APP"), ("serve", "--config=gunicorn.conf.py"),
    ("serve", "gone.py", "-c", "gone.js"), ("python3", "-m", "gone", "gone.py"),
    ("python3", "-c", "import x", "gone.py"), ("python3", "-uB", "-W", "ignore", "app.py"),
    ("python3", "-X", "dev", "/srv/app.py", "gone.py"), ("python3", "-Wignore", "app.py", "gone.jar"),
    ("python3", "/srv/lib"), ("python3", "-"), ("python3", "--unknown", "gone.py"),
    ("node", "-r", "dotenv/config.js", "server.js"), ("node", "--require", "gone.js", "server"),
    ("node", "--import=gone.mjs", "server.js"), ("node", "--max-old-space-size=512", "server.js", "gone.js"),
    ("node", "-e", "gone.js"), ("node", "."), ("node", "lib"), ("node", "--unknown", "gone.js"),
    ("node", "inspect", "gone.js"), ("node",), ("node", "--inspect=0.0.0.0:1", "--enable-source-maps", "server.js"),
    ("java", "-Dx=/y.jar", "-jar", "app.jar"), ("java", "-cp", "/gone.jar:/x/*", "Entrypoint"),
    ("java", "-jar", "-Xmx1g", "/srv/app.jar", "gone.jar"),
    ("java", "-javaagent:/gone.jar", "-cp", "app.jar", "org.Entrypoint", "gone.jar"), ("java", "@args", "gone.jar"),
    ("java", "Gone"), ("java", "--add-opens", "java.base/java.lang=ALL-UNNAMED", "-jar", "app.jar"),
    ("java", "-m", "a/b.Gone"), ("/bin/sh", "/srv/run.sh", "gone.sh"), ("/bin/sh", "run.sh"),
    ("bash", "-e", "-o", "pipefail", "run.sh"), ("bash", "-lc", "gone.py"), ("bash", "--norc", "run.sh"),
    ("/bin/sh", "-c", "exec \"$@\"", "--", "gone"), ("/bin/sh", "-s", "gone"), ("bash", "-l"), ("/srv/run.sh", "gone"),
    ("/srv/run.sh", "--", "app"), ("/run/app",), ("/tmp/app",), ("python3", "/dev/stdin")])
def test_options_and_their_values_are_not_taken_for_programs(words):
    assert starting(*words) == ()


@pytest.mark.parametrize("words, missing", [
    (("gone",), "gone"), (("/gone", "x"), "/gone"), (("./gone",), "./gone"), (("$APP",), "$APP"),
    (("cd", "/srv"), "cd"), (("exec", "app"), "exec"), (("tini", "--", "/gone"), "/gone"),
    (("tini", "-p", "SIGTERM", "gone"), "gone"), (("gosu", "www", "gone"), "gone"), (("env", "A=1", "gone"), "gone"),
    (("sudo", "-u", "www", "/gone"), "/gone"), (("setpriv", "--reuid", "1", "gone"), "gone"),
    (("nice", "-n", "5", "gone"), "gone"), (("s6-setuidgid", "www", "gone"), "gone"),
    (("/bin/sh", "-c", "gone --x"), "gone"), (("/bin/sh", "-c", "cd /srv && exec ./gone"), "./gone"),
    (("/bin/sh", "-c", "A=1 gone"), "gone"), (("/bin/sh", "-c", "set -e; exec gone > log"), "gone"),
    (("/bin/sh", "-c", "gone || exit 1"), "gone"), (("/bin/sh", "-c", "exec tini -- gone"), "gone"),
    (("/bin/sh", "-c", "'/gone'"), "/gone"), (("bash", "-ec", "gone"), "gone"), (("python3", "gone.py"), "gone.py"),
    (("python3", "-u", "/srv/gone"), "/srv/gone"), (("node", "gone"), "gone"),
    (("node", "-r", "x", "gone.js"), "gone.js"), (("java", "-Xmx1g", "-jar", "gone.jar"), "gone.jar"),
    (("/bin/sh", "/gone.sh"), "/gone.sh"), (("/bin/sh", "-c", "exec python3 gone.py"), "gone.py"),
    (("/srv/plain",), "a program in /srv/plain"), (("/bin/sh", "-c", "exec ./data"), "the right to execute /srv/data"),
    (("tini", "--", "/srv/data"), "the right to execute /srv/data")])
def test_what_certainly_does_not_start_is_reported(words, missing):
    assert starting(*words) == (missing,)


@pytest.mark.parametrize("line, said",
                         [("VOLUME /data", False), ('VOLUME ["/x", "/data/"]', False), ("VOLUME /dat /x", True)])
def test_the_content_of_a_volume_is_unknown(line, said):
    text = GOOD.replace("USER", f"{line}\nUSER")
    assert bool(found(built(text, start=Start(("/data/app",), user="1")), "will-not-start")) == said


def test_a_library_in_a_folder_that_the_environment_names_is_found():
    files = [("app", make(loader=LOADER, needed=("libx.so.1",)), 0o755),
             ("opt/x/libx.so.1", make(needed=(), soname="libx.so.1"))]
    own = [("COPY /src/app /app", files)]
    assert main(SMALL, own, Start(("/app",))).missing == ("libx.so.1",)
    assert main(SMALL, own, Start(("/app",), {"LD_LIBRARY_PATH": "/usr/x:/opt/x"})).missing == ()
    own[0][1].append(("bin/env", STATIC, 0o755))
    assert main(SMALL, own, Start(("env", "LD_LIBRARY_PATH=/opt/x", "/app"))).missing == ()
    assert main(SMALL, own, Start(("env", "A=/opt/x", "/app"))).missing == ("libx.so.1",)


@pytest.mark.parametrize("start, words", [(Start(("/gone",)), "/gone"), (Start(("/bin/sh", "-c", "/app")), "/bin/sh")])
def test_a_missing_program_has_the_line_of_the_command(start, words):
    text = GOOD.replace("USER", 'ENTRYPOINT ["/first"]\nUSER')     # the last word counts
    only = one(built(text, start=start), "will-not-start")
    assert (only.line, only.severity) == (10, "high") and words in only.what
    assert ("as one line" in only.remedy) == ("sh" in words)


@pytest.mark.parametrize("start", [ROOT, Start(), Start(("python3", "/app")), Start(("sh", "-c", "app"))])
def test_what_can_start_has_no_finding(start):
    assert found(case(GOOD, base=WITH_PYTHON, own=[APP, ("RUN x", [("bin/app", STATIC, 0o755)])], start=start),
                 "will-not-start") == []
