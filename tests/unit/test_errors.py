"""What errors say: four parts in order, and none of the libraries below."""

import inspect

import pytest

from helpers import errors
from helpers.errors import CourseError, Interrupted

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, CourseError)]


@pytest.mark.parametrize("parts, text", [
    ({}, "It broke."),
    ({"why": "Rust."}, "It broke.\nWhy: Rust."),
    ({"remedy": "Oil it."}, "It broke.\nWhat to do: Oil it."),
    ({"evidence": "creak\ncrack\n\n"}, "It broke.\ncreak\ncrack"),
    ({"evidence": "  creak", "remedy": "Oil it.", "why": "Rust."},
     "It broke.\nWhy: Rust.\nWhat to do: Oil it.\n  creak"),
    ({"evidence": "", "remedy": "", "why": ""}, "It broke."),
])
def test_the_parts_stand_in_order_and_empty_ones_are_left_out(parts, text):
    assert str(CourseError("It broke.", **parts)) == text


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_raised_alike_and_names_itself(kind):
    error = kind("It broke.", why="Rust.")
    assert error.kind == kind.__name__
    assert str(error) == "It broke.\nWhy: Rust."
    assert kind.__doc__


@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_shows_the_message_and_no_frames(kind):
    try:
        try:
            raise OSError("forty frames below")
        except OSError as cause:
            raise kind("It broke.", remedy="Oil it.") from cause
    except CourseError as error:
        assert error._render_traceback_() == [f"{kind.__name__}: It broke.\nWhat to do: Oil it."]


def test_an_interrupt_is_a_keyboard_interrupt_and_no_expected_failure():
    with pytest.raises(KeyboardInterrupt, match="It was stopped.") as caught:
        try:
            raise Interrupted("It was stopped.", remedy="Run it again.")
        except Exception:   # what a lesson writes around a failure that it expects
            pytest.fail("The user's interrupt was taken for a failure.")
    assert not isinstance(caught.value, CourseError)
    assert caught.value._render_traceback_() == ["Interrupted: It was stopped.\nWhat to do: Run it again."]
