"""The learners' image: its build context, its Python packages, its Dockerfile."""

import subprocess
import sys
import tomllib
from pathlib import Path

from helpers import dockerfile
from helpers.builder.context import Context
from helpers.classroom import image

DEPLOY = image.ROOT / "deploy"


def test_only_the_course_is_sent():
    sent = {entry.path for entry in Context.scan(image.ROOT, "deploy/Dockerfile").entries}
    tops = {path.partition("/")[0] for path in sent}
    assert tops <= {".binder", "LICENSE", "README.md", "deploy", "exercises", "helpers", "notebooks", "pyproject.toml"}
    assert tops >= {".binder", "helpers", "exercises", "notebooks"}
    kept = {path for path in sent if "/work/" in path}
    assert kept and all(path.endswith("/work/.gitkeep") for path in kept)


def test_a_session_has_the_courses_dependencies_and_the_hubs_own_version():
    printed = subprocess.run([sys.executable, DEPLOY / "requirements.py"], cwd=image.ROOT, capture_output=True, text=True,
                             check=True).stdout.splitlines()
    project = tomllib.loads((image.ROOT / "pyproject.toml").read_text())["project"]
    assert set(project["dependencies"]) < set(printed)
    hub = set(printed) - set(project["dependencies"])
    assert len(hub) == 1 and hub < set(project["optional-dependencies"]["class"]) and "jupyterhub>" in hub.pop()


def test_the_last_stage_takes_files_from_stages_and_runs_as_a_user():
    read = dockerfile.parse((DEPLOY / "Dockerfile").read_text())
    last = read.stages[-1]
    assert [stage.name for stage in read.stages] == ["python", "dependencies", "course", "session"]
    words = [(each.keyword, each.value) for each in last.instructions]
    assert ("USER", "1000") in words
    assert [each.flags["from"] for each in last.instructions if "from" in each.flags] == [["dependencies"], ["course"]]
    assert Path(DEPLOY / "session.py").is_file()
