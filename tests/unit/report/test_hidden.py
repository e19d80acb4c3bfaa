"""Findings on files that a later layer hides."""

import pytest

from helpers.inventory import take
from tests.unit.cases import SMALL, case, image, layer
from tests.unit.report.projects import APP, GOOD, built, found, one


def test_hidden_files_have_the_line_that_adds_and_the_line_that_hides():
    text = GOOD.replace("USER", "RUN fetch\nRUN rm -rf /big\nUSER")
    made = case(text, own=[APP, ("RUN fetch", [("big/a", b"x" * 60_000), ("big/b", b"y" * 1_000)]),
                           ("RUN rm -rf /big", [(".wh.big", b"")])])
    only = one(made, "hidden-files")
    assert (only.line, only.also, only.saves) == (8, (9,), 61_000)
    assert only.what == "Line 9 deletes 2 files that line 8 adds (61.0 kB, most of it in /big)."
    assert "end of the RUN in line 8 itself" in only.remedy


def test_of_many_hidden_files_the_heaviest_folder_is_named():
    files = {"a/b/c/d/one": 30_000, "a/b/c/d/two": 30_000, "e/three": 50_000}
    text = GOOD.replace("USER", "RUN fetch\nRUN rm\nUSER")
    made = case(text, own=[APP, ("RUN fetch", [(path, b"x" * count) for path, count in files.items()]),
                           ("RUN rm", [(".wh.a", b""), (".wh.e", b"")])])
    assert "110 kB, most of it in /a/b/c)" in one(made, "hidden-files").what


def test_hidden_files_of_the_base_have_the_line_of_the_from():
    text = GOOD.replace("USER", "RUN rm -rf /usr/share\nUSER")
    made = case(text, base=(*SMALL, ("usr/share/doc", b"x" * 60_000)), own=[APP, ("RUN rm -rf /usr/share",
                [("usr/.wh.share", b"")])])
    only = one(made, "hidden-files")
    assert (only.line, only.also) == (6, (8,)) and "Choose a base" in only.remedy


OLD, NEW = [("srv/b/one", b"x" * 90_000)], [("srv/b/one", b"y" * 80_000)]


@pytest.mark.parametrize("first, second, above, happens, remedy", [
    ("RUN mkdir /srv/b", "RUN chown -R 1000 /srv/b", OLD, "changes the owner", "end of the RUN in line 8 itself"),
    ("RUN mkdir /srv/b", "RUN chmod -R a+x /srv/b", OLD, "changes the owner or mode", "end of the RUN in line 8"),
    ("COPY b /srv/b", "RUN chown -R 1 /srv && chmod -R 7 /srv", OLD, "changes", "COPY --chown and --chmod in line 8."),
    ("ADD b /srv/b", "RUN chgrp -R 1 /srv", OLD, "changes", "ADD --chown in line 8."),
    ("COPY b /srv/b", "RUN chown -R 1 /srv", OLD, "changes the owner or mode of /srv/b/one, which line 8 adds (90.0 kB).",
     "Set them while copying: COPY --chown in line 8."),
    ("RUN mkdir /srv/b", "RUN rm -rf /srv/b && echo x > /srv/b", [("srv/b", b"x")], "replaces",
     "both in one RUN, in line 8"),
    ("COPY b /srv/b", "RUN rm -rf /srv/b && ln -s x /srv/b", [("srv/b", ("l", "x"))], "replaces",
     "stage that is not shipped"),
    ("RUN make", "RUN strip /srv/b/one", NEW, "rewrites", "both in one RUN, in line 8"),
    ("RUN make", "RUN strip /srv/b/one && chown 1 /srv/b/one", NEW, "rewrites", "both in one RUN"),
    ("COPY b /srv/b", "RUN sed -i s/x/y/ /srv/b/one", NEW, "rewrites",
     "copy the result once, in place of lines 8 and 9"),
    ("RUN make", "COPY --from=builder b /srv/b", NEW, "rewrites", "make what line 9 copies over"),
    ("RUN make", "RUN rm -r /srv/b", [("srv/.wh.b", b"")], "deletes", "at the end of the RUN in line 8"),
    ("COPY b /srv/b", "RUN use /srv/b && rm -r /srv/b", [("srv/.wh.b", b"")], "deletes", "let line 9 mount them"),
    ("WORKDIR /srv", "RUN chown -R 1 /data", None, "changes", "name only folders that the image adds"),
    ("WORKDIR /srv", "RUN apt-get update && apt-get -y upgrade", None, "rewrites", "newer version of the base"),
    ("WORKDIR /srv", "RUN sed -i s/a/b/ /data/one", None, "rewrites", "Choose a base"),
])
def test_each_way_to_hide_a_file_has_its_remedy(first, second, above, happens, remedy):
    text = GOOD.replace("USER", f"{first}\n{second}\nUSER")
    base, below = SMALL, OLD
    if above is None:   # files of the base
        base, below = (*SMALL, ("data/one", b"x" * 90_000)), []
        above = [("data/one", b"x" * (90_000 if "chown" in second else 80_000))]
    made = case(text, base=base, own=[APP, (first, below), (second.replace(" --from=builder", ""), above)])
    only = one(made, "hidden-files")
    assert f"Line 9 {happens}" in only.what and remedy in only.remedy and only.saves == 90_000
    assert ("COPY" in only.remedy or "ADD" in only.remedy) <= first.startswith(("COPY", "ADD"))


@pytest.mark.parametrize("below, above", [
    ([("var/lib/dpkg/status", b"x" * 90_000)], [("var/lib/dpkg/status", b"y" * 90_000)]),   # a package manager's books
    ([("etc/small", b"x" * 100)], [("etc/.wh.small", b"")]),                                # too little
    ([("a", b"x" * 90_000)], [("b", b"y" * 90_000)]),                                       # nothing is hidden
])
def test_when_nothing_worth_it_is_hidden(below, above):
    text = GOOD.replace("USER", "RUN one\nRUN two\nUSER")
    made = case(text, own=[APP, ("RUN one", below), ("RUN two", above)])
    assert found(made, "hidden-files") == []


@pytest.mark.parametrize("line, found_it", [("COPY . /src", False), ("COPY --from=builder /src /src", True),
                                            ("RUN touch /src/lock", True)])
def test_what_is_copied_first_for_the_cache_may_be_copied_again(line, found_it):
    text = GOOD.replace("USER", f"COPY lock /src/\n{line}\nUSER")
    files = [("src/lock", b"x" * 90_000)]
    made = case(text, own=[APP, ("COPY lock /src/", files), (line.replace(" --from=builder", ""), files)])
    assert bool(found(made, "hidden-files")) == found_it


def test_what_the_base_itself_hides_is_no_finding():
    entries = [layer(("a", b"x" * 90_000)), layer((".wh.a", b"")), layer(*SMALL)]
    seen = take(image([(f"ADD {n} /", each) for n, each in enumerate(entries)], (APP[0], layer(*APP[1]))),
                [*entries, layer(*APP[1])])
    made = built(GOOD)
    assert found(type(made)(made.dockerfile, seen, made.start), "hidden-files") == []
    assert seen.wasted == 90_000
