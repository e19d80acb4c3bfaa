"""Docker's ignore rules, pattern by pattern."""

import pytest

from helpers.builder.dockerignore import Ignore
from helpers.errors import ContextError


@pytest.mark.parametrize("pattern, inside, outside", [
    # a pattern is anchored at the root, and holds for all that is beneath
    ("foo", ["foo", "foo/a", "foo/a/b"], ["foobar", "a/foo", "fo", "Foo"]),
    ("foo/bar", ["foo/bar", "foo/bar/x"], ["foo", "foo/barn", "x/foo/bar"]),
    ("*", ["a", ".git", "a/b"], []),
    ("*.md", ["a.md", ".md", "x.md/in"], ["a/b.md", "a.mdx", "amd"]),
    ("*/temp*", ["a/temp", "a/temporary", "a/temp/b"], ["temp", "a/b/temp"]),
    ("temp?", ["tempa", "temp."], ["temp", "tempab", "temp/a"]),
    ("a*b", ["ab", "axxb"], ["a/b", "abc"]),
    # two stars cross directories, none too
    ("**", ["a", "a/b/c"], []),
    ("**/foo", ["foo", "a/foo", "a/b/foo", "a/foo/x"], ["afoo", "foob", "a/xfoo"]),
    ("**/*.go", ["a.go", "a/b/c.go"], ["a.gox", "ago"]),
    ("foo/**", ["foo/a", "foo/a/b"], ["foo", "foob/a", "x/foo/a"]),
    ("foo/**/bar", ["foo/bar", "foo/a/bar", "foo/a/b/bar"], ["foobar", "foo/abar", "foo"]),
    ("**/a/**", ["a/b", "x/a/b"], ["a", "x/a", "xa/b"]),
    ("**foo", ["foo", "xfoo", "a/xfoo"], ["foob"]),
    ("a**", ["a", "ab", "a/b", "ab/c"], ["ba"]),
    ("a**b", ["ab", "ax/b", "a/x/b"], ["axb"]),
    ("**/", ["a", "a/b"], []),
    # forms that are cleaned
    ("/foo", ["foo", "foo/a"], ["a/foo"]),
    ("a/./b//c/", ["a/b/c"], ["a/b"]),
    ("a/../b", ["b"], ["a", "a/b"]),
    ("  foo\t", ["foo"], ["  foo"]),
    ("foo\r", ["foo"], []),
    # what cannot match anything in a context
    ("/", [], ["a"]),
    ("../a", [], ["a"]),
    # classes and escapes, with Go's grammar
    ("[abc]", ["a", "c"], ["d", "ab", "[abc]"]),
    ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
    ("[^a-c]x", ["dx", "-x"], ["ax"]),
    ("[!a]x", ["!x", "ax"], ["bx"]),             # ! negates in a shell, not in Go
    (r"[\]]x", ["]x"], ["\\x"]),
    (r"[\-a]", ["-", "a"], ["b", "\\"]),
    (r"[\^a]", ["^", "a"], ["b"]),
    ("[a^]", ["^", "a"], ["b"]),
    ("[[a]", ["[", "a"], ["b"]),
    ("[a&&b]", ["a", "&", "b"], ["c"]),
    (r"\*", ["*"], ["a", "\\*"]),
    (r"a\[b", ["a[b"], ["ab"]),
    (r"\d", ["d"], ["1"]),
    # characters that mean something to a regular expression only
    ("a+(b)|{1}$^", ["a+(b)|{1}$^"], ["aab"]),
    ("naïve-*-\U0001f600", ["naïve-x-\U0001f600"], ["naive-x-\U0001f600"]),
    ("caf\udce9*", ["caf\udce9", "caf\udce9s"], ["cafe"]),
])
def test_one_pattern(pattern, inside, outside):
    ignore = Ignore([pattern])
    assert [path for path in inside if not ignore.matches(path)] == []
    assert [path for path in outside if ignore.matches(path)] == []


