"""What a report reads of a build context."""

from helpers.report.context import read_project
from tests.unit.report.projects import PACKAGE, REQUIRES


def test_a_project_is_read_from_its_context(tmp_path):
    from helpers.builder.context import Context

    for path, content in {"Dockerfile": "FROM a", ".dockerignore": "secret*", "go.mod": REQUIRES, "secret.pem": "x",
                          "web/package.json": PACKAGE, "web/node_modules/vite/package.json": "{}",
                          ".git/config": "xy"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    seen = read_project(Context.scan(tmp_path))
    assert seen.ignore == ".dockerignore" and "secret.pem" not in seen.files
    assert set(seen.texts) == {"go.mod", "web/package.json"}
    assert seen.local_folders() == {".git": 2, "node_modules": 2}
    assert seen.development() == (frozenset(), {"vite", "@types/node"})
    (tmp_path / "Dockerfile.dockerignore").write_text("")
    assert read_project(Context.scan(tmp_path)).ignore == "Dockerfile.dockerignore"
