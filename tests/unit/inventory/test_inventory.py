"""Inventories of images made by hand: what is found, what is not, and in which layer."""

import json
import struct
import tarfile

import pytest

from helpers.formats import Package, libraries, marks
from helpers.formats.signatures import _CLASSES, _WORDS
from helpers.inventory import BUILDING, KINDS, compare, known
from helpers.inventory.kinds import AMBIGUOUS, GO_TOOLS, KIND_OF, RANK
from helpers.inventory.libraries import Needs
from helpers.inventory.packages import Found
from tests.unit.layers import AARCH64, LOADER, elf, inventory, layer

PROGRAM = elf("libc.so.6", interpreter=LOADER)
SCRIPT = b"#!/bin/sh\n"
RUN = 0o755
BUSYBOX = elf(says=b"BusyBox v1.36.1\0" + b"\0[\0[[\0ash\0cat\0nc\0sh\0wget\0\0")


def bin(name: str, content: bytes = PROGRAM, mode: int = RUN, **header):
    return layer((name, content, mode), **header)


def named(found) -> list[tuple[str, str, str]]:
    return [(tool.name, tool.kind, tool.path) for tool in found.tools]


@pytest.mark.parametrize("file, name", [
    ("gcc", "gcc"), ("gcc-12", "gcc"), ("x86_64-linux-gnu-gcc-12", "gcc"), ("arm-none-eabi-gcc", "gcc"),
    ("aarch64-unknown-linux-musl-ld.bfd", "ld.bfd"), ("x86_64-alpine-linux-musl-g++", "g++"),
    ("i686-w64-mingw32-gcc", "gcc"), ("x86_64-linux-gnu-pkg-config", "pkg-config"),
    ("x86_64-linux-gnu-gcc-ar-12", ""), ("x86_64-linux-gnu-", ""), ("linux-gnu-gcc", ""),
    ("python3.11", "python"), ("python3", "python"), ("python", "python"), ("python3.11-config", ""),
    ("pip3", "pip"), ("perl5.36.0", "perl"), ("node20", "node"), ("clang-14", "clang"), ("c89", "c89"),
    ("m4", "m4"), ("w3m", "w3m"), ("tsc.js", "tsc"), ("java.exe", "java"), ("make.sh", ""), ("host.js", ""),
    ("http.py", ""), ("gccgo", "gccgo"), ("mygcc", ""), ("gcc.conf", ""), ("", ""), ("12", "")])
def test_the_common_name_of_a_program(file, name):
    assert known(file) == name


def test_each_name_has_one_kind_and_each_kind_its_place():
    assert set(KIND_OF.values()) | {"privilege"} == set(KINDS)
    assert set(BUILDING) < set(KINDS)
    assert set(GO_TOOLS.values()) <= KIND_OF.keys()
    assert list(RANK) == list(KIND_OF)
    assert RANK["gcc"] < RANK["cc1"]
    assert {name for _, name in _WORDS + _CLASSES} <= KIND_OF.keys()      # what bytes say is known by its name


def test_ambiguous_names_are_names():
    """But for Go's `link`, which goes by another one, and coreutils' `link`, which is no tool."""
    assert AMBIGUOUS - KIND_OF.keys() == {"link"}


@pytest.mark.parametrize("path, content, mode, name, kind", [
    ("usr/bin/x86_64-linux-gnu-gcc-12", PROGRAM, RUN, "gcc", "compiler"),
    ("usr/bin/ld.gold", PROGRAM, RUN, "ld.gold", "linker"), ("usr/bin/as", PROGRAM, RUN, "as", "assembler"),
    ("usr/bin/make", PROGRAM, RUN, "make", "build tool"), ("usr/bin/apt-get", PROGRAM, RUN, "apt-get", "package manager"),
    ("usr/bin/git", PROGRAM, RUN, "git", "version control"), ("usr/bin/gdb", PROGRAM, RUN, "gdb", "debugger"),
    ("bin/bash", PROGRAM, RUN, "bash", "shell"), ("usr/bin/curl", PROGRAM, RUN, "curl", "downloader"),
    ("opt/venv/python3.11", PROGRAM, RUN, "python", "interpreter"),     # off the executable paths
    ("gcc", PROGRAM, RUN, "gcc", "compiler"),                           # in the root itself
    ("opt/gcc", PROGRAM, 0o644, "gcc", "compiler"),                     # its loader runs it all the same
    ("usr/local/bin/pip", SCRIPT, RUN, "pip", "package manager"),
    ("data", elf(says=b"GNU bash, version"), RUN, "bash", "shell"),
    ("data", elf(go="cmd/compile"), RUN, "compile-go", "compiler"),     # renamed, and known by what built it
    ("usr/bin/notes", elf(go="cmd/link"), RUN, "link-go", "linker"),
    ("usr/bin/gcc", elf(go="cmd/go"), RUN, "go", "compiler"),           # what it is, not what it is called
])
def test_a_tool_is_found(path, content, mode, name, kind):
    assert named(inventory(bin(path, content, mode))) == [(name, kind, f"/{path}")]


