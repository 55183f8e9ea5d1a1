"""Figures as bytes and text: PNG for slides, SVG and self-contained HTML for the report.

The SVG keeps text as text, so that it can be selected, found and read aloud; it takes its colours from
the page's style sheet by day and by night, needs no script, and asks nothing of any other host.
"""

from __future__ import annotations

import hashlib
import io
import re
from html import escape
from xml.etree import ElementTree

from matplotlib.figure import Figure

from retinue.plots.image import INCH, png, rendering
from retinue.plots.picture import HEADING, Picture
from retinue.plots.style import LIGHT, SHEET

__all__ = ["document", "fragment", "html", "png", "svg"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_SVG = "http://www.w3.org/2000/svg"
_PHONE = 0.74  # a picture scrolls sideways rather than shrink below this part of its size


def svg(figure: Figure) -> str:
    """The figure as one `<svg>` element to stand inside a page; a heading is left to the page.

    A mark's tip is its `<title>`. Equal figures give equal text, and no id of one picture occurs in another.
    """
    target = io.StringIO()
    with rendering():
        figure.savefig(target, format="svg", metadata={"Date": None})
    drawn = target.getvalue()
    root = ElementTree.fromstring(drawn)
    _forget_namespaces(root)
    _strip(root)
    _label(root, figure)
    _name_ids(root, hashlib.sha256(drawn.encode()).hexdigest()[:8])
    _fit_to_page(root, figure)
    _adopt_style(root)
    return ElementTree.tostring(root, encoding="unicode")


def fragment(figure: Figure, *, title: str | None = None) -> str:
    """The figure as one `<figure>` element, under its title and note, for a page that has the style sheet."""
    heading, note, _ = _words(figure, title)
    caption = f"<b>{escape(heading)}</b>" + (f"<span>{escape(note)}</span>" if note else "")
    scroll = (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(heading)}">{svg(figure)}</div>'
    )
    return f'<figure class="picture"><figcaption>{caption}</figcaption>{scroll}</figure>'


def html(figure: Figure, *, title: str | None = None) -> str:
    """The figure as a page of its own, with everything that it needs in it."""
    heading, _, _ = _words(figure, title)
    return document(fragment(figure, title=title), title=heading, kind="alone")


def document(body: str, *, title: str, kind: str, sheet: str = "") -> str:
    """A page in the house's style that asks nothing of any host and runs no script.

    `kind` is the class of its body, by which `sheet`, what it adds to the style, may know it.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{SHEET}{sheet}</style>
</head>
<body class="{kind}">
{body}
</body>
</html>
"""


def _words(figure: Figure, title: str | None) -> tuple[str, str, str]:
    """Title, note and the words for those who cannot see the figure."""
    if isinstance(figure, Picture):
        return title or figure.title, figure.note, figure.alt
    return title or "Figure", "", title or "Figure"


def _forget_namespaces(root: ElementTree.Element) -> None:
    """Names as HTML writes them."""
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name in list(element.attrib):
            element.attrib[name.rpartition("}")[2]] = element.attrib.pop(name)


def _strip(root: ElementTree.Element) -> None:
    """Take out what a page has no use for: metadata, matplotlib's rule for all elements, the heading."""
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in {"metadata", "style"} or child.get("id") == "heading":
                parent.remove(child)


def _label(root: ElementTree.Element, figure: Figure) -> None:
    tips = {
        artist.get_gid(): str(artist.get_label())
        for artist in figure.findobj(lambda artist: bool(artist.get_gid() and artist.get_label()))
    }
    for mark in root.iter("g"):
        if mark.get("id") == "halo":
            mark.set("class", "halo")
        if tip := tips.get(mark.get("id")):
            mark.set("class", "mark")
            title = ElementTree.Element("title")
            title.text = tip
            mark.insert(0, title)


def _name_ids(root: ElementTree.Element, prefix: str) -> None:
    """Keep only the ids that something refers to, and make them this picture's own."""
    references = re.compile(r"(?<=url\(#)[^)]+|(?<=^#).+")
    used = set()
    for element in root.iter():
        for name in ("clip-path", "style", "href"):
            if value := element.get(name):
                used.update(references.findall(value))
                element.set(name, references.sub(lambda found: f"{prefix}-{found.group()}", value))
    for element in root.iter():
        if (own := element.attrib.pop("id", "")) in used:
            element.set("id", f"{prefix}-{own}")


def _fit_to_page(root: ElementTree.Element, figure: Figure) -> None:
    """As wide as the page, yet never wider than drawn nor too narrow to read."""
    width, height = (side * INCH for side in figure.get_size_inches())
    top = HEADING if isinstance(figure, Picture) else 0
    _, _, alt = _words(figure, None)
    root.attrib = {"xmlns": _SVG}
    root.set("viewBox", f"0 {top} {width:g} {height - top:g}")
    root.set("style", f"max-width:{width:g}px;min-width:{width * _PHONE:.0f}px;fill:{LIGHT['ink']}")
    root.set("role", "img")
    root.set("aria-label", alt)


def _adopt_style(root: ElementTree.Element) -> None:
    """Colours and fonts of the page in place of fixed ones, wherever a style names a colour of the house."""
    colors = {color: f"var(--{name}, {color})" for name, color in LIGHT.items()}
    colors["#000000"] = colors[LIGHT["ink"]]
    house = re.compile("|".join(colors))
    for element in root.iter():
        if element.get("transform", "").startswith("rotate(-0 "):
            del element.attrib["transform"]
        if style := element.get("style"):
            style = re.sub(r"font-family: [^;]*;? ?", "", style).replace(
                "font-weight: 700", "font-weight: 600"
            )
            element.set("style", house.sub(lambda color: colors[color.group()], style))
