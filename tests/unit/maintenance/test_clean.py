"""What `clean` keeps."""

from helpers import labels
from helpers.maintenance import clean


def test_the_volumes_of_a_class_are_kept():
    listed = [{"Name": name, "Labels": labels.marked(kind)} for name, kind in
              (("home-ada", labels.CLASS), ("of-a-lesson", labels.RUN))]
    assert clean._named(listed, "Name") == ["of-a-lesson"]
