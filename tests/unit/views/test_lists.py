"""What lists say before they are opened."""

from types import SimpleNamespace

from helpers.bases import ResolvedBase
from helpers.maintenance.doctor import Diagnosis
from helpers.views.lists import doctor_view


def test_the_doctor_folds_the_bases_and_counts_those_that_are_here():
    bases = (ResolvedBase("one:1", True, "made", "one:1"), ResolvedBase("two:1", False, None, "two:1"))
    shown = doctor_view(Diagnosis(SimpleNamespace(describe=lambda: "An engine"), bases, ()))
    folded, after = shown.partition("<details>")[2].split("</details>")
    assert folded.startswith("<summary>1 of 2 base images here</summary>")
    assert "one:1" in folded and "two:1" in folded and "Ready." in after
