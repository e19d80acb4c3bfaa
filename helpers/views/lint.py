"""A Dockerfile with what hadolint says beside its lines, and its word on several of them."""

from collections.abc import Mapping, Sequence

from ..lint import Finding
from ..text import escape, shown
from ..units import counted
from .markup import BAD, FAIR, QUIET, code, prose, table

_MARKS = {"error": "✘", "warning": "▲", "info": "•", "style": "•"}
_COLOURS = {"error": BAD, "warning": FAIR}   # of the marks; the rest are quiet


class Linted:
    """A Dockerfile's lines, each with the findings on it below.

    findings  hadolint's, in the order of the lines
    without   a sentence that says why there are none, where hadolint is not to be had
    """

    def __init__(self, name: str, text: str, findings: Sequence[Finding] = (), without: str = ""):
        self.name = name
        self.lines = text.splitlines()
        self.findings = tuple(findings)
        self.without = without

    @property
    def rules(self) -> list[str]:
        """The rules that were broken, in the order of the lines, each once."""
        return list(dict.fromkeys(each.rule for each in self.findings))

    def _on(self, line: int) -> list[Finding]:
        return [each for each in self.findings if min(each.line, len(self.lines)) == line]

    @property
    def _head(self) -> str:
        said = self.without or f"hadolint has {counted(len(self.findings), 'finding') if self.findings else 'nothing to say'}"  # noqa: E501
        return f"{self.name}: {said}"

    def __repr__(self) -> str:
        rows = [self._head]
        for number, line in enumerate(self.lines, 1):
            rows.append(f"{number:>3}  {line}")
            rows += [f"     {_MARKS[each.level]} {each.level} {each.rule}: {each.message}" for each in self._on(number)]
        return shown("\n".join(rows))

    def _repr_html_(self) -> str:
        rows = []
        for number, line in enumerate(self.lines, 1):
            rows.append(escape(f"{number:>3}  {line}"))
            rows += [f"<i style='white-space:pre-wrap'>     "
                     f"<span style='color:{_COLOURS.get(each.level, QUIET)}' aria-hidden='true'>{_MARKS[each.level]} </span>"  # noqa: E501
                     f"{each.level} {escape(each.rule)}: {escape(each.message)}</i>" for each in self._on(number)]
        body = "\n".join(rows)
        return (f"<figure style='margin:0'><figcaption>{escape(self._head)}</figcaption>"
                f"<pre style='margin:0;white-space:pre;overflow-x:auto'>{body}</pre></figure>")


class Opinions:
    """What hadolint says of several Dockerfiles, a row a file, and below it each rule in its own words.

    found    {what the file does: findings}
    without  as in `Linted`
    """

    def __init__(self, found: Mapping[str, Sequence[Finding]], without: str = ""):
        self.found = {what: tuple(findings) for what, findings in found.items()}
        self.without = without

    @property
    def rules(self) -> dict[str, str]:
        """{rule: what it says}, the first time that it says it."""
        return dict(sorted({each.rule: each.message for findings in reversed(self.found.values())
                            for each in reversed(findings)}.items()))

    def _rows(self) -> list[list[str]]:
        """For each file its name, and for each rule the lines that break it."""
        return [[what, *(", ".join(str(each.line) for each in findings if each.rule == rule) for rule in self.rules)]
                for what, findings in self.found.items()]

    def __repr__(self) -> str:
        if self.without:
            return self.without
        wide = max(map(len, self.found), default=0)
        rows = [["", *self.rules], *self._rows()]
        lines = [f"{what:<{wide}}  {'  '.join(f'{each:<6}' for each in lines)}".rstrip() for what, *lines in rows]
        return shown("\n".join([*lines, *(f"{rule}: {message}" for rule, message in self.rules.items())]))

    def _repr_html_(self) -> str:
        if self.without:
            return f"<p>{escape(self.without)}</p>"
        rows = [(escape(what), *map(escape, lines)) for what, *lines in self._rows()]
        heads = ("what the file does", *(f"line with {rule}" for rule in self.rules))
        said = "<br>".join(f"{code(rule)} {prose(message)}" for rule, message in self.rules.items())
        return table(heads, rows, right=tuple(range(1, len(heads)))) + f"<p>{said}</p>"
