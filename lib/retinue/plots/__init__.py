"""One picture a question: each function takes a small frame and gives a matplotlib figure."""

from retinue.plots.fruitless import fruitless_terms
from retinue.plots.funnel import funnel
from retinue.plots.hours import sessions_by_hour
from retinue.plots.picture import Picture
from retinue.plots.render import fragment, html, png, svg
from retinue.plots.sankey import sankey

__all__ = [
    "Picture",
    "fragment",
    "fruitless_terms",
    "funnel",
    "html",
    "png",
    "sankey",
    "sessions_by_hour",
    "svg",
]
