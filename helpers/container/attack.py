"""What an intruder in a container can do there, tried for real.

Five attacks, each with the programs that an intruder would look for, in the running container
and with its rights: open a shell, download a file, compile and run a program, install a
package, be root. Nothing leaves the container: the download comes from the server in it.
"""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import CourseError
from . import Ran, ServedContainer, users

AS_ROOT = "be root"
_ANSWER = "compiled in the container"
# No command has a single quote in it: in a terminal each stands between two.
_C = f'int puts(const char *); int main(void) {{ puts(\\"{_ANSWER}\\"); return 0; }}'
_GO = f'package main; func main() {{ println(\\"{_ANSWER}\\") }}'
_DEB = ("d=$(mktemp -d) && mkdir -p $d/DEBIAN $d/usr/local/bin && "
        'printf "Package: guest\\nVersion: 1\\nArchitecture: all\\nMaintainer: nobody\\nDescription: none\\n" '
        '> $d/DEBIAN/control && printf "#!/bin/sh\\necho installed\\n" > $d/usr/local/bin/guest && '
        "chmod 755 $d/usr/local/bin/guest && dpkg-deb --build $d /tmp/guest.deb >/dev/null && "
        "dpkg --install /tmp/guest.deb >/dev/null && guest")
_APK = 'echo "#!/bin/sh" > /tmp/guest && apk add --no-network --virtual guest >/dev/null && echo installed'


@dataclass(frozen=True)
class AttackResult:
    """One attack."""

    what: str     # in words: 'open a shell'
    worked: bool  # whether any command achieved it
    words: tuple[str, ...]    # of the command that worked, else of one that was tried; empty if none is run for it
    said: str     # what it printed; where none could be started, why
    started: bool = True    # whether the container has the program

    @property
    def command(self) -> str:
        """The command as a shell takes it; '' for one that the container does not have."""
        return shlex.join(self.words) if self.started else ""

    def __str__(self) -> str:
        return f"{self.what}: {'works' if self.worked else 'fails'}\n    {self.command or self.said}"


def run_attacks(server: ServedContainer, port: int) -> tuple[AttackResult, ...]:
    """Run all five attacks in a running container, whose server listens on `port` inside it.
    Raises the engine's errors."""
    page = server.get("/").text.strip()
    url = f"http://127.0.0.1:{port}/"
    return (
        _first(server, "open a shell", _SHELLS, lambda ran: "in a shell" in ran.output),
        _first(server, "download a file", _downloads(url), lambda ran: bool(page) and page in ran.output),
        _first(server, "compile a program", _COMPILERS, lambda ran: _ANSWER in ran.output),
        _first(server, "install a package", _INSTALLERS, lambda ran: "installed" in ran.output),
        _root(server))


_SHELLS = tuple((shell, "-c", "echo in a shell") for shell in ("bash", "sh", "ash", "dash", "zsh", "busybox"))
_COMPILERS = (
    ("sh", "-c", f'cd /tmp && echo "{_C}" > guest.c && cc guest.c -o guest && ./guest'),
    ("sh", "-c", f'cd /tmp && echo "{_GO}" > guest.go && go run guest.go'),
    ("cc", "--version"), ("gcc", "--version"), ("clang", "--version"), ("go", "version"), ("javac", "-version"),
    ("rustc", "--version"))
_INSTALLERS = (
    ("sh", "-c", _DEB), ("sh", "-c", _APK), ("dpkg", "--version"), ("apk", "--version"), ("rpm", "--version"),
    ("pip", "--version"), ("npm", "--version"))


def _downloads(url: str) -> tuple[tuple[str, ...], ...]:
    return (
        ("curl", "--silent", "--noproxy", "*", url), ("wget", "--quiet", "--no-proxy", "-O", "-", url),
        ("busybox", "wget", "-q", "-O", "-", url),
        ("python3", "-c", f'import urllib.request as r; print(r.urlopen("{url}").read().decode())'),
        ("perl", "-MHTTP::Tiny", "-e", f'print HTTP::Tiny->new->get("{url}")->{{content}}'),
        ("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/" + url.rsplit(":", 1)[1].strip("/")
         + r'; printf "GET / HTTP/1.0\r\n\r\n" >&3; cat <&3'))


def _first(server: ServedContainer, what: str, commands: Sequence[Sequence[str]],
           works: Callable[[Ran], bool]) -> AttackResult:
    """Run one command after another until one works."""
    last: tuple[str, ...] = ()
    said = ""
    missing: list[str] = []
    for each in commands:
        try:
            ran = server.run(each)
        except CourseError as error:
            if "not in the image" not in error.what:
                raise
            missing.append(each[0])
            continue
        if works(ran):
            return AttackResult(
                what, True, tuple(each), ran.output.strip().splitlines()[-1] if ran.output.strip() else "")
        last, said = tuple(each), ran.output.strip()
    if last:
        return AttackResult(what, False, last, said)
    said = f"there is no {', '.join(dict.fromkeys(missing))}"
    return AttackResult(what, False, tuple(commands[0]), said, started=False)


def _root(server: ServedContainer) -> AttackResult:
    """The user of the server, as the engine sees it: an image without a shell cannot say."""
    with server.engine.translate_errors(f"list the processes of {server.image}"):
        if not server.engine.has_users:   # every process is root's there: what the image asks for
            user = server.engine.client.api.inspect_container(server.name)["Config"].get("User") or "root"
            root = user.partition(":")[0] in ("root", "0")
            return AttackResult(AS_ROOT, root, (), "the server runs as root" if root else
                       f"the server is to run as {user} (this engine has one user for all)")
        user = users(server.engine, server.name)[0]
    return AttackResult(AS_ROOT, user in ("root", "0"), (), f"the server runs as {user}")
