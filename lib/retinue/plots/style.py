"""The look of every picture and page: colours that the colour-blind can tell apart, by day and by night.

The categorical colours are those of Okabe and Ito, "Color Universal Design" (2008).
"""

from __future__ import annotations

__all__ = ["CATEGORIES", "DARK", "LIGHT", "SHEET"]

LIGHT = {
    "ink": "#17202b",
    "muted": "#5c6877",
    "faint": "#e6eaef",
    "paper": "#ffffff",
    "on-fill": "#fafcff",
    "rest": "#8894a3",
    "blue": "#0072b2",
    "orange": "#e69f00",
    "green": "#009e73",
    "vermillion": "#d55e00",
    "sky": "#56b4e9",
    "purple": "#cc79a7",
    "yellow": "#d8c400",
}
DARK = {
    "ink": "#e9eef4",
    "muted": "#9ba8b6",
    "faint": "#28313b",
    "paper": "#141a21",
    "on-fill": "#0d1319",
    "rest": "#76838f",
    "blue": "#4fa8e0",
    "orange": "#f0b429",
    "green": "#2fc497",
    "vermillion": "#ff8a4c",
    "sky": "#9bd4f7",
    "purple": "#e09ac1",
    "yellow": "#f0e442",
}
# Vermillion is not among them: it stands for what is lost.
CATEGORIES = tuple(LIGHT[name] for name in ("blue", "orange", "green", "purple", "sky", "yellow"))


def _variables(colors: dict[str, str]) -> str:
    return "".join(f"--{name}:{color};" for name, color in colors.items())


SHEET = f"""
:root{{color-scheme:light dark;{_variables(LIGHT)}
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","DejaVu Sans",sans-serif;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}}
@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.55 var(--sans);
-webkit-text-size-adjust:100%;text-size-adjust:100%}}
.picture{{margin:2rem 0;break-inside:avoid}}
.picture figcaption{{margin-bottom:.9rem;overflow-wrap:anywhere}}
.picture figcaption b{{display:block;font-weight:600;font-size:1.06rem;line-height:1.35}}
.picture figcaption span{{display:block;color:var(--muted);font-size:.9rem;margin-top:.15rem}}
.picture .scroll{{overflow-x:auto;overscroll-behavior-x:contain;-webkit-overflow-scrolling:touch}}
.picture svg{{display:block;width:100%;height:auto;font-family:var(--sans);font-variant-numeric:tabular-nums}}
.picture .halo{{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-opacity:.6}}
.picture .mark{{transition:opacity .12s}}
.picture .mark:hover{{opacity:.72}}
.alone{{max-width:64rem;margin:auto;padding:0 1rem}}
@media print{{.picture svg{{min-width:0!important;print-color-adjust:exact;-webkit-print-color-adjust:exact}}
.picture .scroll{{overflow:visible}}}}
"""
