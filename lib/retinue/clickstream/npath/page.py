"""The debugger's page: one visitor's journey with every attempt drawn beside it, and what stops all of them.

The page holds all that it shows. It asks nothing of any host, runs no script, and reads by day, by night and
on a phone. What is told by colour is told by a sign or in words too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from html import escape
from typing import Any

from pyspark.sql import DataFrame

from retinue.clickstream.npath.journey import Attempt, Journey, Row, listed, run
from retinue.plots.labels import amount, clean, count, share
from retinue.plots.render import document

__all__ = ["page"]

MOST_ROWS, MOST_ATTEMPTS, MOST_LANES = 300, 100, 6
SIGNS = {"matched": "✓", "broken": "✕", "timed_out": "◷", "ended": "■"}
OUTCOMES = {
    "matched": "matched",
    "broken": "broken by a row",
    "timed_out": "out of time",
    "ended": "stopped by the end",
}


def page(
    match: Journey | None = None, *, population: DataFrame | None = None, title: str | None = None
) -> str:
    """One HTML page of a journey that `explain_match` gives, of what `explain_population` gives, or of both.

    Of a long journey it shows 300 rows around the attempt that came nearest to a match, and the 100 nearest
    attempts.
    Of a population it collects a row a condition. Runs a Spark job where there is a population.
    """
    counts = [row.asDict() for row in population.collect()] if population is not None else []
    parts = (_journey(match) if match else "") + (_population(counts, beside=match) if counts else "")
    heading = title or (_question(match) if match else "What keeps journeys from matching?")
    body = f"<header><h1>{_text(heading)}</h1></header>\n<main>\n{parts}</main>"
    return document(body, title=clean(heading), kind="debugger", sheet=_SHEET)


def _question(match: Journey) -> str:
    return f"Why did {match.name} match?" if match.matches else f"Why did {match.name} not match?"


def _journey(match: Journey) -> str:
    begun = sorted((attempt for attempt in match.attempts if attempt.has_begun), key=Attempt.rank)
    told = sorted(begun[:MOST_ATTEMPTS], key=lambda attempt: attempt.first)
    facts = [
        amount(len(match.rows), "row"),
        amount(len(begun), "attempt"),
        f"{count(len(match.matches))} match{'es' * (len(match.matches) != 1)}",
    ]
    return (
        f'<section id="verdict"><p class="verdict">{_text(match.verdict)}.</p>'
        f"{_pattern(match.pattern, begun[0] if begun else None)}{_PATTERN_KEY}"
        f'<p class="facts">{" · ".join(facts)}</p></section>\n'
        f'<section id="journey"><h2>The journey</h2>{_rows(match, begun)}</section>\n'
        f'<section id="attempts"><h2>Every attempt</h2>{_attempts(match, told, len(begun))}</section>\n'
        f'<section id="symbols"><h2>What the symbols mean</h2><dl>{_symbols(match)}</dl></section>\n'
    )


def _pattern(pattern: str, attempt: Attempt | None) -> str:
    """The pattern's text, the words that took rows filled, those that could have gone on ringed."""
    taken = Counter(attempt.taken_words) if attempt else Counter[tuple[int, int]]()
    expected = set(attempt.expected_words) if attempt else set()
    parts, place = [], 0
    for start, end in sorted({*taken, *expected}):
        kinds = ["taken"] * ((start, end) in taken) + ["expected"] * ((start, end) in expected)
        times = f"<sup>×{taken[start, end]}</sup>" if taken[start, end] > 1 else ""
        parts += [
            escape(pattern[place:start]),
            f'<mark class="{" ".join(kinds)}">{escape(pattern[start:end])}{times}</mark>',
        ]
        place = end
    return f'<p class="pattern"><code>{"".join(parts)}{escape(pattern[place:])}</code></p>'


