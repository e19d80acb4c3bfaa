"""Programs and libraries: files made by hand, files of a compiler, files of this machine, which pyelftools reads too."""

import io
import json
import random
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import asdict
from functools import cache
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile

from helpers.formats import Elf, Package, elf, marks, symbols
from tests.elfs import framed, go_record, make
from tests.waiting import lacks

DATA = Path(__file__).resolve().parents[1] / "data" / "content"
FORMS = [(bits, order) for bits in (32, 64) for order in ("little", "big")]
each_form = pytest.mark.parametrize("bits, order", FORMS, ids=lambda value: str(value))

PIE = 0x08000000
LOADER = "/lib64/ld-linux-x86-64.so.2"


def read(data):
    return elf(data, len(data))


@each_form
def test_all_headers_of_a_library_and_a_program(bits, order):
    library = make(bits=bits, order=order, needed=("libc.so.6", "libm.so.6"), soname="libx.so.1", runpath="$ORIGIN/../lib:/opt/lib")
    assert read(library) == Elf("x86-64", bits, "shared", False, "", ("libc.so.6", "libm.so.6"),
                                ("$ORIGIN/../lib", "/opt/lib"), "libx.so.1", "", "", ())
    program = make(bits=bits, order=order, loader=LOADER, needed=("libc.so.6",), flags_1=PIE)
    assert read(program) == Elf("x86-64", bits, "pie", False, LOADER, ("libc.so.6",), (), "", "", "", ())
    assert [witness(data) for data in (library, program)] == [told(read(data)) for data in (library, program)]


@pytest.mark.parametrize("made, kind, static", [
    (dict(kind=2), "executable", True),
    (dict(kind=2, loader=LOADER, needed=("libc.so.6",)), "executable", False),
    (dict(kind=2, needed=("libc.so.6",)), "executable", False),
    (dict(kind=2, loader=LOADER), "executable", False),
    (dict(kind=3, flags_1=PIE), "pie", True),
    (dict(kind=3, flags_1=PIE, loader=LOADER), "pie", False),
    (dict(kind=3, loader=LOADER), "pie", False),                         # linked before the mark was
    (dict(kind=3, loader=LOADER, soname="libc.so.6"), "shared", False),   # a library that can be run
    (dict(kind=3), "shared", False),
    (dict(kind=0), "other", False),
    (dict(kind=0xFE00), "other", False),
])
def test_kinds(made, kind, static):
    found = read(make(**made))
    assert (found.kind, found.static) == (kind, static)


@pytest.mark.parametrize("number, name", [
    (3, "i386"), (8, "mips"), (21, "ppc64"), (22, "s390"), (40, "arm"), (62, "x86-64"),
    (183, "aarch64"), (243, "riscv"), (258, "loongarch"), (9999, "9999")])
def test_machines(number, name):
    assert read(make(machine=number)).machine == name


@pytest.mark.parametrize("made, runpath", [
    (dict(rpath="/old"), ("/old",)), (dict(rpath="/old", runpath="/new"), ("/new",)), (dict(runpath="a::b"), ("a", "", "b"))])
def test_rpath_counts_only_without_runpath(made, runpath):
    assert read(make(**made)).runpath == runpath


def test_bytes_beyond_the_end_of_the_file_do_not_count():
    data = make(needed=("libc.so.6",))
    assert read(memoryview(data)) == read(data)
    for buffer in (data + b"other bytes", memoryview(data + b"other bytes")):
        assert elf(buffer, len(data)) == read(data)
    for size in range(len(data)):
        assert elf(data, size) == elf(data[:size], size)


def test_the_first_of_two_loaders_counts_as_for_linux():
    data = bytearray(make(loader="/first", parts=((0x600000, b"/second\0"),)))
    last = 64 + 56 * 3
    assert data[last:last + 4] == b"\1\0\0\0"   # a PT_LOAD, made a PT_INTERP
    data[last] = 3
    assert read(bytes(data)).interpreter == "/first"


