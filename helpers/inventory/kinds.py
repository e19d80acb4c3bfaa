"""The known programs, by kind. A kind answers a question about an image: what could it build, download, connect to?
Names are the common ones; `known` removes versions and machine names from a file's name."""

import re

COMPILER, LINKER, ASSEMBLER, BUILD = "compiler", "linker", "assembler", "build tool"
SHELL, PACKAGES, DOWNLOADER = "shell", "package manager", "downloader"
INTERPRETER, DEBUGGER, VERSIONS = "interpreter", "debugger", "version control"
NETWORK, PRIVILEGE = "network client", "privilege"

# In the order of tables and charts.
KINDS = (COMPILER, LINKER, ASSEMBLER, BUILD, PACKAGES, VERSIONS, DEBUGGER, SHELL, INTERPRETER,
         DOWNLOADER, NETWORK, PRIVILEGE)

# Kinds that building needs and running does not.
BUILDING = (COMPILER, LINKER, ASSEMBLER, BUILD, PACKAGES, VERSIONS, DEBUGGER)

_NAMES = {
    COMPILER: "go gcc g++ cc c++ cpp clang clang++ tcc cc1 cc1plus cc1obj lto1 lto-wrapper gfortran f951 gnat1 gdc "
              "rustc javac kotlinc scalac groovyc ghc ocamlc ocamlopt swiftc dmd ldc2 zig nim crystal fpc tsc esbuild "
              "compile-go cgo gccgo mcs csc vala valac protoc llc opt nvcc icc icx c89 c99",
    LINKER: "ld ld.bfd ld.gold ld.lld lld gold mold collect2 link-go jlink",
    ASSEMBLER: "as nasm yasm fasm asm-go llvm-as",
    BUILD: "make gmake cmake ctest ninja meson bazel ant gradle mvn sbt autoconf automake libtool pkg-config pkgconf "
           "dpkg-buildpackage rake jar ar ranlib strip objcopy patch bison flex m4 webpack vite rollup",
    PACKAGES: "apt apt-get aptitude dpkg apk rpm dnf yum microdnf tdnf zypper pacman opkg xbps-install "
              "emerge snap flatpak nix pip pip3 pipx poetry uv conda mamba npm npx yarn pnpm corepack "
              "bun gem bundle cargo composer cpan cpanm luarocks hex opam go-install",
    VERSIONS: "git hg svn bzr cvs fossil darcs",
    DEBUGGER: "gdb gdbserver lldb strace ltrace perf valgrind dlv jdb jstack jmap jcmd rr pdb objdump readelf nm",
    SHELL: "sh bash dash ash zsh ksh mksh fish csh tcsh pwsh rbash busybox toybox",
    INTERPRETER: "python python2 python3 perl ruby node nodejs deno php lua luajit tclsh wish guile awk gawk mawk "
                 "original-awk java Rscript R erl elixir julia racket sbcl escript jshell bc dc expect groovy scala",
    DOWNLOADER: "curl wget aria2c axel http httpie lynx links elinks w3m ftp lftp ncftp tftp rsync scp sftp ftpget",
    NETWORK: "nc ncat netcat nc.openbsd nc.traditional nmap socat ssh telnet openssl gnutls-cli dig host "
             "nslookup ping traceroute tcpdump tshark whois slogin ssh-keyscan mysql psql redis-cli"}
KIND_OF = {name: kind for kind, names in _NAMES.items() for name in names.split()}
RANK = {name: rank for rank, name in enumerate(KIND_OF)}    # the best known of a kind first

_ONE = {"python2": "python", "python3": "python", "pip3": "pip"}

# Names with other meanings, which prove nothing outside of executable paths (apt has its own downloader `http`).
AMBIGUOUS = frozenset("http ftp host opt R links patch expect link make".split())

# Go's own tools by their main package: the names of their files are ambiguous (`link`, `asm`).
GO_TOOLS = {"cmd/go": "go", "cmd/compile": "compile-go", "cmd/link": "link-go", "cmd/asm": "asm-go", "cmd/cgo": "cgo"}

# Machine, optional vendor, system: 'x86_64-linux-gnu-gcc-12', 'aarch64-unknown-linux-musl-ld.bfd'.
_TRIPLET = re.compile(r"^(?:x86_64|i[3-6]86|aarch64|arm\w*|powerpc\w*|ppc64\w*|s390x|riscv\d*|mips\w*|"
                      r"loongarch64|sparc64|m68k|alpha|hppa|sh4|ia64)"
                      r"(?:-(?:unknown|pc|none|redhat|suse|alpine|amazon|oe|buildroot|poky|w64))?"
                      r"(?:-(?:linux|elf|eabi\w*|gnu\w*|musl\w*|uclibc\w*|android\w*|mingw32\w*|freebsd\w*))+-")
_VERSION = re.compile(r"[-.]?\d+(?:\.\d+)*[a-z]?$")
_ENDINGS = (".exe", ".js")      # not .sh or .py: make.sh calls make at best


def known(name: str) -> str:
    """The common name of a program's file, '' if unknown: 'gcc' for 'x86_64-linux-gnu-gcc-12', 'pip' for 'pip3'."""
    bare = _TRIPLET.sub("", name)
    plain = next((bare.removesuffix(each) for each in _ENDINGS if bare.endswith(each)), bare)
    for candidate in (plain, _VERSION.sub("", plain)):
        if candidate in KIND_OF and (plain == bare or candidate not in AMBIGUOUS):
            return _ONE.get(candidate, candidate)
    return ""
