"""Which commands run tests."""

import pytest

from helpers.report.shell_line import runs_tests


@pytest.mark.parametrize("command", [
    "go test ./...", "CGO_ENABLED=0 go test -v ./...", "cd /x && cargo test", "(cd x; npm test)", "npm run test:unit",
    "yarn test", "npx jest --ci", "./node_modules/.bin/mocha", "poetry run pytest -q", "python3 -m pytest",
    "python -m unittest discover", "coverage run -m pytest", "uv run --frozen pytest", "bundle exec rspec",
    "mvn -q -B verify", "./mvnw test -Dx=y", "mvn verify -DskipTests=false", "./gradlew --no-daemon test",
    "gradle :app:check", "make -j4 test", "make check", "dotnet test --no-build", "sh -c 'go test ./...'",
    "vendor/bin/phpunit", "python manage.py test", "if true; then pytest; fi", "ctest --output-on-failure",
    "bats tests/", "tox -e py", "set -e; for d in a b; do go test $d; done", "xvfb-run -a npx playwright test",
    "pytest | tee log", "time pytest", "deno test -A"])
def test_what_runs_tests(command):
    assert runs_tests(command)


@pytest.mark.parametrize("command", [
    "mvn package -DskipTests", "mvn verify -DskipTests", "mvn -Dmaven.test.skip=true install",
    "mvn test -Dmaven.test.skip", "apk add bats", "apt-get install -y bats pytest", "pip install pytest tox",
    "npm install -g jest", "npm ci", "echo pytest", "echo 'x; pytest'", "gradle build -x test",
    "./gradlew assemble -x check -x test", "cargo test --no-run", "go test -c ./x", "pytest --version", "which pytest",
    "command -v bats", "mkdir tests", "rm -rf tests", "cp -r test /x", "make testdata", "make contest",
    "go build ./test", "curl https://example.org/go test", "npm run build", "yarn add jest", "jest --version",
    "pytest --collect-only", "npm run lint", "test -f go.mod", "[ -d tests ]", "go vet", "# go test",
    "cargo install cargo-test", "gem install rspec", "uv pip install pytest"])
def test_a_test_tool_that_is_installed_or_skips_is_no_test(command):
    assert not runs_tests(command)
