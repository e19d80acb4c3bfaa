"""What a lesson calls an image by."""

from types import SimpleNamespace

import pytest

from helpers.lesson.session import reference


@pytest.mark.parametrize("tag, leads_to, name", [
    ("app:1", "sha256:mine", "app:1"), ("app:1", "sha256:another", "sha256:mine"), ("app:1", None, "sha256:mine"),
    ("", "sha256:mine", "sha256:mine")], ids=["still its own", "moved", "removed", "never had one"])
def test_a_build_is_called_by_its_tag_only_while_that_leads_to_it(tag, leads_to, name):
    engine = SimpleNamespace(find_image=lambda _: leads_to and {"Id": leads_to})
    assert reference(SimpleNamespace(tag=tag, image="sha256:mine", engine=engine)) == name
    assert reference("app:1") == "app:1"
