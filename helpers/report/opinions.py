"""What linters say of the text besides: an opinion, where a finding has been measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from .. import lint as linter
from ..builder.linter import SAME
from ..dockerfile import Dockerfile
from ..errors import LinterUnavailable
from .model import Finding

# Rules that say the same: of hadolint or BuildKit as one of ours, which has evidence; of hadolint as BuildKit's.
# Source: hadolint's wiki; docs.docker.com, "Build checks".
_SAME = {"DL3002": "root-user", "DL3006": "moving-tag", "DL3007": "moving-tag", "DL3009": "cache-left",
         "DL3019": "cache-left", "DL3022": "similar-name", "DL3024": "duplicate-stage", "DL3040": "cache-left",
         "DL3042": "cache-left", "DL3060": "cache-left", "DL3064": "secret", "SecretsUsedInArgOrEnv": "secret", **SAME,
         "DL3000": "WorkdirRelativePath", "DL3025": "JSONArgsRecommended", "DL3029": "FromPlatformFlagConstDisallowed",
         "DL3063": "ReservedStageName", "DL4000": "MaintainerDeprecated", "DL3012": "MultipleInstructionsDisallowed",
         "DL4003": "MultipleInstructionsDisallowed", "DL4004": "MultipleInstructionsDisallowed"}
# Of several, hadolint marks the one that counts and BuildKit the one before, which does not.
_REPEATED = {"DL3012": "HEALTHCHECK", "DL4003": "CMD", "DL4004": "ENTRYPOINT"}


@dataclass(frozen=True)
class Opinions:
    """What linters say of a Dockerfile."""

    all: tuple[linter.Finding, ...] = ()    # everything that hadolint says
    besides: tuple[linter.Finding, ...] = ()    # without what a finding or one of `checks` says already
    without: str = ""    # why hadolint says nothing, '' if it did speak
    # what the builder's own checks say, without what a finding on the same line says already
    checks: tuple[linter.Finding, ...] = ()


def opinions(dockerfile: Dockerfile, findings: Sequence[Finding], warnings: Sequence[linter.Finding] = ()) -> Opinions:
    """What linters say of a Dockerfile, beside the report's `findings`; `warnings` are of the builder's own checks."""
    known = {(each.rule, each.line) for each in findings}
    checks = tuple(each for each in warnings if (_SAME.get(each.rule), each.line) not in known)
    # What BuildKit says as one of ours does, hadolint may say too, and ours need not have been found.
    known |= {(name, each.line) for each in warnings for name in (each.rule, _SAME.get(each.rule, each.rule))}
    try:
        said = linter.lint(dockerfile.text)
    except LinterUnavailable as error:
        return Opinions(without=error.what, checks=checks)
    besides = tuple(each for each in said if (_SAME.get(each.rule), _line(each, dockerfile)) not in known)
    return Opinions(said, besides, checks=checks)


def _line(found: linter.Finding, dockerfile: Dockerfile) -> int:
    """The line at which BuildKit says the same."""
    above = [each.line for each in dockerfile.instructions
             if each.keyword == _REPEATED.get(found.rule) and each.line < found.line]
    return above[-1] if above else found.line