@pytest.mark.parametrize("path, content, mode", [
    ("usr/bin/gcc", b"just text", RUN),                 # called like one
    ("usr/bin/gcc", b"", RUN),
    ("usr/bin/gcc", b"\x7fELF", RUN),                   # begins like one
    ("usr/bin/pip", SCRIPT, 0o644),                     # a script that may not be executed
    ("opt/app/pip", SCRIPT, RUN),                       # a script off the executable paths
    ("usr/lib/apt/methods/http", PROGRAM, RUN),         # a name that means something else too
    ("usr/bin/make.sh", SCRIPT, RUN),
    ("usr/bin/gcc", elf(soname="gcc"), RUN),            # a library
    ("usr/bin/gcc", elf(kind=1), RUN),                  # not linked yet
    ("usr/lib/libbash.so", elf(soname="libbash.so", says=b"GNU bash, version"), RUN),
    ("usr/bin/link", PROGRAM, RUN),                     # coreutils'
    ("usr/bin/app", elf(go="mine/cmd/go"), RUN),
    ("usr/bin", "d", 0o755),
])
def test_files_that_are_no_tools(path, content, mode):
    assert inventory(layer((path, content, mode))).tools == ()


def test_kinds_are_in_order_and_the_best_known_comes_first():
    names = ("wget", "curl", "sh", "git", "g++", "gcc", "apt")
    found = inventory(layer(*((f"bin/{name}", PROGRAM, RUN) for name in names)))
    assert [tool.name for tool in found.tools] == ["gcc", "g++", "apt", "git", "sh", "curl", "wget"]
    assert [tool.name for tool in found.build_tools] == ["gcc", "g++", "apt", "git"]
    assert [tool.name for tool in found.kind("shell", "downloader")] == ["sh", "curl", "wget"]
    assert found.tool("curl").path == "/bin/curl" and found.tool("make") is None


@pytest.mark.parametrize("members, name, path, names", [
    ([("usr/bin/x86_64-linux-gnu-gcc-12", PROGRAM, RUN), ("usr/bin/gcc-12", ("l", "x86_64-linux-gnu-gcc-12")),    # a chain
      ("usr/bin/gcc", ("l", "gcc-12")), ("etc/alternatives/cc", ("l", "/usr/bin/gcc")),
      ("usr/bin/cc", ("l", "/etc/alternatives/cc")), ("usr/bin/c99", ("l", "/nowhere")), ("usr/bin/cpp", ("l", "/etc"))],
     "gcc", "/usr/bin/x86_64-linux-gnu-gcc-12",
     ("/usr/bin/x86_64-linux-gnu-gcc-12", "/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/gcc-12")),
    ([("opt/x/tool", PROGRAM, RUN), ("usr/bin/clang-14", ("l", "/opt/x/tool")), ("usr/bin/cc", ("l", "clang-14")),
      ("opt/x/gcc", ("l", "tool"))],    # the shortest name, and none off the executable paths
     "cc", "/opt/x/tool", ("/usr/bin/cc", "/usr/bin/clang-14")),
    ([("opt/x/tool", PROGRAM, RUN), ("bin/clang", ("l", "/opt/x/tool")), ("bin/gcc", ("l", "/opt/x/tool"))],
     "gcc", "/opt/x/tool", ("/bin/clang", "/bin/gcc")),
    ([("bin/dash", PROGRAM, RUN), ("bin/sh", ("l", "dash")), ("bin/a/sh", ("l", "../dash"))],    # its own name comes first
     "dash", "/bin/dash", ("/bin/dash", "/bin/sh")),
    ([("lib/npm/cli.js", SCRIPT, RUN), ("bin/npm", ("l", "../lib/npm/cli.js"))],    # a script off the executable paths
     "npm", "/lib/npm/cli.js", ("/bin/npm",)),
    ([("usr/bin/dash", PROGRAM, RUN), ("bin", ("l", "usr/bin")), ("usr/bin/sh", ("l", "/bin/dash"))],    # a linked folder
     "dash", "/usr/bin/dash", ("/usr/bin/dash", "/usr/bin/sh")),
    ([("a/b/gcc-12", PROGRAM, RUN), ("bin/gcc", ("l", "/a/b/../b/gcc-12"))],    # folders that the archive leaves out
     "gcc", "/a/b/gcc-12", ("/a/b/gcc-12", "/bin/gcc")),
    ([("opt/tool", PROGRAM, RUN), ("opt/to", ("l", "/opt/tool")), ("bin/gcc", ("h", "opt/to"))],    # a hard link to a link
     "gcc", "/opt/tool", ("/bin/gcc",))])
def test_links_of_each_kind_lead_to_one_tool(members, name, path, names):
    found = inventory(layer(*members))
    assert [(tool.name, tool.path, tool.names) for tool in found.tools] == [(name, path, names)]
    assert found.surface.files == 1      # links are none
    assert found.tool("cc") == (found.tools[0] if "/usr/bin/cc" in names else None) and found.tool("c99") is None


