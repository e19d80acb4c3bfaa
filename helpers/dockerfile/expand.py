"""Variables in a word, expanded as BuildKit does in FROM and ARG.

`$X`, `${X}`, `${X:-default}`, `${X:+other}`, `${X:?message}` (without the colon, an empty variable counts as set),
`${X#pattern}`, `${X%pattern}` and `${X/pattern/text}`, with quotes and escapes. Source: docs.docker.com, Dockerfile
reference, "Environment replacement".
"""

import re
from collections.abc import Mapping

_NAME = re.compile(r"[0-9]+|[^\W\d]\w*|[@*#?\-$!]")
_DEEPEST = 50  # nested ${...}


class BadSubstitution(ValueError):
    """A `${...}` that cannot be parsed, or `${X:?}` without a value."""


def expand(word: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """`word` with its variables expanded and its quotes removed; an unset variable is empty. Raises BadSubstitution."""
    return _Expander(word, variables, escape).until("")


class _Expander:
    def __init__(self, text: str, variables: Mapping[str, str], escape: str):
        self.text, self.variables, self.escape = text, variables, escape
        self.at, self.depth = 0, 0

    def until(self, stop: str, *, quoted: bool = False, keep_escapes: bool = False) -> str:
        """Expand up to the character `stop`, or to the end if `stop` is empty."""
        out: list[str] = []
        while self.at < len(self.text):
            character = self.take()
            if character == stop:
                return "".join(out)
            if character == "'" and not quoted:
                out.append(self.single_quoted())
            elif character == '"' and not quoted:
                out.append(self.until('"', quoted=True))
            elif character == "$":
                out.append(self.variable())
            elif character == self.escape and (not quoted or self.text[self.at:self.at + 1] in ('"', "$", self.escape)):
                out.append((self.escape if keep_escapes else "") + self.take())
            else:
                out.append(character)
        if stop:
            raise BadSubstitution(f"a closing {stop} is missing")
        return "".join(out)

    def take(self) -> str:
        character = self.text[self.at:self.at + 1]
        self.at += 1
        return character

    def skip(self, character: str) -> bool:
        found = self.text.startswith(character, self.at)
        self.at += found
        return found

    def single_quoted(self) -> str:
        end = self.text.find("'", self.at)
        if end < 0:
            raise BadSubstitution("a closing ' is missing")
        inside, self.at = self.text[self.at:end], end + 1
        return inside

    def variable(self) -> str:
        braces = self.skip("{")
        match = _NAME.match(self.text, self.at)
        if match is None:
            if braces:
                raise BadSubstitution("${...} lacks a name")
            return "$"
        self.at = match.end()
        if not braces:
            return self.variables.get(match.group(), "")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise BadSubstitution("${...} is nested too deeply")
        value = self.modified(match.group())
        self.depth -= 1
        return value

    def modified(self, name: str) -> str:
        value, sign = self.variables.get(name), self.take()
        if sign == "}":
            return value or ""
        if sign == "/":
            return self.replaced(value or "")
        if sign in ("#", "%"):
            return self.trimmed(value or "", sign)
        if colon := sign == ":":
            sign = self.take()
        if sign not in ("-", "+", "?"):
            raise BadSubstitution(f"${{{name}...}} has an unknown form")
        word = self.until("}")
        missing = not value if colon else value is None
        if sign == "+":
            return "" if missing else word
        if sign == "?" and missing:
            raise BadSubstitution(f"{name}: {word or 'it must be set'}")
        return word if missing or value is None else value

    def trimmed(self, value: str, sign: str) -> str:
        longest = self.skip(sign)
        pattern = re.compile(_glob(self.until("}", keep_escapes=True)), re.DOTALL)
        lengths = range(len(value) + 1)
        for length in reversed(lengths) if longest else lengths:
            cut = len(value) - length
            if sign == "#" and pattern.fullmatch(value, 0, length):
                return value[length:]
            if sign == "%" and pattern.fullmatch(value, cut):
                return value[:cut]
        return value

    def replaced(self, value: str) -> str:
        everywhere = self.skip("/")
        pattern = re.compile(_glob(self.until("/", keep_escapes=True)), re.DOTALL)
        text = self.until("}", keep_escapes=True)
        return pattern.sub(lambda _: text, value, count=0 if everywhere else 1)


def _glob(pattern: str) -> str:
    """A shell pattern (`*`, `?`, escapes) as a regular expression."""
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    special = {"*": ".*", "?": "."}
    return "".join(special.get(part) or re.escape(part[-1]) for part in parts)