def _rows(match: Journey, begun: Sequence[Attempt]) -> str:
    first = max(0, min(begun[0].first - 21, len(match.rows) - MOST_ROWS)) if begun else 0
    rows = match.rows[first : first + MOST_ROWS]
    shown = {row.number for row in rows}
    lanes = _lanes([attempt for attempt in begun if attempt.first in shown])
    columns = [*rows[0].values] if rows else []
    heads = "".join(f'<th scope="col">{_text(column)}</th>' for column in columns)
    lines = "".join(_row(row, lanes, match) for row in rows)
    drawn = sum(map(len, lanes))
    notes = [
        f"Rows {rows[0].number:,} to {rows[-1].number:,} of {len(match.rows):,} are shown."
        if len(rows) < len(match.rows)
        else "",
        f"{count(drawn)} of {count(len(begun))} attempts are drawn." if drawn < len(begun) else "",
    ]
    return (
        f'{_SIGN_KEY}<div class="scroll" tabindex="0" role="group" aria-label="The rows in order">'
        f'<table class="rows" style="--lanes:{len(lanes)}"><thead><tr>'
        + (
            f'<th scope="col" colspan="{len(lanes)}"><span class="unseen">attempts</span></th>'
            if lanes
            else ""
        )
        + f'<th scope="col" class="number">#</th>{heads}<th scope="col">symbols</th></tr></thead>'
        f'<tbody>{lines}</tbody></table></div><p class="facts">{" ".join(filter(None, notes))}</p>'
    )


def _lanes(attempts: Sequence[Attempt]) -> list[list[Attempt]]:
    """The attempts side by side, as many as fit: each in the first lane where its rows are free."""
    lanes: list[list[Attempt]] = []
    for attempt in attempts:
        free = (lane for lane in lanes if all(_apart(attempt, other) for other in lane))
        lane = next(free, None)
        if lane is not None:
            lane.append(attempt)
        elif len(lanes) < MOST_LANES:
            lanes.append([attempt])
    return lanes


def _apart(one: Attempt, other: Attempt) -> bool:
    return _stop(one) < other.first or _stop(other) < one.first


def _stop(attempt: Attempt) -> int:
    """The row at which the attempt's mark stands: the one that broke it, or its last."""
    return attempt.broken_at or attempt.last or attempt.first


def _row(row: Row, lanes: Sequence[Sequence[Attempt]], match: Journey) -> str:
    cells = "".join(_lane(row.number, lane) for lane in lanes)
    values = "".join(
        f'<td data-name="{_text(name)}">{_value(value)}</td>' for name, value in row.values.items()
    )
    here = [attempt for lane in lanes for attempt in lane]
    took = {
        attempt.symbols[row.number - attempt.first]: attempt.outcome == "matched"
        for attempt in sorted(here, key=lambda attempt: attempt.outcome == "matched")
        if attempt.symbols and attempt.first <= row.number <= (attempt.last or 0)
    }
    chips = "".join(
        f'<span class="chip{_taking(took.get(name))}">{_text(name)}</span>' for name in row.symbols
    )
    stops = [attempt for attempt in here if attempt.has_failed and _stop(attempt) == row.number]
    notes = "".join(f"<p>{_sign(attempt.outcome)} {_text(_note(attempt))}</p>" for attempt in stops)
    return (
        f'<tr{" class=stop" if stops else ""}>{cells}<th scope="row" class="number">{row.number}</th>{values}'
        f'<td class="symbols">{chips or _NONE}{notes}</td></tr>\n'
    )


def _lane(number: int, lane: Sequence[Attempt]) -> str:
    for attempt in lane:
        stop = _stop(attempt)
        if attempt.first <= number <= stop:
            ends = ["first"] * (number == attempt.first) + ["last"] * (number == stop)
            sign = _sign(attempt.outcome) if number == stop else "●" if number == attempt.first else ""
            return f'<td class="lane {attempt.outcome} {" ".join(ends)}">{sign}</td>'
    return '<td class="lane"></td>'


def _taking(in_match: bool | None) -> str:
    return "" if in_match is None else " hit" if in_match else " tried"


def _note(attempt: Attempt) -> str:
    wanted = listed(attempt.expected) if attempt.expected else "nothing more"
    reasons = {"broken": "breaks", "timed_out": "is too late for", "ended": "is the last for"}
    return f"{reasons[attempt.outcome]} the attempt from row {attempt.first}: expected {wanted}"


def _attempts(match: Journey, told: Sequence[Attempt], begun: int) -> str:
    longest = max((len(attempt.symbols) for attempt in told), default=1)
    lines = "".join(_attempt(attempt, match, longest) for attempt in told)
    outcomes = Counter(attempt.outcome for attempt in match.attempts)
    wanted = {name: None for attempt in match.attempts for name in attempt.expected if not attempt.has_begun}
    notes = [
        f"The {MOST_ATTEMPTS} of {count(begun)} that came nearest are listed." if len(told) < begun else "",
        f"{amount(outcomes['not_begun'], 'row')} cannot begin the pattern"
        + (f": that takes {listed([*wanted])}." if wanted else ".")
        if outcomes["not_begun"]
        else "",
        f"{amount(outcomes['skipped'], 'row')} were passed over after a match."
        if outcomes["skipped"]
        else "",
    ]
    return f'{lines}<p class="facts">{" ".join(_text(note) for note in notes if note)}</p>'


