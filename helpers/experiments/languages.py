"""Each language of the chapter, built in one stage and in several, run, and inspected.

    >>> found = every(engine)
    >>> found.sentence
    'For Go, Java, ... and C++, the same program is in a smaller image with fewer build tools.'
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from .. import container
from ..engine import Engine
from ..errors import CourseError, EngineError
from ..image import Image
from ..inventory import Inventory
from ..units import listed, ratio
from .variants import Absent, Variants, with_progress


@dataclass(frozen=True)
class Language:
    """A language, and the application of the course in it.

    app       folder under notebooks/apps
    says      what every answer of the program contains
    compiles  {name: command}; each starts a compiler that made the program, or part of it
    single    Dockerfile of one stage; `multi` of several
    port      of its web server; 0 where the program prints it and ends
    """

    name: str
    app: str
    says: str
    compiles: Mapping[str, Sequence[str]]
    single: str = "Dockerfile.single"
    multi: str = "Dockerfile"
    port: int = 0


# A JRE may have the compiler as a module without having the command. Debian's has it, most published ones do not:
# Dockerfile.jre ships a runtime like those, whichever JRE the machine has.
_JAVAC = {"javac": ("javac", "-version"),
          "java, by its module jdk.compiler": ("java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-version")}
_GCC = {"gcc": ("gcc", "--version")}

# In the chapter's order. Node has no compiler: what turns the source into a site is node.
LANGUAGES = (
    Language("Go", "go-hello", "Hello from a program compiled with go", {"go": ("go", "version")}),
    Language("Java", "java-hello", "Hello from Java ", _JAVAC, multi="Dockerfile.jre"),
    Language("Node", "node-site", "<title>The dining room</title>", {"node": ("node", "--version")},
             port=80),
    Language("Python", "python-wheel", "Hello from Python ", _GCC),
    Language("C", "c-hello", "Hello from a program compiled with GCC ", _GCC),
    Language("C++", "c-hello", "Hello from a C++ program compiled with GCC ",
             {"g++": ("g++", "--version")}, "Dockerfile.cpp-single", "Dockerfile.cpp"))


@dataclass(frozen=True)
class Shipped:
    """One image of a language."""

    inventory: Inventory
    answer: str    # what its program said, or why it said nothing
    compiles: str  # name of the compiler that can be started in it, '' if none can

    @property
    def unpacked(self) -> int:
        """Bytes of the files in the image's layers."""
        return self.inventory.image.unpacked


@dataclass(frozen=True)
class Pair:
    """A language in one stage and in several."""

    language: Language
    single: Shipped
    multi: Shipped

    @property
    def name(self) -> str:
        """The language's name."""
        return self.language.name

    @property
    def answers(self) -> bool:
        """Whether the program gives its answer both ways."""
        return all(self.language.says in each.answer for each in (self.single, self.multi))

    @property
    def works(self) -> bool:
        """Whether the pattern keeps its promise: the same program in a smaller image with fewer build tools. Where no
        compiler starts even in the image of one stage, the other image's lack of one would prove nothing."""
        one, several = self.single.inventory, self.multi.inventory
        return (self.answers and bool(self.single.compiles) and self.multi.unpacked < self.single.unpacked
                and len(several.build_tools) < len(one.build_tools))


class Languages(tuple):
    """The pairs that were built; `absent` is {name: Absent} of the languages that were not."""

    absent: dict[str, Absent]

    def __new__(cls, pairs: Sequence[Pair], absent: Mapping[str, Absent]) -> Self:
        made = super().__new__(cls, pairs)
        made.absent = dict(absent)
        return made

    @property
    def inventories(self) -> dict[str, tuple[Inventory, Inventory]]:
        """{language: (of one stage, of several)}"""
        return {pair.name: (pair.single.inventory, pair.multi.inventory) for pair in self}

    @property
    def images(self) -> dict[str, tuple[Image, Image]]:
        """{language: (of one stage, of several)}"""
        return {name: (one.image, several.image) for name, (one, several) in self.inventories.items()}

    @property
    def work(self) -> bool:
        """Whether the pattern works for all languages that were built, and at least one was."""
        return bool(self) and all(pair.works for pair in self)

    @property
    def still_compile(self) -> dict[str, str]:
        """{language: the compiler} where the last image can still compile."""
        return {pair.name: pair.multi.compiles for pair in self if pair.multi.compiles}

    @property
    def sentence(self) -> str:
        """What was found, and what was not built."""
        works = [pair.name for pair in self if pair.works]
        fails = [pair.name for pair in self if not pair.works]
        still = [f"{name} ({compiler})" for name, compiler in self.still_compile.items()]
        parts = (f"For {listed(works) or 'none'}, the same program is in a smaller image with fewer build tools.",
                 fails and f"Not so: {listed(fails)}.",
                 still and f"The last image can still compile: {listed(still)}.",
                 self.absent and f"Not built here: {listed(list(self.absent))}.")
        return " ".join(part for part in parts if part)

    def rows(self) -> list[tuple[str, ...]]:
        """A row a language, in the columns of HEADS."""
        return [(pair.name, "yes" if pair.answers else "no", pair.single.compiles or "none",
                 pair.multi.compiles or "none", ratio(pair.single.unpacked, pair.multi.unpacked))
                for pair in self]

    def __repr__(self) -> str:
        lines = [f"{name:<7} {answers:<8} {one:<16} {several:<33} {times}".rstrip()
                 for name, answers, one, several, times in (("", *HEADS[1:]), *self.rows())]
        return "\n".join([*lines, *(f"{name}: {each!r}" for name, each in self.absent.items())])


HEADS = ("language", "answers", "compiles in one", "in several", "smaller by")


def every(engine: Engine, watch: Callable[[str], None] = lambda _: None,
          languages: Sequence[Language] = LANGUAGES) -> Languages:
    """Build every language both ways, run it and look inside. `watch` is called with a line now
    and then. Raises the errors of `helpers.builder.build` without BaseUnavailable, and the engine's."""
    pairs, absent = [], {}
    for language in languages:
        variants = with_progress(language.app, engine, watch)
        both = (language.single, language.multi)
        missing = [made for each in both if isinstance(made := variants.build(each, each), Absent)]
        if missing:
            absent[language.name] = missing[0]
            continue
        watch(f"{language.app}: running it, and looking inside")
        single, multi = (_shipped(language, variants, each, engine) for each in both)
        pairs.append(Pair(language, single, multi))
    return Languages(pairs, absent)


def _shipped(language: Language, variants: Variants, dockerfile: str, engine: Engine) -> Shipped:
    found = variants.inventory(dockerfile)
    assert not isinstance(found, Absent)   # it was built
    image = found.image.reference
    works = (name for name, command in language.compiles.items() if _starts(image, command, engine))
    return Shipped(found, _answer(language, image, engine), next(works, ""))


def _answer(language: Language, image: str, engine: Engine) -> str:
    """What its program answers: a page, or all that it prints until it ends."""
    try:
        if not language.port:
            return container.run(image, engine=engine).output
        with container.serve(image, port=language.port, engine=engine) as server:
            return server.get("/").text
    except EngineError:
        raise
    except CourseError as error:
        return str(error)


def _starts(image: str, command: Sequence[str], engine: Engine) -> bool:
    """Whether a command is in the image and succeeds."""
    try:
        ran = container.run(image, command[1:], entrypoint=command[:1], engine=engine)
    except CourseError as error:
        if "not in the image" not in error.what:
            raise
        return False
    return ran.exit_code == 0
