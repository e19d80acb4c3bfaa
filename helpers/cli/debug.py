"""`debug DIR`: a shell in the file system before the failed step, or after any line."""

import argparse
import contextlib
import os
import selectors
import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator

from ..builder import Snapshot, build
from ..builder.control import Running
from ..errors import BuildFailed, Unsupported
from ..text import pass_on
from ..widgets.live import LiveBuild
from .builds import request_of
from .output import GOOD, emit, say


def debug(options: argparse.Namespace) -> int:
    """Build, then open a shell where it failed, at --line, or in the last stage. Returns the shell's exit code."""
    with LiveBuild(sys.stderr) as live:
        try:
            result = build(options.dir, **request_of(options), watch=live.watch, report=live.say)
        except BuildFailed as error:
            if error.snapshots is None or not (options.line or error.line):
                raise
            say(str(error))
            snapshots, failed = error.snapshots, error.line
        else:
            live.finish(result)
            snapshots, failed = result.snapshots, None
    with snapshots:
        found = (snapshots.at(options.line) if options.line else snapshots.failed(failed) if failed
                 else snapshots.last())
        if options.json:
            emit(options, facts(found), "")
            return GOOD
        with contextlib.suppress(*[] if options.shell_from else [Unsupported]):   # then the files are listed
            found = found.entered(options.shell_from)
        say(described(found))
        return _terminal(found) if sys.stdin.isatty() else _commands(found)


def facts(found: Snapshot) -> dict[str, object]:
    """The content of `debug --json`."""
    return {"state": found.name, "line": found.line, "workdir": found.workdir, "user": found.user, "env": found.env,
            "shell": found.shell, "command": list(found.command or ()),
            "files": [entry.name for entry in found.files(found.workdir)]}


def described(found: Snapshot) -> str:
    """What the shell starts in; the files instead, if there is no shell."""
    lines = [found.summary]
    if found.command:
        lines.append(f"The command that failed: {' '.join(found.command)}")
    if not found.shell:
        lines += ["There is no shell here. The files:", found.tree(found.workdir)]
    return "\n".join(lines)


def _commands(found: Snapshot) -> int:
    """Run the commands on standard input, as `sh` would."""
    done = found.run([found.need_shell()], sys.stdin.buffer.read())
    pass_on(done.output)
    return done.exit_code


def _terminal(found: Snapshot) -> int:
    """An interactive shell on this terminal."""
    say("Nothing you do here changes the build. Leave with exit or Ctrl-D.")
    with found.terminal() as shell, _raw(sys.stdin.fileno()), _sized(shell), _typed(shell):
        for _, piece in shell.output():
            os.write(sys.stdout.fileno(), piece)
    return shell.exit_code or 0


@contextlib.contextmanager
def _raw(terminal: int) -> Iterator[None]:
    """Pass on every key as it is typed, including Ctrl-C."""
    before = termios.tcgetattr(terminal)
    try:
        tty.setraw(terminal)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _sized(shell: Running) -> Iterator[None]:
    """Keep the shell's size the same as this terminal's."""
    def resize(*_: object) -> None:
        columns, rows = shutil.get_terminal_size()
        shell.resize(rows, columns)

    before = signal.signal(signal.SIGWINCH, resize)
    resize()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)


@contextlib.contextmanager
def _typed(shell: Running) -> Iterator[None]:
    """Pass what is typed to the shell."""
    ended, end = os.pipe()

    def read() -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(sys.stdin.fileno(), selectors.EVENT_READ)
            ready.register(ended, selectors.EVENT_READ)
            while all(key.fd != ended for key, _ in ready.select()):
                if not (data := os.read(sys.stdin.fileno(), 4096)):
                    shell.end_input()
                    return
                shell.write(data)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.write(end, b"x")
        thread.join(1)
        os.close(ended)
        os.close(end)
