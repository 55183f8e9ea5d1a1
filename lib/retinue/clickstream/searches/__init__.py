"""Searches that lead nowhere: who leaves over them, beside the norm, for which words, at what price.

`judge_searches` says of each search whether it was fruitless and `fruitless_searches` finds the serious
shoppers who left over them, both out of what sessionize gives. `search_sessions` makes a row of each session
with a search, and all else reads those rows: the comparisons by products, time and price with their trend,
the terms that fail, the value at risk, and the synonyms that would help.
"""

from retinue.clickstream.searches.comparison import (
    compare_by_price,
    compare_by_products,
    compare_by_time,
    compare_with_norm,
    trend_by_products,
)
from retinue.clickstream.searches.fruitless import fruitless_searches
from retinue.clickstream.searches.judging import judge_searches
from retinue.clickstream.searches.risk import value_at_risk
from retinue.clickstream.searches.sessions import search_sessions
from retinue.clickstream.searches.synonyms import suggest_synonyms
from retinue.clickstream.searches.terms import fruitless_terms

__all__ = [
    "compare_by_price",
    "compare_by_products",
    "compare_by_time",
    "compare_with_norm",
    "fruitless_searches",
    "fruitless_terms",
    "judge_searches",
    "search_sessions",
    "suggest_synonyms",
    "trend_by_products",
    "value_at_risk",
]