def test_the_dynamic_section_is_where_its_address_says_as_for_a_loader():
    data = bytearray(make(needed=("libc.so.6",)))
    dynamic = 64 + 56   # the second segment; its p_offset follows type and flags
    assert data[dynamic] == 2
    data[dynamic + 8:dynamic + 16] = bytes(8)
    assert read(bytes(data)).needed == ("libc.so.6",)


@pytest.mark.parametrize("kind, name", [(1, "object"), (4, "core")])
def test_of_an_object_or_a_core_only_the_kind_is_reported(kind, name):
    assert read(make(kind=kind, loader=LOADER, needed=("libc.so.6",), soname="x")) == Elf(
        "x86-64", 64, name, False, "", (), (), "", "", "", ())


def test_names_that_are_not_utf_8_are_printable():
    data = make(needed=("libé.so",)).replace("é".encode(), b"\xff\xfe")
    assert read(data).needed == ("lib\ufffd\ufffd.so",)


@pytest.mark.parametrize("data", [b"", b"\x7f", b"\x7fELF", b"#!/bin/sh\n", b"MZ" + bytes(100), bytes(64),
                                  b"\x7fELF" + bytes(100), b"\x7fELF\x03\x01" + bytes(100),
                                  b"\x7fELF\x02\x03" + bytes(100), b"\x7fELG\x02\x01" + bytes(100),
                                  b"\x7fELF\2\1\1\0.symtab\0"])
def test_bytes_that_are_no_elf_file(data):
    assert read(data) is read(memoryview(data)) is None and not symbols(data)


def go_built(*records):
    return make(kind=2, parts=((0x600000, b"".join(records)),))


WHOLE = make(loader=LOADER, needed=("liba.so.1", "libb.so.2"), runpath="$ORIGIN", soname="me", flags_1=PIE,
             parts=((0x600000, go_record(b"go1.20")),))


def sane(found):
    """None, or values that can be shown and hashed."""
    if found is not None:
        assert found.bits in (32, 64) and isinstance(found.static, bool)
        json.dumps(asdict(found), ensure_ascii=False).encode()
        hash(found)


@each_form
def test_a_truncated_file_yields_less_and_nothing_else(bits, order):
    whole = make(bits=bits, order=order, loader=LOADER, needed=("liba.so.1", "libb.so.2"), runpath="$ORIGIN",
                 soname="me", flags_1=PIE)
    full = read(whole)
    for length in range(len(whole)):
        found = elf(whole[:length], len(whole))
        if length < (64 if bits == 64 else 52):
            assert found is None
            continue
        assert (found.machine, found.bits, found.static) == (full.machine, full.bits, False)
        assert found.interpreter in ("", full.interpreter) and found.soname in ("", full.soname)
        assert found.runpath in ((), full.runpath) and set(found.needed) <= set(full.needed)


def test_a_program_is_called_static_only_if_its_tables_are_there():
    whole, headers = make(kind=2), 64 + 56
    assert elf(whole[:headers], len(whole)).static
    assert not any(elf(whole[:length], len(whole)).static for length in range(64, headers))
    assert not elf(make(kind=2, loader=LOADER)[:headers], 1000).static   # its first segment is there, PT_INTERP is not


