"""The applications in every language, built both ways for real, run and asked.

What was built stays: the lessons build the same, and find it in the cache.
"""

import re
import shutil
from pathlib import Path

import pytest

from helpers.build import build
from helpers.container import run, serve
from helpers.errors import CourseError
from helpers.image import look, where

APPS = Path(__file__).resolve().parents[2] / "notebooks" / "apps"


@pytest.fixture(scope="module")
def built(engine):
    """Builds `app` from `dockerfile`; each once."""
    made = {}

    def one(app, dockerfile="Dockerfile"):
        if (app, dockerfile) not in made:
            tag = f"{app}:{dockerfile.removeprefix('Dockerfile').strip('.') or 'multi'}"
            made[app, dockerfile] = build(APPS / app, dockerfile=dockerfile, tag=tag, engine=engine)
        return made[app, dockerfile]

    return one


@pytest.fixture
def tried(engine):
    """Builds like `build`, and removes the image."""
    names = []

    def one(context, **words):
        result = build(context, tag=f"course-test:tried-{len(names)}", engine=engine, **words)
        names.append(result.tag)
        return result

    yield one
    for name in names:
        engine.client.images.remove(name, force=True)


@pytest.fixture(scope="module")
def paths(engine):
    """All paths in the image of a build."""
    return lambda result: set(where(look(result.tag, engine), engine))


def smaller(engine, single, multi, times):
    """Whether two stages ship that many times less than one."""
    return look(single.tag, engine).unpacked > times * look(multi.tag, engine).unpacked


# -- Node ----------------------------------------------------------------------------

def script(server):
    """The page's own JavaScript, as the server gives it."""
    page = server.get("/")
    assert page.status == 200 and "<title>The dining room</title>" in page.text
    return server.get(re.search(r'src="(/assets/[^"]+\.js)"', page.text)[1]).text


@pytest.mark.parametrize("dockerfile", ["Dockerfile", "Dockerfile.single"])
def test_the_site_is_served_and_says_what_built_it(engine, built, dockerfile):
    with serve(built("node-site", dockerfile).tag, port=80, engine=engine) as server:
        text = script(server)
        assert server.get("/assets/none.js").status == 404 or dockerfile == "Dockerfile.single"
    assert "Node v20." in text and "Soup of the day" in text


def test_two_stages_ship_the_site_without_node(engine, built, paths):
    single, multi = built("node-site", "Dockerfile.single"), built("node-site")
    tools = {"/usr/local/bin/node", "/usr/local/bin/npm", "/app/node_modules", "/app/src/main.jsx", "/usr/bin/gcc"}
    assert tools <= paths(single)
    left = paths(multi)
    assert not tools & left and not any("node_modules" in path or path.endswith("/node") for path in left)
    assert "/usr/share/nginx/html/index.html" in left and "/usr/sbin/nginx" in left
    assert smaller(engine, single, multi, 10)


def test_the_lock_file_decides_what_npm_ci_installs(tried):
    lock = (APPS / "node-site/package-lock.json").read_text()
    locked = re.search(r'"node_modules/preact": \{\s*"version": "([^"]+)"', lock)[1]
    text = (APPS / "node-site/Dockerfile").read_text().replace("npm ci", "npm ci && npm ls preact")
    assert "resolved" not in lock   # the host of whoever made it
    result = tried(APPS / "node-site", text=text, no_cache=True, target="builder")
    log = "\n".join(line for step in result.steps for line in step.log)
    assert f"preact@{locked}" in log


def test_a_change_of_the_source_does_not_install_again(built, tried, tmp_path):
    built("node-site")
    copy = shutil.copytree(APPS / "node-site", tmp_path / "site")
    with open(copy / "src/menu.js", "a") as file:
        file.write(f"// {tmp_path}\n")
    result = tried(copy)
    cached = {step.instruction.split()[-1]: step.cached for step in result.steps if step.stage == "builder"}
    assert cached["ci"] and not cached["build"]
