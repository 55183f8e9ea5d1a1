from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from xml.etree import ElementTree

import matplotlib
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from PIL import Image

from retinue.plots import Picture, fragment, html, png, sankey, svg
from retinue.plots.style import CATEGORIES, DARK, LIGHT

PATHS = pd.DataFrame({"path": [["home", "<i>$a$</i>"], ["home"]], "session_count": [2, 1]})
SVG = "{http://www.w3.org/2000/svg}"


def line_plot(color: str = "#0072b2") -> Figure:
    figure = Figure(figsize=(4, 2))
    figure.add_axes((0.1, 0.1, 0.8, 0.8)).plot(
        [1, 2, 3], [3, 1, 2], "o-", color=color, gid="line", label="growth"
    )
    return figure


def test_svg_keeps_text_as_text_and_gives_marks_their_titles():
    root = ElementTree.fromstring(svg(sankey(PATHS)))
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts.count("<i>$a$</i>") == 1
    assert "Where do sessions go, step by step?" not in texts  # which is left to the page
    assert root.get("aria-label") == "Where do sessions go, step by step? 3 sessions on 2 paths"
    titles = [mark.find(f"{SVG}title").text for mark in root.iter(f"{SVG}g") if mark.get("class") == "mark"]
    assert "home → <i>$a$</i>: 2 sessions, 66.7% of those here" in titles
    assert len(titles) == len(set(titles)) == 5


def test_svg_of_any_figure_takes_the_page_s_colours_and_tips():
    root = ElementTree.fromstring(svg(line_plot()))
    assert [title.text for title in root.iter(f"{SVG}title")] == ["growth"]
    styles = " ".join(element.get("style", "") for element in root.iter())
    assert "var(--blue, #0072b2)" in styles
    assert "var(--ink, #17202b)" in styles
    assert "#000000" not in styles
    assert "font-family" not in styles


def test_ids_are_those_referred_to_and_no_other_picture_s():
    ids = []
    for figure in (line_plot(), line_plot("#d55e00"), sankey(PATHS)):
        text = svg(figure)
        own = set(re.findall(r' id="([^"]+)"', text))
        assert own == set(re.findall(r'(?:url\(#|href="#)([^")]+)', text))
        ids.append(own)
    assert ids[0]
    assert not any(a & b for a, b in combinations(ids, 2))


def test_html_is_a_page_whose_figure_is_the_fragment():
    picture = sankey(PATHS)
    whole = html(picture, title="Paths & <more>")
    assert fragment(picture, title="Paths & <more>") in whole
    assert "<title>Paths &amp; &lt;more&gt;</title>" in whole
    assert "default-src 'none'" in whole
    assert "<title>Where do sessions go, step by step?</title>" in html(picture)
    assert "<b>Figure</b></figcaption>" in html(line_plot())


def test_png_has_the_heading_and_two_points_a_pixel():
    image = Image.open(io.BytesIO(png(sankey(PATHS))))
    width, height = (round(side * 72) for side in sankey(PATHS).get_size_inches())
    assert image.size == (2 * width, 2 * height)
    assert Image.open(io.BytesIO(sankey(PATHS)._repr_png_())).size == image.size
    heading = image.convert("L").crop((0, 0, image.width, 100))
    assert heading.getextrema()[0] < 80


def test_threads_draw_what_one_draws_and_leave_matplotlib_as_it_was():
    before = dict(matplotlib.rcParams)
    pictures = [Picture(title=f"T{i}", note="", width=200, height=80) for i in range(16)]
    for number, picture in enumerate(pictures):
        picture.block(5, 5, 10 + number, 20, color=LIGHT["blue"], tip=str(number))
        picture.write(5, 50, f"$_{number} 日本")
    alone = [svg(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(svg, pictures)) == alone
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


@pytest.mark.filterwarnings("error")
def test_letters_that_the_font_lacks_are_no_reason_for_a_warning():
    picture = Picture(title="日本語 😀", note="שלום", width=300, height=60)
    assert "日本語 😀" in fragment(picture)
    assert png(picture)


def test_words_can_be_read_by_day_and_by_night():
    for colors in (LIGHT, DARK):
        for name in ("ink", "muted", "vermillion"):
            wanted = 3.5 if name == "vermillion" else 4.5
            assert _contrast(colors[name], colors["paper"]) >= wanted, name
        assert _contrast(colors["on-fill"], colors["blue"]) >= 4.5


def test_categories_can_be_told_apart():
    assert len(set(LIGHT.values())) == len(LIGHT)  # SVG knows a colour's name by its value
    assert LIGHT.keys() == DARK.keys()
    assert set(CATEGORIES) < set(LIGHT.values())
    assert LIGHT["vermillion"] not in CATEGORIES


def _contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    parts = [byte / 255 for byte in bytes.fromhex(color[1:])]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
