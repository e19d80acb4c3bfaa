"""Programs that start another program, and interpreters: which of their words names it.

Options are those in each program's manual. After an unknown option, the meaning of the words is unknown.
"""

import getopt
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..inventory import known
from ..inventory.kinds import KIND_OF, SHELL
from .shell_line import Command, Word, last_command

SHELLS = frozenset(name for name, kind in KIND_OF.items() if kind == SHELL)


class Options(NamedTuple):
    """The options of a program."""

    flags: str = ""          # letters
    values: str = ""         # letters of those with a value
    long_flags: str = ""
    long_values: str = ""
    between: int = 0         # words between the options and the command
    assignments: bool = False    # whether NAME=VALUE may come before the command


_SHELL = Options("abefhikmnprtuvxBCEHPTl", "oO", "login norc noprofile posix verbose", "rcfile init-file")
# Source: the manual page of each.
_WRAPPERS = {
    "tini": Options("svwgh", "pe"), "docker-init": Options("svwgh", "pe"), "catatonit": Options("ghLPV"),
    "dumb-init": Options("cvhV", "r", "single-child verbose", "rewrite"),
    "su-exec": Options(between=1), "gosu": Options(between=1), "setuidgid": Options("s", between=1),
    "s6-setuidgid": Options(between=1), "s6-envuidgid": Options("ugnB", "i", between=1),
    "s6-setsid": Options("dbfgiIqs"),
    "s6-applyuidgid": Options("zU", "ugG"), "s6-softlimit": Options("hH", "adfclmnoprst"), "with-contenv": Options(),
    "s6-envdir": Options("Iifn", "cL", between=1), "s6-fdrequire": Options(), "softlimit": Options("", "adfclmnoprst"),
    "envdir": Options(between=1), "envuidgid": Options(between=1),
    "env": Options("i0v", "uC", "ignore-environment debug", "unset chdir", assignments=True),
    "nice": Options("0123456789", "n", "", "adjustment"), "ionice": Options("t", "cn", "ignore", "class classdata"),
    "nohup": Options(), "setsid": Options("cfw", "", "ctty fork wait"),
    "stdbuf": Options("", "ioe", "", "input output error"),
    "timeout": Options("fpv", "ks", "foreground preserve-status verbose", "kill-after signal", between=1),
    "setpriv": Options("", "", "clear-groups keep-groups init-groups no-new-privs nnp reset-env",
                       "ambient-caps inh-caps bounding-set ruid euid reuid rgid egid regid groups securebits pdeathsig "
                       "selinux-label apparmor-profile landlock-access landlock-rule"),
    "chpst": Options("vVP012", "uUbenlLmdopfcrt/"), "doas": Options("nL", "uC"), "fixuid": Options("q"),
    "sudo": Options("EHnSbkPAB", "ugUhpCDRTrt", "preserve-env set-home non-interactive stdin background",
                    "user group host prompt chdir chroot", assignments=True),
    "runuser": Options("", "ugG", "", "user group supp-group"), "authbind": Options("", "", "deep", "depth"),
    "taskset": Options("ac", between=1, long_flags="all-tasks cpu-list"), "chrt": Options("abdfiorv", "TPD", between=1)}
_INTERPRETERS = {
    "python": Options("bBdEhiIOPqRsSuvVx", "WX", "", "check-hash-based-pycs"),
    "node": Options("i", "rC",
                    "enable-source-maps no-warnings trace-warnings trace-uncaught trace-deprecation no-deprecation "
                    "expose-gc inspect inspect-brk preserve-symlinks watch experimental-specifier-resolution "
                    "abort-on-uncaught-exception", "require import loader experimental-loader conditions env-file"),
    "ruby": Options("vwUW0123456789", "IrCE", "yjit jit enable-frozen-string-literal"),
    "perl": Options("wWTtnpalU", "IMm"), "php": Options("qn", "cdz"), **dict.fromkeys(SHELLS, _SHELL)}
_NODE_TRIES = ("", ".js", ".json", ".node")    # require(): nodejs.org/api/modules.html, "All together"
_JAVA_VALUES = frozenset(["-cp", "-classpath", "--class-path", "-p", "--module-path", "--add-modules", "--add-opens",
                          "--add-exports", "--add-reads", "--limit-modules", "--upgrade-module-path", "--patch-module"])


