"""Names and values that look like secrets, in ARG and ENV."""

import re
from collections.abc import Iterator, Sequence

from ..dockerfile import Instruction
from ..dockerfile.scope import settings
from .context import ReportContext
from .model import Finding

# How the name of a secret ends. PASS, PWD and KEY need a word before them, since other names end in them too (COMPASS,
# OLDPWD, CACHE_KEY).
_SECRET = re.compile(
    r"(?:TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|SECRETS|CREDENTIALS?|"
    r"(?:^|_|DB|SMTP|MAIL|ROOT|ADMIN|USER|FTP|SSH|PG|SQL|REDIS|SUDO|VNC)(?:PASS|PWD|PW)|(?:GH|GITHUB|GITLAB|AZURE|"
    r"DEVOPS)_?PAT|"
    r"(?:^|_)(?:BASIC|REGISTRY|PROXY|NPM_CONFIG_?)_AUTH|DOCKER_AUTH_CONFIG|"
    r"(?:API|ACCESS|SECRET|PRIVATE|AUTH|SIGNING|ENCRYPTION|DEPLOY|SSH|MASTER|JWT|LICENSE|ACCOUNT|SHARED|(?:^|"
    r"_)APP)_?KEY)"
    # It may end in which of several it is; NAME_FILE and NAME_PATH only say where it is.
    r"(?:_?\d+|_(?:BASE|DEV|LIVE|NEW|OLD|PRIMARY|PROD|PRODUCTION|SECONDARY|STAGING|TEST|VALUE))*$")
# Public keys, tokens of a language model, switches, and the shell's own variables.
_HARMLESS = re.compile(r"(?:^|_)PUB(?:LIC)?(?:_|KEY)|(?:^|_)(?:BOS|CLS|CSRF|EOS|MASK|MAX|NUM|PAD|SEP|STOP|UNK)_TOKEN$|"
                       r"^(?:ALLOW|CHECK|DISABLE|ENABLE|HAS|IGNORE|NO|REQUIRE|SKIP|USE|WITH(?:OUT)?)_|^(?:OLD)?PWD$")
# How the keys of some services begin. Source: the services' documentation.
_ISSUED = re.compile(r"(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_\w{36}|github_pat_\w{22,}|glpat-[\w-]{20}|"
                     r"xox[abprs]-[\w-]{10,}|"
                     r"npm_\w{36}|(?:sk|rk)_(?:live|test)_\w{16,}|AIza[\w-]{35}|dckr_pat_[\w-]{20,}|pypi-AgE[\w-]{16,}|"
                     r"hf_\w{30,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.|-----BEGIN [A-Z ]*PRIVATE KEY-----")
_IN_URL = re.compile(r"\w://[^/\s:@]*:[^/\s@${]+@")    # scheme://user:password@host
_SWITCHES = ("", "true", "false", "yes", "no", "on", "off", "0", "1", "none", "null")


def secrets(context: ReportContext) -> Iterator[Finding]:
    """ARG and ENV whose name or value looks like a secret, in the stages that are built.

    Evidence: the instruction. An ENV is in the image's configuration, an ARG in the history of every RUN below it.
    Source: docs.docker.com, "Build secrets"; BuildKit's check SecretsUsedInArgOrEnv.
    """
    for stage in context.needed:
        for each in stage.instructions:
            if each.keyword in ("ARG", "ENV"):
                names = [name for name, value in settings(each) if looks_secret(each.keyword, name, value)]
                if names:
                    runs = any(other.keyword == "RUN" and other.line > each.line for other in stage.instructions)
                    yield _secret(each, names, stage in context.lines.stages, runs)


def looks_secret(keyword: str, name: str, value: str) -> bool:
    """Whether an ARG or ENV with that name and value holds a secret. An ARG may have no value yet; a path, address or
    switch is no secret."""
    if _ISSUED.search(value) or _IN_URL.search(value):
        return True
    # accessToken -> ACCESS_TOKEN
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()
    if not _SECRET.search(name) or _HARMLESS.search(name):
        return False
    if not value:
        return keyword == "ARG"
    return value.lower() not in _SWITCHES and not re.match(r"/|\./|https?://|file:", value)


def _secret(each: Instruction, names: Sequence[str], shipped: bool, runs: bool) -> Finding:
    named = " and ".join(names)
    if shipped and each.keyword == "ENV":
        severity, why = "high", "It is in the image's configuration, where everyone who has the image can read it."
    elif shipped and runs:
        severity, why = "high", "The image's history records the arguments of every RUN."
    elif shipped:
        severity, why = "medium", "The next RUN below it will record its value in the image's history."
    else:
        severity, why = "medium", "It stays in that stage's history and cache, wherever these are pushed."
    return Finding(
        "secret", severity, each.line, f"{each.keyword} {named} looks like a secret.", why,
        f"Mount it for the one command that needs it: RUN --mount=type=secret,id={names[0].lower()} ... "
        "If the program needs it at run time, pass it to the container.")
