"""How files and changes are written out."""

import pytest

from helpers.builder.control import Entry
from helpers.views.snapshots import entry_name, grouped


@pytest.mark.parametrize("entry, name", [
    (Entry("app", 0o040755, 0, 0, 4096, 0), "app/"), (Entry("go.mod", 0o100644, 0, 0, 27, 0), "go.mod (27 B)"),
    (Entry("bin", 0o120777, 0, 0, 7, 0, "usr/bin"), "bin -> usr/bin"), (Entry("a\nb", 0o040755, 0, 0, 0, 0), "a\\nb/")])
def test_an_entry_says_what_it_is(entry, name):
    assert entry_name(entry) == name


@pytest.mark.parametrize("paths, groups", [
    (["/a"], [("/a", "")]), (["/app", "/app/app"], [("/app/app", "")]),
    (["/c", "/c/d", "/c/d/1", "/c/d/2", "/z"], [("/c/d", "/ (2 in it)"), ("/z", "")]), ([], [])])
def test_a_new_folder_stands_for_what_is_in_it(paths, groups):
    assert grouped(paths) == groups
