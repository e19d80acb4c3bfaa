"""The learners' image by the course's own measure."""

import pytest

from helpers.classroom import image
from helpers.report import report

pytestmark = pytest.mark.nightly


def test_the_report_finds_nothing_to_fix_in_its_dockerfile(engine):
    if "buildkit" not in engine.builders:
        pytest.skip("the learners' image takes BuildKit")
    found = report(image.ROOT, engine=engine, say=print, **image.options())
    assert [(each.rule, each.line, each.what) for each in found.findings] == []
    assert [stage.name for stage in found.result.stages if stage.status != "skipped"] == [
        "python", "dependencies", "course", "session"]
    engine.client.api.remove_image(found.result.tag)