def _attempt(attempt: Attempt, match: Journey, longest: int) -> str:
    width = 100 * len(attempt.symbols) / max(longest, 1)
    what = run(attempt.symbols) or "no row"
    return (
        f'<details class="{attempt.outcome}"><summary><span class="from">row {attempt.first}</span>'
        f'<span class="taken-rows"><span class="bar" style="width:{width:.1f}%"></span>'
        f"<span>{_text(what)}</span></span>"
        f'<span class="outcome">{_sign(attempt.outcome)} {OUTCOMES[attempt.outcome]}</span></summary>'
        f"{_pattern(match.pattern, attempt)}<p>{_text(attempt.why[:1].upper() + attempt.why[1:])}.</p>"
        "</details>\n"
    )


def _symbols(match: Journey) -> str:
    held = Counter(name for row in match.rows for name in row.symbols)
    return "".join(
        f"<div><dt>{_text(name)}</dt><dd><code>{_text(predicate)}</code>"
        f"<span>holds on {amount(held[name], 'row') if held[name] else 'no row'}</span></dd></div>"
        for name, predicate in match.symbols.items()
    )


def _population(counts: Sequence[dict[str, Any]], *, beside: Journey | None) -> str:
    whole = counts[0]
    ranked = sorted(counts, key=lambda row: (-row["would_match"], -row["stopped"]))
    facts = (
        f"{amount(whole['partitions'], 'journey')}, {count(whole['partitions_matched'])} with a match"
        f" ({share(whole['partitions_matched'], whole['partitions'])}) ·"
        f" {amount(whole['attempts'], 'attempt')}, {count(whole['failures'])} failed"
    )
    lines = "".join(_condition_row(row, whole["failures"]) for row in ranked)
    heading = "<h2>What stops all journeys?</h2>" if beside else ""
    return (
        f'<section id="population">{heading}<p class="verdict">{_text(_headline(ranked[0]))}</p>'
        f'<p class="facts">{facts}</p>{_OUTCOME_KEY}<table class="conditions">'
        '<thead><tr><th scope="col">condition</th><th scope="col">attempts it stopped</th>'
        '<th scope="col">would match without it</th></tr></thead>'
        f'<tbody>{lines}</tbody></table><p class="facts">An attempt that several symbols could have'
        " carried on counts for each of them.</p></section>\n"
    )


def _headline(best: dict[str, Any]) -> str:
    if not best["failures"]:
        return "No attempt that began has failed."
    if not best["would_match"]:
        return "No condition alone keeps an attempt that began from matching."
    return (
        f"Were {_condition(best)} relaxed, {count(best['would_match'])} of"
        f" {amount(best['failures'], 'failed attempt')} would match,"
        f" and {count(best['partitions_would_match'])} more of {amount(best['partitions'], 'journey')}."
    )


def _condition(row: dict[str, Any]) -> str:
    signs = {"^": "the start (^)", "$": "the end ($)", "within": "the time limit (within)"}
    return str(row["symbol"]) if row["kind"] == "symbol" else signs[row["symbol"]]


def _condition_row(row: dict[str, Any], failures: int) -> str:
    parts = "".join(
        f'<span class="{outcome}" style="width:{100 * row[outcome] / failures:.2f}%"></span>'
        for outcome in ("broken", "timed_out", "ended")
        if row[outcome]
    )
    split = ", ".join(
        f"{count(row[outcome])} {OUTCOMES[outcome]}"
        for outcome in ("broken", "timed_out", "ended")
        if row[outcome]
    )
    lacking = (
        f"<small>never holds in {amount(row['partitions_without'], 'journey')}</small>"
        if row["partitions_without"]
        else ""
    )
    return (
        f'<tr><th scope="row">{_text(_condition(row))}{lacking}</th>'
        f'<td><span class="stack" aria-hidden="true">{parts}</span><b>{count(row["stopped"])}</b>'
        f" <small>{split}</small></td>"
        f"<td><b>{count(row['would_match'])}</b> <small>{share(row['would_match'], failures)} of failed"
        f" attempts, {amount(row['partitions_would_match'], 'more journey')}</small></td></tr>\n"
    )


