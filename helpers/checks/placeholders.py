"""Random words and numbers that a run or a request is made of, and its answer has to know."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")
_LETTERS = 10


def random_word() -> str:
    """Ten random letters: nobody guesses it, and no program contains it by chance."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(_LETTERS))


@dataclass(frozen=True)
class Values:
    """The values of one run or request. Fresh ones each time, but for `proof`, the word in
    the source of this check, and `secrets`, {id: value}."""

    proof: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict)
    word: str = field(default_factory=random_word)
    other: str = field(default_factory=random_word)
    a: int = field(default_factory=lambda: 10 + secrets.randbelow(90))
    b: int = field(default_factory=lambda: 10 + secrets.randbelow(90))

    def fill(self, text: str) -> str:
        """The text with every {name} replaced. Raises ValueError for an unknown one.

        >>> Values(word="abc", a=2, b=3).fill("{word.reversed} {a*b} {{}}")
        'cba 6 {}'
        """
        return _PLACE.sub(lambda found: found[0][0] if found[1] is None else self._value(found[1]), text)

    def _value(self, name: str) -> str:
        sums = {"a+b": self.a + self.b, "a*b": self.a * self.b}
        if name in sums:
            return str(sums[name])
        whole = {"word": self.word, "other": self.other, "a": str(self.a), "b": str(self.b), "proof": self.proof,
                 **{f"secret.{key}": value for key, value in self.secrets.items()}}
        if name in whole:
            return whole[name]
        head, _, how = name.rpartition(".")
        if head in whole and how in _CHANGES:
            return _CHANGES[how](whole[head])
        raise ValueError(f"there is no value {{{name}}}")


_CHANGES = {"upper": str.upper, "reversed": lambda text: text[::-1],
            "sha256": lambda text: hashlib.sha256(text.encode()).hexdigest()}
