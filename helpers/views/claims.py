"""All claims and sentences of the chapter, with what the experiments say, as tables."""

from ..claims import CLAIMS, Lesson, Sentence, Sentences, Standing, Standings, Verdict
from ..text import escape
from ..units import listed
from .markup import BAD, FAIR, GOOD, QUIET, marked, prose, table

_COLOURS = {"holds": GOOD, "partly": FAIR, "fails": BAD, "": QUIET}


def verdict_view(verdict: Verdict) -> str:
    """A claim of the chapter, what became of it here, and why."""
    return (f"<p><b><span aria-hidden='true'>{verdict.mark}</span> {verdict.name} {verdict.words}.</b> "
            f"{prose(CLAIMS[verdict.claim])}<br>{prose(verdict.because)}</p>")


def standings_view(standings: Standings) -> str:
    """A row a claim, with what was measured; of those that nobody tested yet, the lesson that does it."""
    rows = []
    for each in standings:
        given = each.verdict
        found = marked(given.mark, given.words, _COLOURS[given.found]) if given else marked("·", "not tested yet",
                                                                                            _COLOURS[""])
        because = prose(given.because) if given else f"Tested in {_link(each.lesson)}."
        rows.append((each.claim, f"<b>{prose(each.text)}</b><br>{because}", found, _link(each.lesson)))
    measured = [each.verdict for each in standings if each.verdict and each.verdict.engine]
    days = sorted(each.when for each in measured)
    when = " to ".join(dict.fromkeys([*days[:1], *days[-1:]]))
    engines = "; ".join(dict.fromkeys(each.engine for each in measured))
    note = f"<p>Measured {when} on {escape(engines)}.</p>" if measured else ""
    return table(("no.", "claim, and what was measured", "found", "lesson"), rows, _sum(standings)) + note


def standings_text(standings: Standings) -> str:
    """How all claims stand, as text."""
    lines = [_sum(standings)]
    for each in standings:
        given = each.verdict
        said = f"{given.words}. {given.because} ({given.when})" if given else "not tested yet"
        lines += [f"{given.mark if given else '·'} {each.claim:<4} {each.text}",
                  f"       {said} Lesson {each.lesson.number}."]
    return "\n".join(lines)


def _sum(standings: Standings) -> str:
    words = {"holds": ("holds", "hold"), "partly": ("holds in part", "hold in part"),
             "fails": ("does not hold", "do not hold")}
    counts = [(sum(each.verdict.found == found for each in standings if each.verdict), *both)
              for found, both in words.items()]
    counts += [(len(standings.open), "is not tested yet", "are not tested yet")] if standings.open else []
    said = listed([f"{count} {one if count == 1 else many}" for count, one, many in counts])
    return f"{len(standings)} claims: {said}"


def sentences_view(sentences: Sentences) -> str:
    """A row a sentence, with the verdicts that it stands on."""
    rows = [(prose(each.text), marked(each.mark, each.words, _COLOURS[each.found]), _claims(each))
            for each in sentences]
    return table(("say", "the experiments say", "since"), rows)


def sentences_text(sentences: Sentences) -> str:
    """What the sentences of the chapter rest on, as text."""
    return "\n".join(f"{each.mark} {each.text}\n    {each.words}: " + ", ".join(map(_short, each.claims))
                     for each in sentences)


def _claims(sentence: Sentence) -> str:
    """Its claims; of those that do not hold as they stand, why."""
    lines = [escape(_short(each)) + (f": {prose(each.verdict.because)}"
                                         if each.verdict and each.verdict.found != "holds" else "")
            + ("" if each.verdict else f" in {_link(each.lesson)}") for each in sentence.claims]
    return "<br>".join(lines)


def _short(each: Standing) -> str:
    return f"{each.claim} {each.verdict.words if each.verdict else 'is not tested yet'}"


def _link(to: Lesson) -> str:
    return f'<a href="{escape(to.file)}" title="{escape(to.title)}">{to.number}</a>' if to.file else to.number