def test_one_program_of_two_kinds_is_two_tools():
    found = inventory(layer(("bin/python3", PROGRAM, RUN), ("bin/sh", ("l", "python3"))))
    assert named(found) == [("sh", "shell", "/bin/python3"), ("python", "interpreter", "/bin/python3")]


def test_hard_links_are_names_of_one_file():
    found = inventory(layer(("usr/bin/perl", PROGRAM, RUN), ("usr/bin/perl5.36.0", ("h", "usr/bin/perl"), RUN),
                            ("bin/p", ("l", "/usr/bin/perl5.36.0"))))
    assert [(t.name, t.path, t.names) for t in found.tools] == [
        ("perl", "/usr/bin/perl", ("/usr/bin/perl", "/usr/bin/perl5.36.0"))]
    assert (found.surface.files, found.surface.executables) == (2, 1)


@pytest.mark.parametrize("above, path", [
    ([(".wh.a", b"")], "/b"),                                                # the first name is deleted
    ([("a", b"text")], "/b"),                                                # or taken by something else
    ([(".wh.a", b""), (".wh.b", b"")], "/c"),
])
def test_a_file_that_only_a_hard_link_still_names_is_there(above, path):
    below = layer(("a", elf(says=b"GNU bash, version"), 0o4755), ("b", ("h", "a"), 0o4755), ("c", ("h", "b"), 0o4755))
    found = inventory(below, layer(*above))
    assert [(t.name, t.kind, t.path, t.layer) for t in found.tools] == [
        ("bash", "shell", path, 0), (path[1:], "privilege", path, 0)]
    assert found.setuid == (path,) and found.surface.executables == 1
    assert {way: size for way, size, _ in found.listing() if way == path} == {path: len(elf(says=b"GNU bash, version"))}
    assert found.waste == ()


def test_a_file_that_replaces_the_target_of_a_hard_link_is_another_one():
    below = layer(("bin/a", PROGRAM, RUN), ("bin/gcc", ("h", "bin/a"), RUN))
    found = inventory(below, layer(("bin/a", elf(says=b"GNU bash, version"), RUN)))
    assert [(t.name, t.path, t.layer, t.names) for t in found.tools] == [
        ("gcc", "/bin/gcc", 0, ("/bin/gcc",)), ("bash", "/bin/a", 1, ("/bin/a",))]


def test_a_renamed_busybox_without_links_is_all_its_applets():
    found = inventory(bin("opt/data", BUSYBOX))
    assert [(t.name, t.kind, t.path, t.names) for t in found.tools] == [
        (name, kind, "/opt/data", ("/opt/data",)) for name, kind in (
            ("sh", "shell"), ("ash", "shell"), ("busybox", "shell"), ("wget", "downloader"), ("nc", "network client"))]


@pytest.mark.parametrize("members, names", [
    ([("bin/busybox", BUSYBOX, RUN), ("bin/sh", ("l", "busybox")), ("bin/cat", ("h", "bin/busybox")),
      ("usr/bin/wget", ("l", "/bin/busybox"))],
     {"sh": ("/bin/sh",), "ash": ("/bin/busybox",), "busybox": ("/bin/busybox",), "wget": ("/usr/bin/wget",),
      "nc": ("/bin/busybox",)}),
    ([("bin/tool", BUSYBOX, RUN), ("bin/sh", ("l", "tool"))],    # it is one, though it has a shell's name
     {"sh": ("/bin/sh",), "ash": ("/bin/tool",), "busybox": ("/bin/tool", "/bin/sh"), "wget": ("/bin/tool",),
      "nc": ("/bin/tool",)})])
def test_a_busybox_with_links(members, names):
    assert {tool.name: tool.names for tool in inventory(layer(*members)).tools} == names


@pytest.mark.parametrize("content, name", [(BUSYBOX, "sh"), (elf(go="cmd/go"), "go")])
def test_no_name_is_listed_twice(content, name):
    below = layer(("bin/a", content, RUN), (f"bin/{name}", ("h", "bin/a"), RUN))
    assert inventory(below, layer(("bin/.wh.a", b""))).tool(name).names == (f"/bin/{name}",)


def test_bytes_add_a_tool_of_another_kind():
    found = inventory(layer(("bin/python3", elf(says=b"GNU bash, version"), RUN)))
    assert [t.name for t in found.tools] == ["bash", "python"]
    assert [t.name for t in inventory(bin("bin/sh", elf(says=b"GNU bash, version"))).tools] == ["sh"]


@pytest.mark.parametrize("content", [elf(says=b"GNU bash, version"), elf(go="cmd/go")])
def test_a_program_known_by_its_bytes_has_all_its_names(content):
    found = inventory(layer(("opt/data", content, RUN), ("bin/x", ("l", "/opt/data"))))
    assert found.tools[0].names == ("/opt/data", "/bin/x")


@pytest.mark.parametrize("says, name, kind", [
    (b"\0_ZN4node5StartEiPPc\0", "node", "interpreter"),
    (b"\0Py_BytesMain\0", "python", "interpreter"),
    (b"\0_Z12c_parse_filev\0", "cc1", "compiler"), (b"\0jdk.compiler/com.sun.tools.javac.Main\0", "javac", "compiler")])