@pytest.mark.parametrize("seed", range(8))
def test_random_damage(seed):
    chance = random.Random(seed)
    whole = make(bits=32, order="big", needed=("liba.so.1",)) if seed % 2 else WHOLE
    for _ in range(2000):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8, 64))):
            data[chance.randrange(4, len(data))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        sane(elf(bytes(data), chance.choice((len(data), len(data) * 2, 0))))


@pytest.mark.parametrize("place, width", [(32, 8), (40, 8), (54, 2), (56, 2), (58, 2), (60, 2), (62, 2)])
def test_offsets_and_counts_that_point_nowhere(place, width):
    for value in (0, 1, 0x7FFF, 0xFFFF, (1 << 63) - 1, (1 << 64) - 1):
        data = bytearray(WHOLE)
        data[place:place + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
        sane(read(bytes(data)))


@pytest.mark.parametrize("named, found", [(("x",) * 3000, ("x",) * 1024), (("", "", ""), ())])
def test_a_program_is_not_called_static_where_names_of_libraries_are_too_many_or_unreadable(named, found):
    program = read(make(kind=2, needed=named))
    assert (program.needed, program.static) == (found, False)


def test_an_endless_name_is_ignored():
    at = WHOLE.index(b"liba.so.1")
    assert "liba.so.1" not in read(WHOLE[:at] + b"a" * (1 << 20)).needed


def test_strings_outside_the_file_are_empty():
    data = bytearray(make(needed=("libc.so.6",), soname="me"))
    strtab = data.index((5).to_bytes(8, "little"), 64 + 2 * 56)   # DT_STRTAB, after the program headers
    data[strtab + 8:strtab + 16] = (1 << 40).to_bytes(8, "little")
    found = read(bytes(data))
    assert (found.needed, found.soname) == ((), "")


def test_separate_debug_data_is_no_static_program():
    """objcopy --only-keep-debug leaves the program headers, with nothing behind them."""
    data = bytearray(make(kind=2))
    data[64 + 32:64 + 40] = bytes(8)   # p_filesz of the only segment
    assert not read(bytes(data)).static


# data/content/go-build-info.json: the record's bytes as Go wrote them (and in the form before
# Go 1.18 the strings that it points to), and what `go version -m` said of the file.

RECORDS = json.loads((DATA / "go-build-info.json").read_text())
each_record = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["told"][0] + record["order"])


def go_file(record, section=".go.buildinfo", **more):
    parts = tuple((address, bytes.fromhex(raw)) for address, raw in record["parts"])
    return make(bits=record["bits"], order=record["order"], kind=2, parts=parts, section=section, **more)


def go_modules(record):
    """[(name, version)] by the lines of `go version -m`, Go's own library last."""
    found = []
    for line in record["told"]:
        word, *rest = line.split("\t")
        if word in ("mod", "dep"):
            found.append((rest[0], rest[1]))
        elif word == "=>":
            found[-1] = (rest[0], rest[1])
    return [*found, ("stdlib", record["told"][0])]


@each_record
@pytest.mark.parametrize("section", [".go.buildinfo", ""], ids=["by name", "by search"])
def test_go_s_build_information(record, section):
    found = read(go_file(record, section))
    assert found.go == record["told"][0] and found.static
    assert [(each.type, each.name, each.version) for each in found.packages] == \
        [("go-module", *each) for each in go_modules(record)]


@each_record
def test_a_file_that_names_its_sections_and_has_no_record_is_not_searched(record):
    assert read(go_file(record, ".data")).go == ""


@each_record
def test_a_truncated_record(record):
    whole = go_file(record, "")
    for length in range(64, len(whole), 3):
        found = elf(whole[:length], len(whole))
        sane(found)
        assert found.go in ("", record["told"][0])


@each_record
def test_random_damage_to_go_s_record(record):
    chance, whole = random.Random(7), go_file(record)
    for _ in range(1500):
        data = bytearray(whole)
        for _ in range(4):
            data[chance.randrange(64, len(data))] = chance.randrange(256)
        sane(read(bytes(data)))


@pytest.mark.parametrize("version, named", [
    ("go1.23.1 X:nocoverageredesign", "go1.23.1"), ("go1.22.10", "go1.22.10"), ("devel +abc", "devel")])
def test_the_standard_library_has_the_plain_version(version, named):
    found = read(go_built(go_record(version.encode())))
    assert (found.go, found.packages) == (version, (Package("go-module", "stdlib", named),))


@pytest.mark.parametrize("listed, named", [
    (b"path\tcmd/vet\nbuild\t-compiler=gc\n", [("cmd/vet", "(devel)")]),
    (b"path\tcmd/vet\ndep\ta\tv1\n", [("cmd/vet", "(devel)"), ("a", "v1")]),
    (b"path\ta/cmd/b\nmod\ta\tv2\nbuild\t-compiler=gc\n", [("a", "v2")]),
    (b"build\t-compiler=gc\nbuild\tGOOS=linux\n", [])])
def test_a_program_of_no_module_goes_by_its_main_package(listed, named):
    found = read(go_built(go_record(b"go1.20", framed(listed))))
    assert [(each.name, each.version) for each in found.packages] == [*named, ("stdlib", "go1.20")]


def test_a_list_of_modules_without_a_frame_is_ignored():
    listed = framed(b"mod\ta\tv1\nmod\tb\tv1")   # no newline before the end of the frame
    assert [each.name for each in read(go_built(go_record(b"go1.20", listed))).packages] == ["stdlib"]


def test_a_record_in_the_code_is_ignored():
    data = bytearray(go_built(go_record(b"go1.20")))
    flags = 64 + 56 + 4   # p_flags of the second segment
    assert (read(bytes(data)).go, data[flags]) == ("go1.20", 6)
    data[flags] = 5
    assert read(bytes(data)).go == ""


def test_false_records_before_the_true_one():
    """One begins where none may (at a multiple of 16), one is empty."""
    shifted = (b"x" + go_record(b"go1.99")).ljust(48, b".")
    assert read(go_built(shifted, go_record(b"").ljust(48, b"\0"), go_record(b"go1.20"))).go == "go1.20"


@each_form
def test_records_before_go_1_18(bits, order):
    """Before Go 1.18: two addresses of strings, each an address and a length."""
    listed = framed(b"path\tx\nmod\texample.org/x\tv1.0.0\n\n")
    at, width = 0x600000, bits // 8

    def words(*values):
        return b"".join(value.to_bytes(width, order) for value in values)

    record = b"\xff Go buildinf:" + bytes([width, order == "big"]) + words(at + 32, at + 48)
    strings = words(at + 64, 6).ljust(16, b"\0") + words(at + 70, len(listed)).ljust(16, b"\0")
    data = record.ljust(32, b"\0") + strings + b"go1.13" + listed
    found = read(make(bits=bits, order=order, kind=2, parts=((at, data),)))
    assert (found.go, found.packages[0]) == ("go1.13", Package("go-module", "example.org/x", "v1.0.0"))


def witness(data):
    """The same from pyelftools."""
    file = ELFFile(io.BytesIO(data))
    loader, needed, single = "", [], {}
    for segment in file.iter_segments():
        if segment["p_type"] == "PT_INTERP":
            loader = segment.get_interp_name()
        elif isinstance(segment, DynamicSegment):
            for tag in segment.iter_tags():
                if tag.entry.d_tag == "DT_NEEDED":
                    needed.append(tag.needed)
                elif tag.entry.d_tag in ("DT_RPATH", "DT_RUNPATH", "DT_SONAME"):
                    single[tag.entry.d_tag] = getattr(tag, tag.entry.d_tag[3:].lower())
    path = single.get("DT_RUNPATH") or single.get("DT_RPATH", "")
    return {"bits": file.elfclass, "interpreter": loader, "needed": tuple(needed), "runpath": path,
            "soname": single.get("DT_SONAME", "")}


def told(found):
    return {"bits": found.bits, "interpreter": found.interpreter, "needed": found.needed,
            "runpath": ":".join(found.runpath), "soname": found.soname}


def tool(name):
    return sys.platform == "linux" and shutil.which(name) or lacks(f"{name} is not here")


def compiled(folder, *flags):
    """The bytes of `out`, made of a small program in C."""
    (folder / "main.c").write_text('int puts(const char *); int main(void) { return puts("here") < 0; }\n')
    done = subprocess.run([tool("gcc"), *flags, "-o", "out", "main.c"], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        lacks(f"gcc {' '.join(flags)}: {done.stderr}")   # no static libraries, for one
    return (folder / "out").read_bytes()


@cache
def programs(folder, most):
    """ELF files in a folder and below, at most so many."""
    found = []
    for path in sorted(Path(folder).rglob("*")):
        if len(found) < most and path.is_file() and not path.is_symlink() and path.stat().st_size < 20_000_000:
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    found.append(path)
    return found


LIBRARIES = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH') or ''}"


@pytest.mark.parametrize("folder, most", [("/usr/bin", 300), (LIBRARIES, 60)])
def test_programs_of_this_machine_as_pyelftools_reads_it(folder, most):
    checked = 0
    for path in programs(folder, most):
        data = path.read_bytes()
        found = read(data)
        assert found is not None, path
        if found.kind not in ("object", "core"):
            assert told(found) == witness(data), path
            checked += 1
    if not checked:
        pytest.skip(f"no ELF file in {folder}")


BUILT = {
    # flags: kind, static, has a loader, needs libc, runpath
    "static": (["-static"], "executable", True, False, False, ()),
    "static-pie": (["-static-pie"], "pie", True, False, False, ()),
    "pie": (["-pie", "-fPIE"], "pie", False, True, True, ()),
    "fixed": (["-no-pie"], "executable", False, True, True, ()),
    "shared": (["-shared", "-fPIC", "-Wl,-soname,libit.so.3"], "shared", False, False, True, ()),
    "runpath": (["-pie", "-fPIE", "-Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib:/opt/x"], "pie", False, True, True,
                ("$ORIGIN/../lib", "/opt/x")),
    "rpath": (["-pie", "-fPIE", "-Wl,--disable-new-dtags,-rpath,$ORIGIN"], "pie", False, True, True, ("$ORIGIN",)),
    "object": (["-c"], "object", False, False, False, ()),
}


@pytest.mark.parametrize("case", list(BUILT))
def test_what_a_compiler_makes(case, tmp_path):
    flags, kind, static, loads, needs, runpath = BUILT[case]
    data = compiled(tmp_path, *flags)
    found = read(data)
    assert (found.kind, found.static, bool(found.interpreter)) == (kind, static, loads)
    assert any(name.startswith("libc.") for name in found.needed) == needs
    assert found.runpath == runpath
    assert found.soname == ("libit.so.3" if case == "shared" else "")
    if kind != "object":
        assert told(found) == witness(data)
        subprocess.run([tool("strip"), "--strip-all", "-o", "less", "out"], cwd=tmp_path, check=True)
        assert read((tmp_path / "less").read_bytes()) == found


def test_a_real_program_without_its_section_headers(tmp_path):
    data = compiled(tmp_path)
    found, cut = read(data), bytearray(data)
    table, width, counts = (40, 8, 58) if found.bits == 64 else (32, 4, 46)   # e_shoff; e_shentsize and on
    cut[table:table + width], cut[counts:counts + 6] = bytes(width), bytes(6)
    assert read(bytes(cut)) == found and found.needed


@pytest.mark.parametrize("flag, between", [("separate-code", ()), ("noseparate-code", ("bash",))])
def test_a_real_program_is_known_by_its_texts_and_not_by_its_instructions(tmp_path, flag, between):
    """Where the linker puts constants among the instructions, all of it is looked at."""
    data = compiled(tmp_path, f"-Wl,-z,{flag}")
    code = ELFFile(io.BytesIO(data)).get_section_by_name(".text")["sh_offset"]
    assert marks(data) == ()
    assert marks(over(data, code, b"GNU bash, version")) == between
    assert marks(over(data, data.index(b"here\0"), b"Toybox ")) == ("toybox",)


def over(data, at, said):
    return data[:at] + said + data[at + len(said):]


@pytest.mark.parametrize("flags, strip, found", [
    ((), None, True), (("-g",), None, True), (("-s",), None, False), (("-g",), "--strip-all", False), (("-g",), "--strip-debug", True),
])
def test_symbols_as_pyelftools_sees_them(tmp_path, flags, strip, found):
    data = compiled(tmp_path, *flags)
    if strip:
        subprocess.run([tool("strip"), strip, "out"], cwd=tmp_path, check=True)
        data = (tmp_path / "out").read_bytes()
    sections = [each.name for each in ELFFile(io.BytesIO(data)).iter_sections()]
    assert symbols(data) == found == (".symtab" in sections or any(each.startswith(".debug") for each in sections))


def test_damaged_tables_cost_nothing():
    whole = Path(sys.executable).resolve().read_bytes()[:2_000_000]
    chance = random.Random(7)
    for _ in range(200):
        data = bytearray(whole[:200_000])
        for _ in range(20):
            data[chance.randrange(64)] = chance.randrange(256)
        data[:4] = b"\x7fELF"
        symbols(bytes(data))   # raises nothing
