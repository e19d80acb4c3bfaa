"""A build's provenance: where arguments stand in it, made here or recorded."""

import json
from pathlib import Path

import pytest

from helpers.errors import Unsupported
from helpers.lesson import shipping
from helpers.recorded import Recording
from helpers.views.provenance import Provenances

APP, DOCKERFILE = "secret", "Dockerfile.argument"


def test_a_value_is_found_wherever_it_stands_and_mode_by_mode():
    seen = Provenances({"TOKEN": "abc"}, {"min": {"args": ["a"]}, "max": {"env": ["X=1", {"line": "TOKEN=abc"}]}})
    assert (seen.places("min"), seen.places("max"), seen.telling) == ([], ["env.1.line"], ["max"])
    shown = seen._repr_mimebundle_()
    assert shown["text/plain"].splitlines() == ["mode=min  nowhere", "mode=max  env.1.line"]
    assert "env.1.line" in shown["text/html"] and "Recorded" not in shown["text/html"]


def test_a_recorded_one_is_in_its_frame():
    shown = Provenances({}, {"min": {}}, Recording("", "An engine", "2026-11-30", (), ()))._repr_mimebundle_()
    for kind in ("text/plain", "text/html"):
        assert "Recorded on 30 November 2026 on An engine. Not measured here." in shown[kind]


def test_what_the_engine_writes_is_read(monkeypatch):
    def build(app, dockerfile, args, output, provenance):
        Path(output).mkdir()
        Path(output, "provenance.json").write_text(json.dumps({"subject": ["files"], "mode": provenance}))

    monkeypatch.setattr(shipping, "build", build)
    made = shipping.provenance(APP, DOCKERFILE, {"TOKEN": "x"})
    assert made.statements == {"min": {"mode": "mode=min"}, "max": {"mode": "mode=max"}} and made.recording is None


def test_an_engine_without_it_shows_the_one_that_was_recorded(monkeypatch):
    def build(*_, **__):
        raise Unsupported("This engine cannot.")

    monkeypatch.setattr(shipping, "build", build)
    seen = shipping.provenance(APP, DOCKERFILE, {"TOKEN": "of today"})
    assert seen.recording.engine.startswith("Docker Engine ") and seen.args["TOKEN"] != "of today"
    env = [step["op"]["Op"]["exec"]["meta"]["env"] for step in seen.statements["max"]["predicate"]["buildConfig"]["llbDefinition"]
           if "exec" in step["op"]["Op"]]
    assert f"TOKEN={seen.args['TOKEN']}" in env[0] and seen.telling == ["max"]
    with pytest.raises(Unsupported):
        shipping.provenance(APP, "Dockerfile.last-stage", {})
