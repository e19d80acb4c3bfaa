"""Listings that fit a narrow page: each line in an element of its own, so that what is left of it is indented."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

from helpers.views.markup import hanging, whole_words

_LISTING = re.compile(r'(<div class="highlight"><pre>)(.*?)\n?(</pre>)', re.S)
_TAG = re.compile(r"<[^>]*>")
_BETWEEN_TAGS = re.compile(r"(?:^|(?<=>))[^<]+")


def hang(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Give the lines of a page's listings their elements."""
    context["body"] = _LISTING.sub(_hung, context.get("body", ""))


def _hung(found: re.Match[str]) -> str:
    marked_up = _BETWEEN_TAGS.sub(lambda words: whole_words(words[0]), found[2])
    lines = hanging(marked_up.split("\n"), _TAG.sub("", marked_up))
    return f"{found[1]}{lines}{found[3]}"
