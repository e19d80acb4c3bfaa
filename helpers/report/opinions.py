"""What linters say about the text: opinions, while findings are measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from .. import lint as linter
from ..builder.linter import SAME
from ..dockerfile import Dockerfile
from ..errors import LinterUnavailable
from .model import Finding

# {rule of hadolint or BuildKit: rule of the report, or of hadolint: of BuildKit, that says the same}. Source:
# hadolint's wiki; docs.docker.com, "Build checks".
_SAME = {"DL3002": "root-user", "DL3006": "moving-tag", "DL3007": "moving-tag", "DL3009": "cache-left",
         "DL3019": "cache-left", "DL3022": "similar-name", "DL3024": "duplicate-stage", "DL3040": "cache-left",
         "DL3042": "cache-left", "DL3060": "cache-left", "DL3064": "secret", "SecretsUsedInArgOrEnv": "secret", **SAME,
         "DL3000": "WorkdirRelativePath", "DL3025": "JSONArgsRecommended", "DL3029": "FromPlatformFlagConstDisallowed",
         "DL3063": "ReservedStageName", "DL4000": "MaintainerDeprecated", "DL3012": "MultipleInstructionsDisallowed",
         "DL4003": "MultipleInstructionsDisallowed", "DL4004": "MultipleInstructionsDisallowed"}
# Of several such instructions, hadolint marks the last one and BuildKit the one before it.
_REPEATED = {"DL3012": "HEALTHCHECK", "DL4003": "CMD", "DL4004": "ENTRYPOINT"}


@dataclass(frozen=True)
class Opinions:
    """What linters say of a Dockerfile."""

    all: tuple[linter.Finding, ...] = ()    # everything that hadolint says
    besides: tuple[linter.Finding, ...] = ()    # those that neither a finding nor one of `checks` repeats
    without: str = ""    # why hadolint was not run, '' if it was
    # what the builder's own checks say, without what a finding on the same line says
    checks: tuple[linter.Finding, ...] = ()


def opinions(dockerfile: Dockerfile, findings: Sequence[Finding], warnings: Sequence[linter.Finding] = ()) -> Opinions:
    """What linters say about a Dockerfile, besides the report's `findings`. `warnings` are the builder's own checks."""
    known = {(each.rule, each.line) for each in findings}
    checks = tuple(each for each in warnings if (_SAME.get(each.rule), each.line) not in known)
    # hadolint may repeat a warning of BuildKit whose rule is also the report's, even without that finding.
    known |= {(name, each.line) for each in warnings for name in (each.rule, _SAME.get(each.rule, each.rule))}
    try:
        said = linter.lint(dockerfile.text)
    except LinterUnavailable as error:
        return Opinions(without=error.what, checks=checks)
    besides = tuple(each for each in said if (_SAME.get(each.rule), _line(each, dockerfile)) not in known)
    return Opinions(said, besides, checks=checks)


def _line(found: linter.Finding, dockerfile: Dockerfile) -> int:
    """The line at which BuildKit would say the same."""
    above = [each.line for each in dockerfile.instructions
             if each.keyword == _REPEATED.get(found.rule) and each.line < found.line]
    return above[-1] if above else found.line
