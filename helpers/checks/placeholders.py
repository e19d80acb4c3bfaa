"""Random words and numbers in a run or request, which the answer has to reflect."""

import hashlib
import re
import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field

_PLACE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}")


def random_word() -> str:
    """Ten random letters, which no program contains by chance."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(10))


def _two_digits() -> int:
    return 10 + secrets.randbelow(90)


@dataclass(frozen=True)
class Values:
    """The values of one run or request, new ones each time."""

    proof: str = ""    # the word in the source of this check
    secrets: Mapping[str, str] = field(default_factory=dict)    # {id: value}
    word: str = field(default_factory=random_word)
    a: int = field(default_factory=_two_digits)
    b: int = field(default_factory=_two_digits)

    def fill(self, text: str) -> str:
        """The text with every {name} replaced. Raises ValueError for an unknown name.

        >>> Values(word="abc", a=2, b=3).fill("{word} {a*b} {{}}")
        'abc 6 {}'
        """
        return _PLACE.sub(lambda found: found[0][0] if found[1] is None else self._value(found[1]), text)

    def _value(self, name: str) -> str:
        known = {"word": self.word, "a": self.a, "b": self.b, "proof": self.proof, "a+b": self.a + self.b,
                 "a*b": self.a * self.b, **{f"secret.{key}": value for key, value in self.secrets.items()}}
        bare = name.removesuffix(".sha256")
        if bare not in known:
            raise ValueError(f"there is no value {{{name}}}")
        value = str(known[bare])
        return value if bare == name else hashlib.sha256(value.encode()).hexdigest()
