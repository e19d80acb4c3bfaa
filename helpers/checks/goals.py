"""The rules for what an exercise asks for, step by step. Other rules are the same in every exercise."""

from . import dockerfile_rules, image_rules
from .exercise import Content, Exercise, Target

_EVERYWHERE = ("bases", "downloads", "context", "unused-stage")   # rules about the text


def goals(exercise: Exercise) -> dict[str, tuple[str, ...]]:
    """{step of a check: its goals}, in the order in which they are judged."""
    text = [rule for rule, (asked, _) in dockerfile_rules.RULES.items() if asked(exercise) and rule not in _EVERYWHERE]
    steps = {
        "the text": _chosen(**dict.fromkeys(text, True), lint=exercise.build.no_lint, pinned=exercise.stages.pinned),
        "the build": (),
        "what is in the image": _inside(exercise, exercise),
        "how it runs": _running(exercise),
        "what an edit rebuilds": _chosen(cache=exercise.edits),
        "what an empty builder takes from a registry": _chosen(**{"ci-cache": exercise.ci}),
        "whether two builds are the same": _chosen(reproducible=exercise.reproducible),
        "what is built for other platforms": _chosen(platforms=exercise.platforms),
        "what the report finds": _chosen(report=exercise.report),
        **{f"the target {name}": tuple(f"{name}: {rule}" for rule in (
            *_inside(exercise, target), *_running(target), *_chosen(same=target.same, breaks=target.breaks)))
           for name, target in exercise.targets.items()}}
    return {step: rules for step, rules in steps.items() if rules or step in ("the text", "the build")}


def _inside(exercise: Exercise, part: Exercise | Target) -> tuple[str, ...]:
    if part is not exercise and part.image == Content():
        return ()
    return tuple(image_rules.wanted(part.image, dict.fromkeys((*exercise.build.secrets, *exercise.build.leaks), "")))


def _running(part: Exercise | Target) -> tuple[str, ...]:
    return _chosen(answers=part.serve, healthy=part.serve and part.serve.healthy, output=part.run)


def _chosen(**rules: object) -> tuple[str, ...]:
    return tuple(rule for rule, asked in rules.items() if asked)