@pytest.mark.parametrize("lines, ignored, sent", [
    (["*.md", "!README.md"], ["a.md"], ["README.md"]),
    (["!README.md", "*.md"], ["README.md"], []),
    (["*.md", "!README*.md", "README-secret.md"], ["a.md", "README-secret.md"], ["README.md", "README-1.md"]),
    (["*.md", "README-secret.md", "!README*.md"], ["a.md"], ["README-secret.md"]),
    (["docs", "!docs/keep"], ["docs", "docs/a", "docs/a/b"], ["docs/keep", "docs/keep/x"]),
    (["*", "!src/**"], ["a", "src"], ["src/a", "src/a/b"]),
    (["*", "!**/*.go"], ["a", "a/b.c"], ["x.go", "a/x.go"]),
    (["**", "! a"], ["b"], ["a", "a/x"]),
    (["**/node_modules", "!app/node_modules/keep"], ["app/node_modules/x", "node_modules"],
     ["app/node_modules/keep/y"]),
    (["a", "!a/b", "a/b/c"], ["a/x", "a/b/c", "a/b/c/d"], ["a/b", "a/b/d"]),
    (["a", "!/a/b/"], ["a/x"], ["a/b", "a/b/d"]),
    # A line is not looked at where it changes nothing, and is not inherited then.
    (["a/x", "!a"], ["a/x"], ["a", "a/y"]),
    (["!a"], [], ["a"]),
])
def test_the_last_match_decides(lines, ignored, sent):
    ignore = Ignore(lines)
    assert [path for path in ignored if not ignore.matches(path)] == []
    assert [path for path in sent if ignore.matches(path)] == []


def test_comments_empty_lines_and_the_byte_order_mark():
    ignore = Ignore(["\ufeff# first", "", "   ", "# *", " #x", "foo"])
    assert [pattern.text for pattern in ignore.patterns] == ["#x", "foo"]
    assert [pattern.text for pattern in Ignore(["\ufefffoo"]).patterns] == ["foo"]


@pytest.mark.parametrize("exception, yes, no", [
    ("!docs/keep", ["docs", "docs/keep"], ["src", "docs/other", "doc", "docs/kee", "docs/keeper"]),
    ("!docs/k*", ["docs", "docs/k", "docs/keys"], ["src", "docs/x"]),
    ("!**/keep", ["docs", "a/b"], []),
    ("docs/keep", [], ["docs"]),
    (r"!a\*/b", ["a*", "a"], ["b"])])
def test_where_an_exception_may_hold(exception, yes, no):
    ignore = Ignore(["*", exception])
    assert [path for path in yes if not ignore.may_return(path)] == []
    assert [path for path in no if ignore.may_return(path)] == []


@pytest.mark.parametrize("line, why", [
    ("[", "no end or no content"), ("a[b", "no end or no content"), ("[]", "no end or no content"),
    ("[]a]", "no end or no content"), ("[^]", "no end or no content"), ("[a-]", "no end or no content"),
    ("[-a]", "no end or no content"), ("[a\\", "no end or no content"), ("[b-a]", "backwards"),
    ("a\\", "escapes nothing"), ("!", "A lone ! excepts nothing"), ("!  ", "A lone !"), ("![", "no end")])
def test_bad_lines(line, why):
    with pytest.raises(ContextError) as caught:
        Ignore(["# one", "ok", line])
    assert caught.value.what == "Line 3 of .dockerignore is not a pattern."
    assert why in caught.value.why
    assert caught.value.evidence == f"> 3 | {line.strip()}"


def test_read(tmp_path):
    assert Ignore.read(tmp_path).patterns == ()
    (tmp_path / ".dockerignore").write_bytes(b"\xef\xbb\xbf# c\r\nfoo\r\ncaf\xe9\r\n")
    assert [pattern.text for pattern in Ignore.read(tmp_path).patterns] == ["foo", "caf\udce9"]


def test_the_file_beside_the_dockerfile_wins(tmp_path):
    (tmp_path / "ci").mkdir()
    (tmp_path / ".dockerignore").write_text("root\n")
    (tmp_path / "ci" / "Dockerfile.dockerignore").write_text("own\n")
    (tmp_path / "prod.Dockerfile.dockerignore").write_text("")

    def texts(dockerfile):
        return [pattern.text for pattern in Ignore.read(tmp_path, dockerfile).patterns]

    assert texts("Dockerfile") == ["root"]
    assert texts("ci/Dockerfile") == ["own"]
    assert texts(tmp_path / "ci" / "Dockerfile") == ["own"]
    assert texts("prod.Dockerfile") == []
    assert texts("nowhere/Dockerfile") == ["root"]


def test_an_error_names_the_file(tmp_path):
    (tmp_path / ".dockerignore").mkdir()
    with pytest.raises(ContextError, match=".dockerignore cannot be read"):
        Ignore.read(tmp_path)
    (tmp_path / "Dockerfile.dockerignore").write_text("ok\n[\n")
    with pytest.raises(ContextError, match="Line 2 of Dockerfile.dockerignore"):
        Ignore.read(tmp_path)
