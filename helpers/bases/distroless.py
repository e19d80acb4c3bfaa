"""The files of Debian packages, laid out as distroless images lay them out.

Each package's archive is unpacked without running any of its scripts. What a
script would have done and a running program needs is put in by hand: users,
the name service's settings, one file with all certificates.
Modelled on GoogleContainerTools/distroless.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator, Sequence

from debian.debfile import DebFile

from ..errors import CourseError
from .tars import Entry, folder, path, plain, regular

_NONROOT = 65532

_PASSWD = """\
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
"""
_GROUP = """\
root:x:0:
tty:x:5:
staff:x:50:
nobody:x:65534:
nonroot:x:65532:
"""
_NSSWITCH = """\
passwd:    files
group:     files
shadow:    files
hosts:     files dns
networks:  files
protocols: files
services:  files
ethers:    files
rpc:       files
"""

_LEFT_OUT = ("man", "info", "locale", "lintian")    # below usr/share
_CERTIFICATES = "usr/share/ca-certificates/"


def entries(tar: tarfile.TarFile, packages: Sequence[str], *, first: bool = True) -> Iterator[Entry]:
    """The layer's entries, from a tar that holds the packages' .deb files; those of
    every such image too if it is its `first` layer.

    Raises CourseError if a package is not among them.
    """
    archives = _archives(tar, packages)
    missing = sorted(set(packages) - set(archives))
    if missing:
        raise CourseError(f"mmdebstrap brought no package {', '.join(missing)}.")
    folders: set[str] = set()
    bundle: dict[str, bytes] = {}
    for entry in _fixed() if first else ():
        folders.add(entry[0].name)
        yield entry
    for name in sorted(archives):
        deb = DebFile(fileobj=io.BytesIO(archives[name]))
        yield from _files(deb, folders, bundle)
        yield from _status(name, deb)
    if bundle:
        data = b"".join(bundle[name] for name in sorted(bundle))
        yield regular("etc/ssl/certs/ca-certificates.crt", data)


def _archives(tar: tarfile.TarFile, packages: Sequence[str]) -> dict[str, bytes]:
    found = {}
    for info in tar:
        name = path(info.name)
        if name.startswith("var/cache/apt/archives/") and name.endswith(".deb"):
            package = name.rsplit("/", 1)[1].partition("_")[0]
            if package in packages:
                found[package] = tar.extractfile(info).read()
    return found


def _fixed() -> Iterator[Entry]:
    for name in ("etc", "etc/ssl", "etc/ssl/certs", "home", "var", "var/lib", "var/lib/dpkg",
                 "var/lib/dpkg/status.d"):
        yield folder(name)
    yield folder("root", 0o700)
    yield folder("home/nonroot", 0o700, _NONROOT)
    yield folder("tmp", 0o1777)
    for name, text in (("passwd", _PASSWD), ("group", _GROUP), ("nsswitch.conf", _NSSWITCH)):
        yield regular(f"etc/{name}", text.encode())


def _files(deb: DebFile, folders: set[str], bundle: dict[str, bytes]) -> Iterator[Entry]:
    """A package's files; its certificates go into `bundle` instead."""
    certificates = deb.debcontrol()["Package"] == "ca-certificates"
    data = deb.data.tgz()
    for member in data:
        info = plain(member)
        if certificates and info.name.startswith(_CERTIFICATES) and info.isreg():
            bundle[info.name] = data.extractfile(member).read()
        elif not info.name or info.name in folders or _left_out(info.name):
            continue
        # Of this package the real image has the bundle and the licence: the
        # rest serves a script that needs a shell.
        elif certificates and not info.name.startswith("usr/share/doc"):
            continue
        elif info.isdir():
            folders.add(info.name)
            yield info, None
        else:
            yield info, data.extractfile(member) if info.isreg() else None


def _left_out(name: str) -> bool:
    """Documentation, but for each package's licence and the folder around it."""
    parts = name.split("/")
    if parts[:3] == ["usr", "share", "doc"]:
        return len(parts) > 5 or (len(parts) == 5 and parts[4] != "copyright")
    return len(parts) > 3 and parts[:2] == ["usr", "share"] and parts[2] in _LEFT_OUT


def _status(package: str, deb: DebFile) -> Iterator[Entry]:
    """What inventories read: dpkg's own database without dpkg."""
    control = deb.control.get_content("control")
    yield regular(f"var/lib/dpkg/status.d/{package}", control)
    if deb.control.has_file("md5sums"):
        yield regular(f"var/lib/dpkg/status.d/{package}.md5sums", deb.control.get_content("md5sums"))
