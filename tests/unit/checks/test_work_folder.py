"""The folder in which a learner's Dockerfile is kept."""

import pytest

from helpers.checks import find, names


@pytest.mark.parametrize("name", names())
def test_a_file_can_be_saved_before_the_exercise_was_run(name):
    """JupyterLab saves into a folder that is there, and makes none."""
    exercise = find(name)
    assert exercise.work.parent.is_dir()
    assert not any("work/" in path for path in exercise.source())