def test_interpreters_and_compilers_are_found_under_any_name(says, name, kind):
    found = inventory(bin("app/lunch", elf("libc.so.6", "libjli.so", says=says)))
    assert named(found) == [(name, kind, "/app/lunch")]
    assert [t.name for t in inventory(bin("app/data", b"# " + says, 0o644)).tools] == []


@pytest.mark.parametrize("name, says", [("node", b"\0_ZN4node5StartEiPPc\0"), ("python3.11", b"\0Py_BytesMain\0"),
                                        ("cc1plus", b"\0_Z12c_parse_filev\0")])
def test_a_program_recognized_by_name_and_bytes_is_one_tool(name, says):
    assert len(inventory(bin(f"usr/bin/{name}", elf("libc.so.6", says=says))).tools) == 1


def test_a_large_program_is_recognized_by_its_exported_functions():
    """Beyond what is read of each file, in a part that its headers point at."""
    def said(words):
        return [(t.name, t.path) for t in inventory(bin("opt/data", elf("libc.so.6", says=bytes(6 << 20) + words))).tools]
    assert said(b"\0_ZN4node5StartEiPPc\0") == [("node", "/opt/data")]
    assert said(b"_ZN4node5StartEiPPc_1\0") == said(b"GNU bash, version") == []   # another name; bash is never so large


def test_only_programs_are_recognized_by_their_bytes():
    assert marks(b"GNU bash, version") == ("bash",)
    assert inventory(bin("bin/x.txt", b"GNU bash, version")).tools == ()
    library = elf(soname="libbash.so", says=b"GNU bash, version BusyBox v1" + BUSYBOX)
    assert bin("lib/libbash.so", library).programs[0].marks == bin("lib/libbash.so", library).programs[0].applets == ()


@pytest.mark.parametrize("whiteout", ["usr/bin/.wh.gcc", "usr/.wh.bin", "usr/bin/.wh..wh..opq"])
def test_a_tool_that_a_later_layer_deletes_is_gone(whiteout):
    found = inventory(layer(("usr/bin/gcc", PROGRAM, RUN), ("usr/bin/cc", ("l", "gcc"))), layer((whiteout, b"")))
    assert found.tools == () and found.surface.executables == 0


def test_a_tool_that_a_later_layer_replaces_is_the_later_one_s():
    found = inventory(bin("bin/sh"), bin("bin/sh"), layer(("etc", "d")))
    assert [(t.name, t.layer) for t in found.tools] == [("sh", 1)]
    assert found.layer(1).instruction == "RUN 1"
    assert inventory(bin("bin/sh"), bin("bin/sh", b"text")).tools == ()


def test_a_link_of_a_later_layer_leads_to_a_file_of_an_earlier_one():
    found = inventory(bin("opt/tool"), layer(("bin/gcc", ("l", "/opt/tool"))))
    assert [(t.name, t.path, t.layer, t.names) for t in found.tools] == [("gcc", "/opt/tool", 0, ("/bin/gcc",))]


CAPABLE = {"format": tarfile.PAX_FORMAT, "pax_headers": {"SCHILY.xattr.security.capability": "\x01\x00\x00\x02"}}


@pytest.mark.parametrize("content, mode, header, setuid, privileged", [
    (PROGRAM, 0o4755, {}, True, True), (PROGRAM, 0o2755, {}, False, True), (PROGRAM, 0o1755, {}, False, False),
    (PROGRAM, RUN, CAPABLE, False, True), (PROGRAM, 0o4755, CAPABLE, True, True),
    (PROGRAM, 0o4644, {}, False, False),            # nobody may execute it
    (PROGRAM, 0o644, CAPABLE, False, False),
    (PROGRAM, 0o4701, {}, True, True),
    (SCRIPT, 0o4755, {}, False, False),             # Linux gives a script no rights
    (b"text", 0o4755, {}, False, False), (b"text", RUN, CAPABLE, False, False), ("d", 0o4755, {}, False, False),
])
def test_rights(content, mode, header, setuid, privileged):
    found = inventory(layer(("usr/bin/thing", content, mode), **header))
    assert found.setuid == (("/usr/bin/thing",) if setuid else ())
    assert named(found) == ([("thing", "privilege", "/usr/bin/thing")] if privileged else [])
    assert found.surface.setuid == len(found.setuid)


def test_rights_are_those_of_one_file_in_one_layer():
    assert named(inventory(bin("bin/x", **CAPABLE), bin("bin/y"))) == [("x", "privilege", "/bin/x")]
    for below in (bin("bin/x", mode=0o4755), bin("bin/x", **CAPABLE)):
        assert inventory(below, bin("bin/x")).tools == ()


