from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import browser
import pandas as pd
import pytest
from PIL import Image

from retinue import plots
from retinue.plots.style import DARK, LIGHT
from retinue.report import Section, Shown, page

NOON = datetime(2024, 7, 1, 12, 0, tzinfo=UTC)
HOSTILE = (
    "<script>document.title='owned'</script>",
    '" onload="document.title=1" x="',
    "</title></svg><img src=https://example.com/x onerror=alert(1)>",
    "$\\frac{a}{b}$ $x_1$",
    "line one\nline two\ttab\x00\x1b[31m",
    "\u202eevil\u2066 שלום עולם مرحبا",
    "👩‍👩‍👧‍👦 日本語のとても長いラベル",
    "W" * 500,
    "x" + "\u0301" * 80,
)
VOID = {"meta", "img", "br"}


def sections(names: Sequence[str] = ("home", "catalog", "cart", "search")) -> list[Section]:
    """A report on a small world in which these names stand for everything that can be named."""
    steps = pd.DataFrame({"step_index": range(1, len(names) + 1), "step": names, "visitor_count": 100})
    steps["visitor_count"] //= steps["step_index"]
    paths = pd.DataFrame(
        {
            "path": [[a, b, c] for a in names for b in names for c in names if a != b != c]
            + [[a] for a in names],
            "session_count": 5,
        }
    )
    terms = pd.DataFrame({"query": names, "session_count": range(1, len(names) + 1)})
    hours = pd.DataFrame({"weekday": [1, 7], "hour": [0, 23], "session_count": [3, 12_345]})
    facts = {"Started": "2024-07-01 12:00 UTC", "MLflow run": "b1d3a0c5f2e94b0c", names[0]: names[-1]}
    return [
        Section(
            "find_paths",
            "Where do visitors go?",
            [Shown("00ff00ff00ff00ff", names[0], names[1]), Shown("11ee11ee11ee11ee", "How many?", "3,605")],
            [plots.html(plots.sankey(paths)), plots.fragment(plots.funnel(steps), title=names[0])],
            facts,
        ),
        Section(
            names[0],
            names[1],
            [Shown("22dd22dd22dd22dd", "How many searches fail?", "12%")],
            [plots.svg(plots.fruitless_terms(terms)), plots.html(plots.sessions_by_hour(hours))],
        ),
    ]


class Outline(HTMLParser):
    """The elements of a page, and whether each that opens is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def test_every_finding_stands_with_its_id_beside_its_value():
    text = page(sections(), title="Report", made_at=NOON)
    for section in sections():
        for finding in section.findings:
            card = re.search(rf'<article id="finding-{finding.finding_id}">.*?</article>', text, re.DOTALL)
            assert card
            words = [unescape(word) for word in re.findall(r">([^<]+)<", card.group())]
            assert words == [finding.question, finding.value, f"retinue prove {finding.finding_id}"]
    glance = text[text.index('id="summary"') : text.index('id="section-1"')]
    assert re.findall(r"<code>([0-9a-f]{16})</code>", glance) == [
        "00ff00ff00ff00ff",
        "11ee11ee11ee11ee",
        "22dd22dd22dd22dd",
    ]


def test_the_page_is_whole_whatever_its_words_are():
    for names in (("home", "catalog", "cart", "search"), HOSTILE):
        outline = Outline(page(sections(names), title=names[0], made_at=NOON))
        assert outline.open == []
        assert len(outline.all("svg")) == 4
        assert len(outline.all("figure")) == 4
        assert not {tag for tag, _ in outline.elements} & {"script", "img", "link", "iframe", "object"}
        assert not [
            name for _, attributes in outline.elements for name in attributes if name.startswith("on")
        ]


def test_links_lead_to_places_on_the_page_and_nothing_leads_outside():
    outline = Outline(page(sections(), title="Report", made_at=NOON))
    ids = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for _, attributes in outline.elements if "href" in attributes]
    assert len(links) >= 5
    assert {link[1:] for link in links} <= set(ids)
    policy = [meta for meta in outline.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0]["content"] == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def test_times_are_told_in_utc_and_an_empty_report_says_so():
    text = page([], title="Report", made_at=datetime(2024, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=2))))
    assert "made 2024-06-30 23:30 UTC" in text
    assert "No run has a finding yet." in text
    assert "made 2024-07-01 12:00 UTC" in page([], title="Report", made_at=NOON.replace(tzinfo=None))


def test_a_figure_that_is_none_is_said_and_not_shown():
    text = page([Section("job", "Why?", figures=["<p>nothing here"])], title="Report", made_at=NOON)
    assert "A picture of this run cannot be shown." in text
    assert "nothing here" not in text


@pytest.mark.browser
@pytest.mark.parametrize(("width", "dark", "hostile"), [(1280, False, False), (390, True, True)])
def test_a_browser_shows_every_figure_and_asks_for_nothing(
    tmp_path: Path, width: int, dark: bool, hostile: bool
):
    report = sections(HOSTILE) if hostile else sections()
    seen = browser.look(page(report, title="Report", made_at=NOON), tmp_path, width=width, dark=dark)
    assert seen.title == "Report"
    assert seen.console == []
    assert seen.loaded == []
    assert seen.width <= width  # pictures scroll inside the page; the page itself never does
    assert seen.background == _rgb((DARK if dark else LIGHT)["paper"])
    assert len(seen.pictures) == 4
    for picture in seen.pictures:
        left, top, right, bottom = picture["box"]
        assert right - left > 250
        assert bottom - top > 90
        assert picture["texts"]
        assert picture["marks"]
        for name, x0, y0, x1, y1 in picture["texts"] + picture["marks"]:
            assert left - 1 <= x0 <= x1 <= right + 1, name
            assert top - 1 <= y0 <= y1 <= bottom + 1, name


@pytest.mark.browser
def test_the_browser_would_tell_of_a_script_and_of_a_request(tmp_path: Path):
    report = page(sections(), title="Report", made_at=NOON)
    spoilt = report.replace(
        "</body>", '<script>document.title="owned"</script><img src="http://127.0.0.1:9/x"></body>'
    )
    seen = browser.look(spoilt, tmp_path, width=800)
    assert seen.title == "Report"  # the page's own policy keeps the script from running
    assert len(seen.console) == 2


@pytest.mark.browser
def test_the_pictures_are_painted_in_the_colours_of_the_night(tmp_path: Path):
    paths = pd.DataFrame({"path": [["home", "cart"], ["home"]], "session_count": [9, 4]})
    target = browser.photograph(plots.html(plots.sankey(paths)), tmp_path, width=800, height=700, dark=True)
    painted = {color for _, color in Image.open(target).convert("RGB").getcolors(maxcolors=1 << 24)}
    assert {
        tuple(bytes.fromhex(DARK[name][1:])) for name in ("paper", "blue", "orange", "vermillion")
    } <= painted


def _rgb(color: str) -> str:
    return f"rgb({', '.join(str(part) for part in bytes.fromhex(color[1:]))})"
