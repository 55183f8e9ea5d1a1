"""A headless Chromium that opens a page and says what a reader sees of it."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
)
# The page under test stands, unchanged and under its own policy, in a frame as wide as the screen.
MEASURE = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe width="{width}" height="900" style="border:0" srcdoc="{page}"></iframe><pre id="seen"></pre><script>
document.querySelector("iframe").onload = event => {{
  const view = event.target.contentWindow, page = view.document;
  const box = element => {{
    const b = element.getBoundingClientRect();
    return [b.left, b.top + view.scrollY, b.right, b.bottom + view.scrollY];
  }};
  document.querySelector("#seen").textContent = JSON.stringify({{
    title: page.title,
    width: page.documentElement.scrollWidth,
    background: view.getComputedStyle(page.body).backgroundColor,
    pictures: [...page.querySelectorAll("svg")].map(svg => ({{
      box: box(svg),
      texts: [...svg.querySelectorAll("text")].map(t => [t.textContent, ...box(t)]),
      marks: [...svg.querySelectorAll(".mark")].map(m => [m.querySelector("title").textContent, ...box(m)]),
    }})),
    loaded: view.performance.getEntriesByType("resource").map(entry => entry.name),
  }});
}};
</script>"""


@dataclass(frozen=True)
class Seen:
    """What the browser made of a page: sizes in pixels, and what it said on its console."""

    title: str
    width: float
    background: str
    pictures: list[dict[str, Any]]
    loaded: list[str]
    console: list[str]


def find() -> str:
    """The browser's path; without one the test is skipped, or fails where RETINUE_REQUIRE_BROWSER is 1."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None and os.environ.get("RETINUE_REQUIRE_BROWSER") == "1":
        pytest.fail(
            "no Chromium is found, and RETINUE_REQUIRE_BROWSER=1 asks for one: apt-get install chromium"
        )
    if found is None:
        pytest.skip("no Chromium is found")
    return found


def look(page: str, folder: Path, *, width: int, dark: bool = False) -> Seen:
    """Open the page in a window `width` pixels wide, by day or by night."""
    outer = folder / "outer.html"
    outer.write_text(MEASURE.format(width=width, page=html.escape(page)), encoding="utf-8")
    done = _run(outer, folder, width=width, dark=dark, ask=("--dump-dom",))
    seen = re.search(r'<pre id="seen">(.*?)</pre>', done.stdout, re.DOTALL)
    assert seen, f"the browser measured nothing: {done.stderr[-2000:]}"
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return Seen(**json.loads(html.unescape(seen.group(1))), console=console)


def photograph(page: str, folder: Path, *, width: int, height: int, dark: bool = False) -> Path:
    """A PNG of the page's top as the browser paints it."""
    source, target = folder / "page.html", folder / "page.png"
    source.write_text(page, encoding="utf-8")
    _run(
        source,
        folder,
        width=width,
        dark=dark,
        ask=(f"--screenshot={target}", f"--window-size={width},{height}"),
    )
    return target


def _run(
    page: Path, folder: Path, *, width: int, dark: bool, ask: tuple[str, ...]
) -> subprocess.CompletedProcess[str]:
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    profile = f"--user-data-dir={folder / 'profile'}"
    command = [find(), *FLAGS, profile, scheme, f"--window-size={max(width, 500)},900", *ask, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