def test_the_attack_surface():
    found = inventory(
        layer(("bin/gcc", PROGRAM, RUN), ("bin/sh", PROGRAM, 0o4755), ("bin/run.sh", SCRIPT, RUN), ("lib/a.so", elf(soname="a"), RUN),
              ("opt/x", PROGRAM, 0o644), ("etc/y.sh", SCRIPT, 0o644), ("etc", "d"), ("etc/l", ("l", "y.sh")), ("dev/null", "c"),
              ("bin/h", ("h", "bin/gcc")), ("a/package.json", b'{"name": "a", "version": "1"}')),
        layer((".wh.gone", b""), ("etc/y.sh", b"text")))
    assert found.surface.rows() == (
        ("files", 8), ("executables", 3), ("packages", 1), ("known tools", 3), ("setuid files", 1), ("shells", 1), ("compilers", 1))
    assert found.facts()["files"] == 8 and found.facts()["executables"] == 3
    assert sorted(found.programs) == ["/bin/gcc", "/bin/run.sh", "/bin/sh", "/opt/x"]


def test_an_image_of_nothing():
    found = inventory()
    assert found.tools == found.packages == found.setuid == found.waste == ()
    assert {count for _, count in found.surface.rows()} == {0}
    assert (found.os, found.wasted, list(found.listing())) == ("", 0, [])


def test_waste_is_listed_by_layer():
    found = inventory(layer(("a", b"1" * 10), ("b", b"2" * 20), ("c", b"3" * 30), ("d/e", b"4" * 5), ("stays", b"5")),
                      layer(("a", b"6" * 7), (".wh.b", b"")), layer(("new", b"7")), layer((".wh.c", b""), (".wh.a", b""), (".wh.d", b"")))
    assert [(each.layer, each.size, each.by) for each in found.waste] == [(0, 65, (1, 3)), (1, 7, (3,))]
    assert [(f.path, f.size, f.by, f.deleted) for f in found.waste[0].files] == [
        ("/c", 30, 3, True), ("/b", 20, 1, True), ("/a", 10, 1, False), ("/d/e", 5, 3, True)]
    assert found.wasted == 72
    assert found.facts()["waste"] == [
        {"layer": "sha256:0", "unpacked": 65, "files": 4, "hidden_by": ["RUN 1", "RUN 3"]},
        {"layer": "sha256:1", "unpacked": 7, "files": 1, "hidden_by": ["RUN 3"]}]


@pytest.mark.parametrize("members, os", [
    ([("etc/os-release", b'NAME="x"\nPRETTY_NAME="Debian GNU/Linux 12"\n')], "Debian GNU/Linux 12"),
    ([("usr/lib/os-release", b"PRETTY_NAME=Alpine\n"), ("etc/os-release", ("l", "../usr/lib/os-release"))], "Alpine"),
    ([("usr/lib/os-release", b"PRETTY_NAME='A B'\n")], "A B"), ([("etc/os-release", b"NAME=x\n")], ""),
    ([("etc/os-release", rb'PRETTY_NAME="A \"B\""')], 'A "B"'), ([("etc/os-release", b"PRETTY_NAME='A")], "'A"),
    ([("etc/os-release", ("l", "/nowhere"))], ""),
])
def test_the_distribution_is_that_of_os_release(members, os):
    assert inventory(layer(*members)).os == os


@pytest.mark.parametrize("above", ["x", "usr/lib/.wh.os-release"])
def test_os_release_may_be_a_hard_link(above):
    below = layer(("usr/lib/os-release", b"PRETTY_NAME=H\n"), ("etc/os-release", ("h", "usr/lib/os-release")))
    assert inventory(below, layer((above, b""))).os == "H"


def status(**versions: str) -> bytes:
    return "\n".join(f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n"
                     for name, version in versions.items()).encode()


def dpkg(**versions: str):
    return layer(("var/lib/dpkg/status", status(**versions)))


def brought(found) -> dict[str, tuple[str, int]]:
    return {each.package.name: (each.package.version, each.layer) for each in found.packages}


def test_a_package_came_with_the_first_layer_since_which_it_is_listed():
    found = inventory(dpkg(a="1", b="1", c="1", d="1"), layer(("x", b"")), dpkg(a="1", b="2", d="1", e="1"),
                      dpkg(a="1", b="2", c="1", e="1"))
    assert brought(found) == {"a": ("1", 0), "b": ("2", 2), "c": ("1", 3), "e": ("1", 2)}
    assert found.package("a") == Found(Package("deb", "a", "1"), "/var/lib/dpkg/status", 0)
    assert found.package("d") is None


def test_each_list_has_its_own_history():
    assert inventory(dpkg(a="1"), layer(("var/lib/dpkg/.wh.status", b""))).packages == ()
    found = inventory(layer(("var/lib/dpkg/status.d/a", b"Package: a\nVersion: 1\n")), dpkg(b="1"))
    assert brought(found) == {"a": ("1", 0), "b": ("1", 1)}


NPM = b'{"name": "m", "version": "1"}'


def test_other_packages_came_with_the_file_that_records_them():
    found = inventory(layer(("x/package.json", NPM)), layer(("x/package.json", NPM), ("y/package.json", NPM)))
    assert [(each.path, each.layer) for each in found.packages] == [("/x/package.json", 1), ("/y/package.json", 1)]


