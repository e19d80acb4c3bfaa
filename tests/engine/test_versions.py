"""The chapter's programs on bases that are still looked after, and nothing else changed. The bases take some minutes to
make where they are not there yet."""

import re
from pathlib import Path

import pytest

from helpers.bases.catalogue import CURRENT, GO_NOW, NODE_NOW
from helpers.builder import build, ensure_bases
from helpers.container import run, serve
from helpers.dockerfile import parse
from helpers.errors import BaseUnavailable
from tests.waiting import lacks

APPS = Path(__file__).resolve().parents[2] / "notebooks" / "apps"


@pytest.fixture(scope="module")
def built(engine):
    """Builds an application's Dockerfile with current bases, and removes the image."""
    try:
        ensure_bases(engine, CURRENT.values(), report=print)
    except BaseUnavailable as error:
        lacks(str(error))
    made = {}

    def one(app, dockerfile):
        if (app, dockerfile) not in made:
            text = parse((APPS / app / dockerfile).read_text()).with_bases(CURRENT)
            made[app, dockerfile] = build(APPS / app, text=text, engine=engine,
                                          tag=f"course-test:current-{app}-{dockerfile.lower()}")
        return made[app, dockerfile]

    yield one
    for result in made.values():
        engine.client.images.remove(result.tag, force=True)


def test_no_old_base_is_left(built):
    for app, dockerfile in (("go-hello", "Dockerfile"), ("go-hello", "Dockerfile.single"),
                            ("node-site", "Dockerfile"), ("node-site", "Dockerfile.single")):
        used = {base.ref for base in built(app, dockerfile).bases}
        assert used & set(CURRENT.values()) and not used & set(CURRENT)


@pytest.mark.parametrize("dockerfile, compiler", [("Dockerfile.single", "within reach at /usr/local/go/bin/go"),
                                                  ("Dockerfile", "not here")])
def test_go_says_which_compiler_made_it_and_whether_it_is_there(engine, built, dockerfile, compiler):
    ran = run(built("go-hello", dockerfile).tag, engine=engine)
    first, second, *_ = ran.output.splitlines()
    assert ran.exit_code == 0 and first == f"Hello from a program compiled with go{GO_NOW}!"
    assert re.fullmatch(rf"Go compiler +{compiler}", second)


@pytest.mark.parametrize("dockerfile", ["Dockerfile.single", "Dockerfile"])
def test_the_site_says_which_node_made_it(engine, built, dockerfile):
    with serve(built("node-site", dockerfile).tag, port=80, engine=engine) as server:
        page = server.get("/")
        script = server.get(re.search(r'src="(/assets/[^"]+\.js)"', page.text)[1]).text
    assert page.status == 200 and "<title>The dining room</title>" in page.text
    assert f"Node v{NODE_NOW.split('.')[0]}." in script and "Soup of the day" in script
