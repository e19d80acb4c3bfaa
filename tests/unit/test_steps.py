"""Steps of a build as a lesson shows them, and copies of an application that it changes."""

from pathlib import Path

import pytest

from helpers import lesson
from helpers.build import Step
from helpers.errors import CourseError

MOUNTED = "RUN --mount=type=secret,id=npmrc,target=/root/.npmrc     --mount=type=secret,id=trust     npm ci --x"
STEPS = (
    Step("builder", "COPY --from=a package*.json ./", 3, True, None, None),
    Step("builder", MOUNTED, 4, False, 1.0, 3.5),
    Step("builder", "RUN npm run build", 7, False, 3.5, 3.6),
)


class Built:
    """A build with one stage of these steps."""

    def stage(self, name):
        assert name == "builder"
        return type("Stage", (), {"steps": (Step("builder", "FROM node:20", 1, False, 0.0, 0.1), *STEPS)})


def test_which_steps_ran():
    shown = lesson.steps(Built())
    assert len(shown) == 3   # FROM runs nothing
    assert shown.ran == ["RUN npm ci --x", "RUN npm run build"]


def test_steps_as_text_and_as_a_table():
    shown = lesson.steps(Built())
    assert repr(shown).splitlines() == [
        "  3  cached   COPY --from=a package*.json ./", "  4  2.5 s    RUN npm ci --x",
        "  7  100 ms   RUN npm run build"]
    html = shown._repr_html_()
    assert html.count("<tr>") == 4 and "npm ci --x" in html and "2.5 s" in html and "--mount" not in html


def test_a_changed_copy_of_an_application():
    app = lesson.APPS / "node-site"
    before = (app / "package.json").read_text()
    copy = Path(lesson.changed("node-site", "package.json", "^10.24.0", "^10.25.0"))
    assert (copy / "package.json").read_text() == before.replace("^10.24.0", "^10.25.0") != before
    assert (app / "package.json").read_text() == before
    assert (copy / "src/main.jsx").is_file() and (copy / ".dockerignore").is_file()
    assert lesson._folder(str(copy)) == copy


def test_what_is_not_there_cannot_be_changed():
    with pytest.raises(CourseError, match="not in package.json"):
        lesson.changed("node-site", "package.json", "preact@1", "preact@2")


def test_a_listing_has_its_text():
    text = (lesson.APPS / "node-site/Dockerfile").read_text()
    assert lesson.show("node-site").text == text


def test_a_long_instruction_is_cut_in_a_table():
    from helpers.image import Image, Layer

    layer = Layer("sha256:0", f"RUN apt-get install {' '.join(map(str, range(100)))}", 1, 1)
    image = Image("x", "sha256:1", (layer,), "", {}, ())
    finds = lesson.Finds(image, {"tool": "/tool"}, {"/tool": layer})
    assert "RUN apt-get install 0 1" in repr(finds) and len(repr(finds)) < 160 and "\u2026" in repr(finds)