@pytest.mark.parametrize("listed, found", [
    ({"python3.11": "3.11.2-6+deb12u9"}, [("deb", "python3.11")]), ({"python3.11": "1:3.11.2-6"}, [("deb", "python3.11")]),
    ({"python3.11": "3.11.4-1"}, [("binary", "python"), ("deb", "python3.11")]),     # another one
    ({"dash": "3.11.2"}, [("binary", "python"), ("deb", "dash")]), ({}, [("binary", "python")])])
def test_a_program_that_the_system_s_list_has_is_one_package(listed, found):
    python = elf(says=b"\0" + b"3.11.2\0")
    seen = inventory(dpkg(**listed), layer(("usr/bin/python3.11", python, 0o755)))
    assert [(each.package.type, each.package.name) for each in seen.packages] == found


def test_the_modules_in_a_program():
    found = inventory(bin("app", elf(go="mine")))
    assert [(each.package.type, each.package.name, each.path) for each in found.packages] == [
        ("go-module", "mine/mine", "/app"), ("go-module", "stdlib", "/app")]
    assert inventory(bin("app", elf(go="mine")), layer((".wh.app", b""))).packages == ()


def test_packages_are_in_order_of_type_name_and_version():
    found = inventory(layer(("var/lib/dpkg/status", status(z="1", a="2")), ("x/package.json", NPM), ("a/package.json", NPM)))
    assert [(each.package.type, each.package.name, each.path) for each in found.packages] == [
        ("deb", "a", "/var/lib/dpkg/status"), ("deb", "z", "/var/lib/dpkg/status"),
        ("npm", "m", "/a/package.json"), ("npm", "m", "/x/package.json")]


LIBC = elf(soname="libc.so.6")


def ld(*members, path="/app/app"):
    """The needs of a program in an image that has the loader and these members."""
    return inventory(layer((LOADER, elf(soname="ld-linux-x86-64.so.2"), RUN), *members)).needs(path)


def cache(*paths: str, older: bytes = b"") -> bytes:
    """/etc/ld.so.cache as ldconfig writes it."""
    entries, strings, at = b"", b"", 48 + 24 * len(paths)
    for path in paths:
        name = path.rpartition("/")[2]
        entries += struct.pack("<iIIIQ", 0x303, at + len(strings), at + len(strings) + len(name) + 1, 0, 0)
        strings += f"{name}\0{path}\0".encode()
    return older + struct.pack("<20sII20x", b"glibc-ld.so.cache1.1", len(paths), len(strings)) + entries + strings


APP = ("app/app", PROGRAM, RUN)


def test_on_scratch_only_a_static_program_has_all_that_it_needs():
    assert inventory(bin("app/app", elf())).needs("/app/app") == Needs("", {}, ())
    assert inventory(bin("app/app")).needs("/app/app") == Needs(LOADER, {}, (LOADER, "libc.so.6"))


