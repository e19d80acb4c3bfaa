"""The secrets that a build gets.

    given    named by the caller: `--secret id=token,src=FILE`, or `secrets={id: value}`
    lent     this machine's settings (`host_secrets`): always to the course's own applications, to any other folder
             only with `--lend npmrc`

A Dockerfile can send whatever its commands see to anybody. So somebody else's gets nothing of this machine unless the
user says so, as with `docker build`, and a password or a token only as a secret that the user names.
"""

import csv
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from .. import paths
from ..dockerfile import Dockerfile
from ..errors import CourseError
from . import host_secrets

_LARGEST = 500 * 1024    # bytes; BuildKit takes no larger secret either (session/secrets/secrets.go)
_TITLES = {host_secrets.TRUST: "this machine's certificates", host_secrets.NPM: "this machine's npm settings",
           host_secrets.PIP: "this machine's pip settings"}


@dataclass(frozen=True)
class HandedOver:
    """A secret that a build was given, without its value."""

    id: str
    origin: str

    def __str__(self) -> str:
        return f"{self.id} ({self.origin})"


def course_owns(context: Path, dockerfile: str = "Dockerfile") -> bool:
    """Whether both folder and Dockerfile are of the course's applications or exercises, a learner's work included."""
    folder = context.resolve()
    file = (folder / dockerfile).resolve()
    return any(all(each.is_relative_to(own) for each in (folder, file)) for own in paths.applications())


def lent_by_default(context: Path, dockerfile: str = "Dockerfile") -> tuple[str, ...]:
    """The ids that this machine lends to such a build by default."""
    return host_secrets.IDS if course_owns(context, dockerfile) else ()


def collect(read: Dockerfile, given: Mapping[str, bytes], lend: Collection[str]) -> tuple[
        dict[str, bytes], tuple[HandedOver, ...]]:
    """({id: value}, a description of each). What is given is never replaced, and only what the Dockerfile mounts is
    lent. Raises CourseError for an unknown id in `lend`."""
    for name in lend:
        if name not in host_secrets.IDS:
            raise CourseError(f"This machine cannot lend {name!r}.",
                              why=f"It can lend {', '.join(host_secrets.IDS)}.",
                              remedy=f"Pass a secret of yours with --secret id={name},src=FILE.")
    lent = host_secrets.host_secrets(mounted(read) & set(lend) - set(given))
    said = [HandedOver(name, "given explicitly") for name in given]
    said += [HandedOver(name, _TITLES[name] + (", without its passwords" if secret.withheld else ""))
             for name, secret in lent.items()]
    return {**{name: secret.value for name, secret in lent.items()}, **given}, tuple(said)


def mounted(read: Dockerfile) -> set[str]:
    """Ids of the secrets that the RUN instructions mount."""
    return {name for each in read.instructions for kind, name, _ in each.handed if kind == "secret"}


def option(text: str) -> tuple[str, bytes]:
    """(id, value) of a `--secret` of `docker build`:

        id=token,src=FILE   id=token,env=NAME   id=token   type=env,id=token

    Without a source it is the variable of that name, or else the file. Raises CourseError for an invalid option and a
    missing source. Source: BuildKit, cmd/buildctl/build/secret.go and session/secrets/secretsprovider/store.go.
    """
    words = {"type": "", "id": "", "src": "", "env": ""}
    for field in next(csv.reader([text]), []):
        key, separator, value = field.partition("=")
        key = {"source": "src"}.get(key.lower(), key.lower())
        if not separator or key not in words or key == "type" and value not in ("file", "env"):
            raise _no_option(text, f"{field!r} is not one of id=, src=, env= and type=.")
        words[key] = value
    if not words["id"]:
        raise _no_option(text, "It has no id.")
    if words["type"] == "env" and not words["env"]:
        words["env"], words["src"] = words["src"], ""
    if not words["env"] and not words["src"]:
        words["env" if words["id"] in os.environ else "src"] = words["id"]
    name, path = words["env"], Path(words["src"])
    try:
        if name:
            return words["id"], os.environb[os.fsencode(name)]
        if not path.is_file():
            raise _no_option(text, f"There is no file {path}.")
        if path.stat().st_size > _LARGEST:
            raise _no_option(text, f"{path} has more than {_LARGEST // 1024} kB, which no builder takes as a secret.")
        return words["id"], path.read_bytes()
    except KeyError:
        raise _no_option(text, f"There is no environment variable {name}.") from None
    except OSError as error:
        raise _no_option(text, f"{path} cannot be read: {error.strerror}.") from None


def _no_option(text: str, why: str) -> CourseError:
    return CourseError(f"--secret {text} cannot be used.", why=why,
                       remedy="Write it as with docker: --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE.")
