"""The report: one page that answers, with its pictures and a receipt beside every number.

The page holds all that it shows. It asks nothing of any host, runs no script, reads by day, by night, on a
phone and on paper.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote

from retinue.plots.render import document

__all__ = ["Section", "Shown", "page"]


@dataclass(frozen=True)
class Shown:
    """A finding as the page shows it: the question, its value as text, and the id of its receipt."""

    finding_id: str
    question: str
    value: str


@dataclass(frozen=True)
class Section:
    """What one job's run has to say.

    `figures` are texts as `plots.fragment`, `plots.html` or `plots.svg` give them; `facts` are what is
    known about the run (when it started, rows in and out, versions of tables …) by their names.
    """

    job: str
    question: str
    findings: Sequence[Shown] = ()
    figures: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def page(sections: Sequence[Section], *, title: str, made_at: datetime) -> str:
    """The whole report as HTML, its sections in the order given; a time without a zone is UTC."""
    at = made_at if made_at.tzinfo is None else made_at.astimezone(UTC)
    scope = f"{_scope(sections)} · made {at:%Y-%m-%d %H:%M} UTC"
    parts = "".join(_section(number, section) for number, section in enumerate(sections, 1))
    body = f"""<header><h1>{escape(title)}</h1><p>{scope}</p></header>
{_contents(sections)}
<main>
{_summary(sections)}
{parts}</main>"""
    return document(body, title=title, kind="report", sheet=_SHEET)


def _scope(sections: Sequence[Section]) -> str:
    findings = sum(len(section.findings) for section in sections)
    figures = sum(len(section.figures) for section in sections)
    amounts = {"analysis": len(sections), "finding": findings, "picture": figures}
    return " · ".join(f"{amount} {_plural(name, amount)}" for name, amount in amounts.items())


def _plural(name: str, amount: int) -> str:
    return name if amount == 1 else {"analysis": "analyses"}.get(name, name + "s")


def _contents(sections: Sequence[Section]) -> str:
    links = "".join(
        f'<li><a href="#section-{number}">{escape(section.question)}</a></li>'
        for number, section in enumerate(sections, 1)
    )
    return f'<nav aria-label="Contents"><ol>{links}</ol></nav>' if links else ""


def _summary(sections: Sequence[Section]) -> str:
    """All findings at a glance, each with the way to its receipt."""
    rows = "".join(_row(finding) for section in sections for finding in section.findings)
    if not rows:
        return '<section id="summary"><h2>At a glance</h2><p>No run has a finding yet.</p></section>'
    return (
        '<section id="summary"><h2>At a glance</h2><table><thead><tr><th scope="col">Question</th>'
        f'<th scope="col">Finding</th><th scope="col">Receipt</th></tr></thead><tbody>{rows}</tbody></table>'
        "<p>Every finding has a receipt. <code>retinue prove</code> with its id computes the finding again "
        "from the versions of the tables that it came from, and says whether it is equal.</p></section>"
    )


def _row(finding: Shown) -> str:
    link = f'<a href="#finding-{quote(finding.finding_id)}">{escape(finding.question)}</a>'
    return (
        f'<tr><th scope="row">{link}</th><td>{escape(finding.value)}</td>'
        f"<td><code>{escape(finding.finding_id)}</code></td></tr>\n"
    )


def _section(number: int, section: Section) -> str:
    findings = "".join(_finding(finding) for finding in section.findings)
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in section.facts.items()
    )
    return (
        f'<section id="section-{number}"><p class="job">{escape(section.job)}</p>'
        f"<h2>{escape(section.question)}</h2>"
        + (f'<div class="findings">{findings}</div>' if findings else "")
        + "".join(_figure(figure) for figure in section.figures)
        + (f'<dl class="facts" aria-label="About this run">{facts}</dl>' if facts else "")
        + "</section>\n"
    )


def _finding(finding: Shown) -> str:
    return (
        f'<article id="finding-{escape(finding.finding_id)}"><h3>{escape(finding.question)}</h3>'
        f"<p>{escape(finding.value)}</p><code>retinue prove {escape(finding.finding_id)}</code></article>"
    )


def _figure(text: str) -> str:
    """The figure itself out of a fragment, a page of its own, or bare SVG."""
    if found := re.search(r"<figure\b.*</figure>", text, re.DOTALL):
        return found.group()
    if found := re.search(r"<svg\b.*</svg>", text, re.DOTALL):
        return f'<figure class="picture"><div class="scroll">{found.group()}</div></figure>'
    return '<p class="job">A picture of this run cannot be shown.</p>'


_SHEET = """
html{scroll-padding-top:1rem}
.report{max-width:76rem;margin:0 auto;padding:2.5rem 1.25rem 4rem;display:grid;column-gap:3.5rem;
grid-template-columns:minmax(0,1fr)}
.report a{color:inherit;text-decoration-color:color-mix(in srgb,currentColor 30%,transparent);
text-underline-offset:.2em}
.report a:hover{color:var(--blue);text-decoration-color:currentColor}
:focus-visible{outline:2px solid var(--blue);outline-offset:2px;border-radius:2px}
header h1{font-size:clamp(1.7rem,5vw,2.4rem);line-height:1.15;letter-spacing:-.02em;margin:0;
text-wrap:balance;overflow-wrap:anywhere}
header p,.job,.facts,nav{color:var(--muted)}
header p{margin:.5rem 0 0}
nav{margin-top:1.75rem;font-size:.92rem;line-height:1.4}
nav ol{margin:0;padding-left:1.3rem}
nav li{padding:.2rem 0;overflow-wrap:anywhere}
nav li::marker{font-variant-numeric:tabular-nums}
nav a{text-decoration:none}
main>section{padding-top:2.75rem}
main>section+section{margin-top:2.75rem;border-top:1px solid var(--faint)}
h2{font-size:1.45rem;line-height:1.25;letter-spacing:-.01em;margin:0 0 1.1rem;text-wrap:balance;
overflow-wrap:anywhere}
code{font:.8rem/1.4 var(--mono);color:var(--muted);overflow-wrap:anywhere;
user-select:all;-webkit-user-select:all}
.job{font:.8rem var(--mono);margin:0 0 .35rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.55rem 1rem .55rem 0;border-bottom:1px solid var(--faint);
vertical-align:baseline;font-weight:400;overflow-wrap:anywhere}
thead th{font-size:.8rem;color:var(--muted);padding-top:0}
tbody a{text-decoration:none}
td:nth-child(2){font-weight:600;font-variant-numeric:tabular-nums}
td:nth-child(3){padding-right:0;min-width:9.5rem;width:9.5rem}
#summary p{color:var(--muted);font-size:.92rem;max-width:40rem}
.findings{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,15rem),1fr));gap:1rem}
.findings article{border:1px solid var(--faint);border-radius:8px;padding:.95rem 1.1rem .8rem;
display:flex;flex-direction:column;break-inside:avoid;scroll-margin-top:1rem}
.findings article:target{border-color:var(--blue);box-shadow:0 0 0 1px var(--blue)}
.findings h3{font-size:.92rem;font-weight:400;line-height:1.35;color:var(--muted);margin:0;
overflow-wrap:anywhere}
.findings p{font-size:1.6rem;font-weight:650;line-height:1.2;letter-spacing:-.015em;margin:.3rem 0 .7rem;
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.findings code{margin-top:auto;padding-top:.5rem;border-top:1px solid var(--faint);font-size:.74rem}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,9.5rem),1fr));gap:.7rem 1.5rem;
margin:2rem 0 0;font-size:.82rem;line-height:1.4}
.facts div{min-width:0}
.facts dt{opacity:.85}
.facts dd{margin:0;color:var(--ink);overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
@media (min-width:68rem){
.report{grid-template-columns:13.5rem minmax(0,1fr);grid-template-areas:"head head" "nav main"}
header{grid-area:head}nav{grid-area:nav;position:sticky;top:0;align-self:start;margin:0;padding-top:2.75rem;
max-height:100vh;overflow-y:auto}main{grid-area:main}}
@media (max-width:40rem){
thead{position:absolute;clip-path:inset(50%)}
tbody tr{display:grid;grid-template-columns:1fr auto;border-bottom:1px solid var(--faint);padding:.6rem 0}
tbody th,tbody td{border:0;padding:0}td:nth-child(3){min-width:0;width:auto}tbody th{grid-column:1/-1}}
@media print{.report{display:block;padding:0;max-width:none}nav{display:none}
.job,h2,h3,figcaption{break-after:avoid}.findings,.facts{break-inside:avoid}}
"""