@pytest.mark.parametrize("place", ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib", "usr/lib", "lib64", "usr/lib64"])
def test_the_usual_folders(place):
    assert ld(APP, (f"{place}/libc.so.6", LIBC)) == Needs(LOADER, {"libc.so.6": f"/{place}/libc.so.6"}, ())


@pytest.mark.parametrize("member", [
    ("usr/local/lib/libc.so.6", LIBC), ("app/libc.so.6", LIBC), ("lib/libc.so", LIBC), ("lib/aarch64-linux-gnu/libc.so.6", LIBC),
    ("lib/libc.so.6", elf(soname="libc.so.6", machine=AARCH64)), ("lib/libc.so.6", b"/* GNU ld script */"),
    ("lib/libc.so.6", "d"), ("lib/libc.so.6", ("l", "/nowhere"))])
def test_a_library_that_is_not_found(member):
    assert ld(APP, member).missing == ("libc.so.6",)


def test_a_library_or_a_loader_of_another_machine_is_passed_over():
    other = elf(soname="libc.so.6", machine=AARCH64)
    assert ld(APP, ("lib/x86_64-linux-gnu/libc.so.6", other), ("lib/libc.so.6", LIBC)).found == {"libc.so.6": "/lib/libc.so.6"}
    assert inventory(layer(APP, ("lib/libc.so.6", LIBC), (LOADER, other, RUN))).needs("/app/app").missing == (LOADER,)


@pytest.mark.parametrize("runpath, place", [
    ("$ORIGIN", "app"), ("${ORIGIN}/../opt", "opt"), ("/opt/lib", "opt/lib"), ("/no:/opt/lib", "opt/lib"), (":/opt", "opt"),
])
def test_runpath_comes_first(runpath, place):
    program = ("app/app", elf("libc.so.6", interpreter=LOADER, runpath=runpath), RUN)
    assert ld(program, (f"{place}/libc.so.6", LIBC), ("lib/libc.so.6", LIBC)).found == {"libc.so.6": f"/{place}/libc.so.6"}


def test_origin_is_where_the_program_s_links_lead():
    program = ("opt/x/app", elf("libc.so.6", interpreter=LOADER, runpath="$ORIGIN"), RUN)
    needs = ld(program, ("bin/app", ("l", "/opt/x/app")), ("opt/x/libc.so.6", LIBC), path="/bin/app")
    assert needs.found == {"libc.so.6": "/opt/x/libc.so.6"}


@pytest.mark.parametrize("needs, runpath, members, found, missing", [
    # links to libraries and to their folders
    (["libc.so.6"], "", [("usr/lib/libc-2.36.so", LIBC), ("usr/lib/libc.so.6", ("l", "libc-2.36.so")), ("lib", ("l", "usr/lib"))],
     {"libc.so.6": "/usr/lib/libc-2.36.so"}, ()),
    # libraries have needs of their own
    (["liba.so"], "", [("lib/liba.so", elf("libb.so", "libc.so.6", soname="liba.so", runpath="/b")),
                       ("b/libb.so", elf("liba.so", "libd.so", soname="libb.so")),
                       ("lib/libc.so.6", elf("ld-linux-x86-64.so.2", soname="libc.so.6"))],
     {"liba.so": "/lib/liba.so", "libb.so": "/b/libb.so", "libc.so.6": "/lib/libc.so.6"}, ("libd.so",)),
    # the program's own path is theirs, too
    (["liba.so"], "/opt", [("opt/liba.so", elf("libb.so", soname="liba.so")), ("opt/libb.so", elf(soname="libb.so"))],
     {"liba.so": "/opt/liba.so", "libb.so": "/opt/libb.so"}, ()),
    # each file is the origin of its own path
    (["liba.so"], "$ORIGIN/lib", [("app/lib/liba.so", elf("libb.so", "libc.so", soname="liba.so", runpath="$ORIGIN/more")),
                                  ("app/lib/more/libb.so", elf(soname="libb.so")), ("app/lib/libc.so", elf(soname="libc.so"))],
     {"liba.so": "/app/lib/liba.so", "libb.so": "/app/lib/more/libb.so", "libc.so": "/app/lib/libc.so"}, ()),
    # asked for by their paths
    (["/opt/a.so", "/opt/b.so"], "", [("opt/a.so", LIBC)], {"/opt/a.so": "/opt/a.so"}, ("/opt/b.so",))])
def test_what_a_program_finds_and_lacks(needs, runpath, members, found, missing):
    program = ("app/app", elf(*needs, interpreter=LOADER, runpath=runpath), RUN)
    assert ld(program, *members) == Needs(LOADER, found, missing)


def test_a_folder_in_ld_so_conf_counts_after_ldconfig():
    members = (APP, ("opt/libc.so.6", LIBC), ("etc/ld.so.conf", b"/opt\n"))
    assert ld(*members).missing == ("libc.so.6",)
    after = ld(*members, ("etc/ld.so.cache", cache("/lib/other.so", "/opt/libc.so.6")))
    assert after == Needs(LOADER, {"libc.so.6": "/opt/libc.so.6"}, ())


def test_files_in_the_cache_must_exist():
    listed = ("etc/ld.so.cache", cache("/opt/libc.so.6"))
    assert ld(APP, listed).missing == ("libc.so.6",)
    assert ld(APP, listed, ("lib/libc.so.6", LIBC)).found == {"libc.so.6": "/lib/libc.so.6"}
    assert ld(APP, listed, ("lib/libc.so.6", LIBC), ("opt/libc.so.6", LIBC)).found == {"libc.so.6": "/opt/libc.so.6"}


@pytest.mark.parametrize("place, found", [("lib", True), ("usr/lib", True), ("usr/local/lib", True), ("usr/lib64", False), ("opt", False)])
def test_the_folders_of_musl(place, found):
    loader = "/lib/ld-musl-x86_64.so.1"
    image = inventory(layer(("app/app", elf("libz.so.1", "libc.musl-x86_64.so.1", interpreter=loader), RUN), (loader, elf(soname="libc")),
                            ("lib/libc.musl-x86_64.so.1", ("l", "ld-musl-x86_64.so.1")), (f"{place}/libz.so.1", elf(soname="libz.so.1")),
                            ("etc/ld.so.cache", cache("/opt/libz.so.1"))))
    needs = image.needs("/app/app")
    assert needs.found["libc.musl-x86_64.so.1"] == loader
    assert needs.missing == (() if found else ("libz.so.1",))


@pytest.mark.parametrize("path", ["/app", "/no", "/app/script", "/lib/a.so", "/app/text"])
def test_only_a_program_has_needs(path):
    found = inventory(layer(APP, ("app/script", SCRIPT, RUN), ("lib/a.so", elf(soname="a")), ("app/text", b"text")))
    with pytest.raises(KeyError, match="is no ELF program of made:1"):
        found.needs(path)


def test_a_hard_link_has_its_file_s_needs():
    found = inventory(layer(APP, ("bin/app", ("h", "app/app"), RUN)))
    assert found.needs("/bin/app").missing == (LOADER, "libc.so.6")
    own = ("app/app", elf("libc.so.6", interpreter=LOADER, runpath="$ORIGIN"), RUN)
    needs = ld(own, ("bin/app", ("h", "app/app"), RUN), ("bin/libc.so.6", LIBC), path="/bin/app")
    assert needs.found == {"libc.so.6": "/bin/libc.so.6"}      # where it was started, and not where its other name is


def test_the_cache_of_ldconfig():
    assert libraries(cache("/lib/a.so", "/lib/b.so")) == ["/lib/a.so", "/lib/b.so"]
    assert libraries(cache("/lib/a.so", older=b"ld.so-1.7.0\0" + bytes(60))) == ["/lib/a.so"]
    assert libraries(cache("lib/a.so", "", "/lib/b.so")) == ["/lib/b.so"]
    whole = cache("/lib/a.so", "/lib/b.so")
    assert libraries(b"") == libraries(b"x" * 100) == libraries(whole[:47]) == []
    for cut in range(len(whole)):
        assert set(libraries(whole[:cut])) <= {"/lib/a.so", "/lib/b.so"}
    assert libraries(struct.pack("<20sII20x", b"glibc-ld.so.cache1.1", 2 ** 32 - 1, 0) + b"\xff" * 240) == []


def test_what_only_one_of_them_has():
    one = inventory(layer(("bin/gcc", PROGRAM, RUN), ("bin/sh", PROGRAM, RUN), ("var/lib/dpkg/status", status(a="1", b="1"))), name="one")
    two = inventory(layer(("usr/bin/gcc-12", PROGRAM, RUN), ("bin/dash", PROGRAM, RUN), ("var/lib/dpkg/status", status(a="2"))), name="two")
    seen = compare([one, two])
    assert [tool.name for tool in seen.only_tools(one)] == ["sh"]       # gcc is in both, at different places
    assert [tool.name for tool in seen.only_tools(two)] == ["dash"]
    assert seen.only_packages(one) == (Package("deb", "b", "1"),) and seen.only_packages(two) == ()   # a in another version
    facts = seen.facts()
    assert facts["only_in"] == {"one": {"tools": ["sh"], "packages": ["b"]}, "two": {"tools": ["dash"], "packages": []}}
    assert [each["image"] for each in facts["images"]] == ["one", "two"]
    assert all("listing" not in each for each in facts["images"])
    assert json.loads(json.dumps(facts)) == facts


def test_a_package_in_two_places_is_listed_once():
    one = inventory(layer(("x/package.json", NPM), ("y/package.json", NPM)))
    assert compare([one, inventory()]).only_packages(one) == (Package("npm", "m", "1"),)


@pytest.mark.parametrize("images, only", [
    (["gcc git", "git sh", "sh curl"], [["gcc"], [], ["curl"]]), (["gcc"], [["gcc"]])])
def test_what_none_of_the_others_has(images, only):
    seen = [inventory(layer(*((f"bin/{name}", PROGRAM, RUN) for name in names.split())), name=names) for names in images]
    assert [[tool.name for tool in compare(seen).only_tools(each)] for each in seen] == only
    assert compare([seen[0], seen[0]]).only_tools(seen[0]) == ()


def test_the_facts_have_the_keys_of_the_design():
    found = inventory(layer(("bin/su", PROGRAM, 0o4755), ("bin/gcc", PROGRAM, RUN), ("var/lib/dpkg/status", status(a="1"))))
    facts = found.facts()
    assert {"files", "executables"} <= facts.keys()
    assert (facts["image"], facts["unpacked"], facts["transfer"], facts["setuid"]) == ("made:1", 1000, None, ["/bin/su"])
    assert facts["layers"] == [{"digest": "sha256:0", "unpacked": 1000, "instruction": "RUN 0"}]
    gcc, su = facts["tools"]
    assert gcc == {"name": "gcc", "kind": "compiler", "path": "/bin/gcc", "layer": "sha256:0", "names": ["/bin/gcc"], "instruction": "RUN 0"}
    assert su["kind"] == "privilege"
    assert facts["packages"] == [{"type": "deb", "name": "a", "version": "1", "layer": "sha256:0", "path": "/var/lib/dpkg/status"}]
    assert "listing" not in facts
    assert json.loads(json.dumps(facts)) == facts


def test_every_file_is_listed_when_it_is_asked_for():
    found = inventory(layer(("a", b"x" * 10), ("b", ("h", "a")), ("c", ("l", "a")), ("d", "d"), ("gone", b"1")),
                      layer(("e", b"yy"), (".wh.gone", b"")))
    assert sorted((path, count, made.instruction) for path, count, made in found.listing()) == [
        ("/a", 10, "RUN 0"), ("/b", 10, "RUN 0"), ("/e", 2, "RUN 1")]
    assert sorted(each["path"] for each in found.facts(files=True)["listing"]) == ["/a", "/b", "/e"]
    assert found.facts(files=True)["listing"][0] == {"path": "/a", "size": 10, "layer": "sha256:0"}