def started(command: Command, environment: Mapping[str, str]) -> Command | None:
    """The command that a shell (`sh -c`) or a wrapper (`tini --`, `gosu nobody`) starts; None for another program, and
    for words that are not understood."""
    words, name = command.words, posixpath.basename(command.words[0].text)
    if known(name) in SHELLS:
        line = _line(words)
        found = last_command(line.text, command.directory, environment) if line and line.literal else None
        login = any(re.match(r"--login$|-[a-z]*[li]", each.text) for each in words[1:])   # reads a profile
        return found and replace(found, certain=found.certain and command.certain and not login)
    options = _WRAPPERS.get(name.removesuffix("-static"))
    if options is None or name == "runuser" and words[1:] and not words[1].text.startswith("-"):
        return None
    if (at := _first_operand(words, options)) is None:
        return None
    given = words[1:at]
    at += options.between
    while options.assignments and at < len(words) and "=" in words[at].text:
        at += 1
    if words[at:at + 1] == [Word("--")]:
        at += 1
    if at >= len(words):
        return None
    # sudo and env -i set PATH; env may set it, or the working directory.
    given = (*given, *words[:at]) if options.assignments else given
    changed = name == "sudo" or any(each.text.startswith(("PATH=", "LD_", "-i", "-C", "--chdir",
                                                          "--ignore")) for each in given)
    sure = (command.certain and words[at].literal and (not changed or words[at].text.startswith("/"))
            and not any(each.text.startswith("LD_") for each in given))
    return Command(words[at:], None if changed else command.directory, sure, direct=False)


def script_operand(command: Command) -> tuple[Word, tuple[str, ...]] | None:
    """(word, endings to try) of the file that an interpreter reads, None if there is none or the words are not
    understood."""
    name = known(posixpath.basename(command.words[0].text))
    name = {"nodejs": "node"}.get(name, name)
    if name == "java":
        return _jar(command.words)
    if name not in _INTERPRETERS:
        return None
    at = _first_operand(command.words, _INTERPRETERS[name])
    if at is None or at >= len(command.words) or command.words[at].text in ("-", ""):
        return None
    word = command.words[at]
    if name == "node" and word.text in ("inspect", "debug"):
        return None
    return word, _NODE_TRIES if name == "node" else ("",)


def _line(words: Sequence[Word]) -> Word | None:
    """The line after a shell's -c."""
    wanted = skip = False
    for word in words[1:]:
        if skip:
            skip = False
        elif word.text[:1] in ("-", "+") and not word.text.startswith("--") and len(word.text) > 1:
            wanted |= "c" in word.text
            skip = word.text[-1] in "oO"
        elif not word.text.startswith("--"):
            return word if wanted else None
    return None


def _first_operand(words: Sequence[Word], options: Options) -> int | None:
    """The index of the first word that is neither an option nor its value; None after an unknown option."""
    texts = ["--known" if word.text.startswith("--") and "=" in word.text else word.text for word in words[1:]]
    long = ["known", *options.long_flags.split(), *(f"{each}=" for each in options.long_values.split())]
    try:
        _, rest = getopt.getopt(texts, options.flags + "".join(f"{each}:" for each in options.values), long)
    except getopt.GetoptError:
        return None
    at = len(words) - len(rest)
    read = words[1:at] if words[at - 1].text == "--" else words[1:at + 1]
    # An option's value may be anything.
    return at if all(word.literal or word.text[:1] not in ("", "-") and word is not read[-1] for word in read) else None


def _jar(words: Sequence[Word]) -> tuple[Word, tuple[str, ...]] | None:
    """The file behind `java -jar`. Source: the java command, "Synopsis"."""
    at, jar = 1, False
    while at < len(words) and words[at].literal and words[at].text.startswith("-"):
        jar |= words[at].text == "-jar"
        at += 2 if words[at].text in _JAVA_VALUES else 1
    return (words[at], ("",)) if jar and at < len(words) and not words[at].text.startswith("@") else None