def _sign(outcome: str) -> str:
    return f'<span class="sign {outcome}" title="{OUTCOMES[outcome]}">{SIGNS[outcome]}</span>'


def _value(value: object) -> str:
    return '<span class="null" title="null">–</span>' if value is None else _text(str(value)[:200])


def _text(words: object) -> str:
    return escape(clean(words))


def _key(outcomes: Collection[str]) -> str:
    entries = "".join(f"<li>{_sign(outcome)} {OUTCOMES[outcome]}</li>" for outcome in outcomes)
    return f'<ul class="key">{entries}</ul>'


_NONE = '<span class="null">none</span>'
_SIGN_KEY = _key(list(OUTCOMES))
_OUTCOME_KEY = _key(["broken", "timed_out", "ended"])
_PATTERN_KEY = (
    '<ul class="key"><li><mark class="taken">A</mark> took a row</li>'
    '<li><mark class="expected">A</mark> expected next</li><li><code>A</code> not reached</li></ul>'
)
_SHEET = """
.debugger{max-width:60rem;margin:0 auto;padding:2.25rem 1.25rem 4rem}
.debugger h1{font-size:clamp(1.55rem,5vw,2.2rem);line-height:1.15;letter-spacing:-.02em;margin:0;
text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:1.25rem;letter-spacing:-.01em;margin:0 0 .8rem}
main>section{padding-top:1.5rem}
main>section+section{margin-top:2rem;border-top:1px solid var(--faint);padding-top:2rem}
.verdict{font-size:1.1rem;line-height:1.45;margin:0 0 1.1rem;max-width:46rem;overflow-wrap:anywhere}
.facts{color:var(--muted);font-size:.88rem;margin:.9rem 0 0}
.facts:empty{display:none}
code{font-family:var(--mono);overflow-wrap:anywhere}
.pattern{margin:0;padding:1rem 1.1rem;border:1px solid var(--faint);border-radius:10px;
background:color-mix(in srgb,var(--faint) 35%,transparent)}
.pattern code{font-size:1.08rem;line-height:2.1;color:var(--muted);white-space:pre-wrap}
mark{font-family:var(--mono);color:var(--ink);background:none;border:2px solid transparent;
border-radius:6px;padding:.1em .35em;margin:0 .08em;font-weight:600}
mark.taken{background:var(--blue);color:var(--on-fill)}
mark.expected{border:2px dashed var(--vermillion)}
mark sup{font-size:.68em;line-height:0;margin-left:.2em;font-weight:400}
.key{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;margin:.7rem 0 .9rem;padding:0;
font-size:.82rem;color:var(--muted);align-items:center}
.key mark{font-size:.8rem;padding:0 .3em}
.sign{font-family:"DejaVu Sans",var(--sans);font-weight:700}
.matched{--tone:var(--blue)}.broken{--tone:var(--vermillion)}
.timed_out{--tone:var(--purple)}.ended{--tone:var(--orange)}
.sign{color:var(--tone)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%}
thead th{font-size:.78rem;color:var(--muted);font-weight:400;text-align:left;padding:0 .8rem .4rem 0}
.unseen{position:absolute;clip-path:inset(50%)}
.rows td,.rows th{padding:.42rem .8rem .42rem 0;vertical-align:top;border-bottom:1px solid var(--faint);
font-size:.92rem;text-align:left;overflow-wrap:anywhere}
.rows .number{white-space:nowrap;color:var(--muted);font-weight:400;font-variant-numeric:tabular-nums;
text-align:right;width:2.2rem;padding-left:.5rem}
.rows td.lane{width:1.5rem;min-width:1.5rem;padding:.42rem 0;text-align:center;
border-bottom-color:transparent;line-height:1.55;font-size:.8rem;color:var(--tone,inherit)}
.rows td.lane.matched,.rows td.lane.broken,.rows td.lane.timed_out,.rows td.lane.ended{
background:linear-gradient(var(--tone),var(--tone)) center/3px 100% no-repeat}
.rows td.lane.first{background-size:3px calc(100% - 1.1rem);background-position:center bottom}
.rows td.lane.last{background-size:3px .45rem;background-position:center top}
.rows td.lane.first.last{background:none}
.rows td.lane.broken:not(.last),.rows td.lane.timed_out:not(.last),.rows td.lane.ended:not(.last){
background-image:repeating-linear-gradient(var(--tone) 0 5px,transparent 5px 9px)}
.rows tr.stop>td:not(.lane),.rows tr.stop>th{background:color-mix(in srgb,var(--vermillion) 7%,transparent)}
.rows td[data-name],.rows td.symbols{min-width:4.5rem}
.rows td.symbols p{margin:.35rem 0 0;font-size:.84rem;line-height:1.4}
.chip{display:inline-block;border:1px solid color-mix(in srgb,var(--muted) 45%,transparent);
border-radius:99px;padding:0 .6em;margin:0 .3em .15em 0;font-size:.82rem;line-height:1.55}
.chip.hit{background:var(--blue);border-color:var(--blue);color:var(--on-fill);font-weight:600}
.chip.tried{border:2px solid var(--blue);font-weight:600;line-height:1.45}
.null{color:var(--muted);font-size:.84rem}
details{border-bottom:1px solid var(--faint)}
summary{display:grid;grid-template-columns:4.5rem minmax(0,1fr) 10.5rem;gap:.8rem;align-items:center;
padding:.55rem 0;cursor:pointer;font-size:.92rem;list-style-position:inside}
summary:hover .from{color:var(--blue)}
.from{font-variant-numeric:tabular-nums}.from::before{content:"▸ ";color:var(--muted)}
details[open] .from::before{content:"▾ "}
summary::-webkit-details-marker{display:none}
.taken-rows{display:block;min-width:0;overflow-wrap:anywhere}
.bar{display:block;height:.4rem;min-width:.4rem;border-radius:99px;background:var(--tone);margin-bottom:.15rem}
.outcome{color:var(--muted);font-size:.86rem}
details>p:last-child{margin:.6rem 0 1rem;font-size:.92rem;overflow-wrap:anywhere}
dl{margin:0}dl div{display:grid;grid-template-columns:minmax(5rem,10rem) minmax(0,1fr);gap:1rem;
padding:.3rem 0}
dt{font-weight:600;overflow-wrap:anywhere}dd{margin:0}dd code{font-size:.88rem}
dd span{display:block;color:var(--muted);font-size:.82rem}
.conditions td,.conditions th{padding:.6rem 1rem .6rem 0;border-bottom:1px solid var(--faint);
vertical-align:top;text-align:left;font-size:.92rem;overflow-wrap:anywhere}
.conditions thead th{font-size:.78rem}
.conditions tbody th{font-weight:600;width:24%}
.conditions td{width:38%}
.conditions small{color:var(--muted);font-weight:400}.conditions th small{display:block}
.stack{display:flex;height:.7rem;margin:.35rem 0 .3rem;background:var(--faint);border-radius:3px;
overflow:hidden}
.stack span{background:var(--tone);min-width:2px}
.stack .timed_out{background:repeating-linear-gradient(45deg,var(--tone) 0 4px,transparent 4px 7px)}
.stack .ended{background:repeating-linear-gradient(90deg,var(--tone) 0 3px,transparent 3px 6px)}
@media (max-width:40rem){
.rows thead{position:absolute;clip-path:inset(50%)}
.rows tr{display:grid;grid-template-columns:repeat(var(--lanes),1.35rem) 2.2rem minmax(0,1fr)}
.rows td,.rows th{border:0;grid-column:-2;padding:.1rem 0}
.rows td.lane,.rows th.number{grid-column:auto;grid-row:1/span 12}
.rows td.lane{width:auto;min-width:0}.rows th.number{padding:.1rem .6rem 0 0}
.rows td[data-name],.rows td.symbols{min-width:0}
.rows td[data-name]::before{content:attr(data-name) " ";color:var(--muted);font-size:.78rem}
.rows td[data-name]:has(.null){display:none}
.rows td.symbols{padding-bottom:.7rem}
summary{grid-template-columns:4rem minmax(0,1fr)}.outcome{grid-column:2}
.conditions thead{position:absolute;clip-path:inset(50%)}
.conditions tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--faint)}
.conditions td,.conditions th{display:block;width:auto!important;border:0;padding:.15rem 0}
.conditions td:last-child::before{content:"would match without it: ";color:var(--muted);font-size:.84rem}}
@media print{details{break-inside:avoid}}
"""
