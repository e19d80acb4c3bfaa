"""Data flows one way: the order of imports, and the picture that is drawn from them."""

import pkgutil
import re

from tests import architecture
from tests.architecture import HELPERS, ORDER, ROW, imports, modules, part


def test_every_module_has_a_place_in_the_order():
    assert {part(path) for path in modules()} - set(ROW) == set(), "say in tests/architecture.py where these stand"


def test_imports_never_run_back_up():
    assert [(path, here, other) for path in modules() for here in [part(path)]
            for other in imports(path) - {here} if ROW[other] >= ROW[here]] == []


def test_no_modules_import_each_other():
    assert architecture.circle() == []


def test_the_check_sees_imports():
    assert {"builder", "charts", "errors"} <= set().union(*map(imports, (HELPERS / "lesson").glob("*.py")))
    assert "dockerfile" in imports(HELPERS / "cli" / "dockerfiles.py")


def test_every_entry_of_the_order_is_there():
    assert set(ROW) == set(architecture.graph()) and sum(map(len, ORDER)) == len(ROW)


def test_an_arrow_that_follows_from_others_is_not_drawn():
    edges = {"c": {"a", "b"}, "b": {"a"}, "a": set()}
    assert architecture.reduced(edges) == {"c": {"b"}, "b": {"a"}, "a": set()}


def test_the_picture_and_the_list_are_current():
    edges = architecture.graph()
    page = architecture.PAGE.read_text()
    assert architecture.PICTURE.read_text() == architecture.picture(edges), "run `make architecture`"
    assert page == architecture.placed(page, architecture.listed(architecture.order(edges))), "run `make architecture`"


def test_every_function_that_the_page_follows_is_there():
    followed = architecture.PAGE.read_text().partition("from a cell to a chart")[2].partition("\n## ")[0]
    names = re.findall(r"`([a-z_]+(?:\.\w+)+)`", followed)
    assert len(names) > 20 and all(pkgutil.resolve_name(f"helpers.{name}") for name in names)
