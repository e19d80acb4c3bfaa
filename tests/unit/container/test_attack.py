"""What an intruder can do, told from what the programs of a container answer."""

import contextlib
import shlex

import pytest

from helpers import charts
from helpers.container import Answer, Ran
from helpers.container.attack import AttackResult, run_attacks
from helpers.container.running import ids
from helpers.errors import CourseError, EngineGone


class Straw:
    """A server whose container has some programs, each with what it prints."""

    image, name = "straw:1", "straw"
    has_users, process_columns = True, False

    def __init__(self, programs: dict, user: str = "root", page: bytes = b"Hello\n", titles=("UID", "PID")):
        self.programs, self.user, self.page, self.titles = programs, user, page, list(titles)
        self.ran = []
        self.engine = self.client = self.api = self

    def translate_errors(self, doing):
        return contextlib.nullcontext()

    def top(self, name):
        row = {"UID": self.user, "USER": self.user, "PID": "1", "CMD": "/app"}
        return {"Titles": self.titles, "Processes": [[row[title] for title in self.titles]]}

    def get(self, path):
        return Answer(200, self.page, {})

    def run(self, command):
        self.ran.append(command)
        answer = self.programs.get(command[0])
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            raise CourseError(f"{self.image} could not run that: the program is not in the image.")
        return answer(command) if callable(answer) else Ran(answer, 0, 0.1)


class OneId(Straw):
    """The same in an engine with one user id."""

    has_users = False

    def inspect_container(self, name):
        return {"Config": {"User": self.user}}

    def top(self, name):
        raise AssertionError("there every process is root's")


def shell(command) -> Ran:
    """A shell that does what it is told, without a compiler and a package manager."""
    return Ran("in a shell\n" if command[-1] == "echo in a shell" else "not found", 127, 0.1)


def worked(server) -> dict:
    return {each.what: each.worked for each in run_attacks(server, 8080)}


NOTHING = {"open a shell": False, "download a file": False, "compile a program": False,
           "install a package": False, "be root": False}


def test_an_image_with_nothing_gives_an_intruder_nothing_and_a_shell_alone_opens_a_shell():
    assert worked(Straw({"sh": shell}, user="1")) == {**NOTHING, "open a shell": True}
    done = run_attacks(Straw({}, user="65532"), 8080)
    assert {each.what: each.worked for each in done} == NOTHING
    assert done[0].said == "there is no bash, sh, ash, dash, zsh, busybox" and done[0].command == ""
    assert str(done[-1]) == "be root: fails\n    the server runs as 65532"


@pytest.mark.parametrize("user, root", [("root", True), ("0", True), ("nobody", False), ("1000", False)])
@pytest.mark.parametrize("titles", [("UID", "PID"), ("PID", "USER", "CMD")])
def test_whoever_runs_the_server_is_seen_from_outside(user, root, titles):
    assert worked(Straw({}, user=user, titles=titles))["be root"] is root


def test_what_was_downloaded_must_be_the_page():
    assert worked(Straw({"curl": "Hello\n"}, user="1"))["download a file"] is True
    assert worked(Straw({"curl": "curl: (7) refused"}, user="1"))["download a file"] is False
    assert worked(Straw({"curl": "anything"}, user="1", page=b""))["download a file"] is False
    done = run_attacks(Straw({"curl": "refused", "wget": "Hello"}, user="1"), 8080)[1]
    assert done.worked and done.command.startswith("wget ")    # the next way was tried


def test_a_command_is_shown_whole_as_a_shell_takes_it():
    installed = run_attacks(Straw({"sh": lambda command: Ran("installed\n", 0, 1)}), 8080)[3]
    assert shlex.split(installed.command) == list(installed.words) and installed.command in str(installed)


def test_no_command_has_a_quote_that_a_terminal_would_need_three_more_for():
    server = Straw(dict.fromkeys(("busybox", "python3", "perl", "bash", "sh"), "no"))
    run_attacks(server, 8080)
    assert len(server.ran) > 20 and not any("'" in word for each in server.ran for word in each)


def test_a_compiler_must_make_a_program_that_runs():
    assert worked(Straw({"sh": lambda command: Ran("compiled in the container\n", 0, 1)}))["compile a program"]
    done = run_attacks(Straw({"gcc": "gcc 12"}, user="1"), 8080)[2]
    assert not done.worked and (done.command, done.said) == ("gcc --version", "gcc 12")


def test_the_port_is_the_one_that_it_listens_on():
    server = Straw({})
    run_attacks(server, 9999)
    assert sum("127.0.0.1:9999/" in " ".join(each) for each in server.ran) >= 4
    assert any("/dev/tcp/127.0.0.1/9999;" in " ".join(each) for each in server.ran)


@pytest.mark.parametrize("user, root", [("", True), ("0:0", True), ("root", True), ("nonroot", False), ("65532:1", False)])
def test_with_one_id_it_is_told_what_the_image_asks_for(user, root):
    last = run_attacks(OneId({}, user=user), 8080)[-1]
    assert last.worked is root
    assert last.said == ("the server runs as root" if root else
                         f"the server is to run as {user} (this engine has one user for all)")


class Podman(Straw):
    process_columns = True

    def top(self, name):
        raise AssertionError("it would never end")

    def _url(self, path, name):
        return path.format(name)

    def _get(self, url, params):
        assert url == "/containers/straw/top" and params["stream"] == "false"
        return params["ps_args"]

    def _result(self, column, json):
        if column == "huser":    # numbers, without a ps in the image
            return {"Titles": ["HUSER"], "Processes": [["root"], ["65532"]]}
        return Straw.top(self, column)


def test_podman_is_asked_to_list_once():
    assert run_attacks(Podman({}, user="nobody"), 8080)[-1].said == "the server runs as nobody"
    assert ids(Podman({}), "straw") == {0, 65532}


def test_an_engine_that_goes_away_is_no_program_that_is_missing():
    with pytest.raises(EngineGone):
        run_attacks(Straw({"bash": EngineGone("gone")}), 8080)


def tried(*outcomes: bool) -> tuple[AttackResult, ...]:
    return tuple(AttackResult(what, outcome, (), "") for what, outcome in zip(NOTHING, outcomes))


@pytest.mark.parametrize("found, title", [
    ({"a": tried(True, True, True, False, False), "b": tried(False, False, False, False, False)},
     "A: 3 of 5 attacks work; b: 0"),
    ({"a": tried(True, True, True, True, True)}, "5 of 5 attacks work in every image")])
def test_the_grid_of_tries_says_what_worked(found, title):
    chart = charts.tries(found)
    assert chart.title == title
    for name, done in found.items():
        worked, failed = ([each.what for each in done if each.worked is side] for side in (True, False))
        said = [f"{word}: {', '.join(names)}" for word, names in (("works", worked), ("fails", failed)) if names]
        assert f"{name}, {'; '.join(said)}." in chart.alt
    assert chart.png().startswith(b"\x89PNG")


