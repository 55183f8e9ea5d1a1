from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from clickstream.searches.test_risk import as_lost, assert_alike
from clickstream.searches.visits import hit, miss, sessionized, visitor_of
from oracles import searches as oracle
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream import searches
from retinue.errors import SchemaMismatch


def test_random_terms_as_the_slow_oracle_counts_them(searched, random_sessions) -> None:
    sessions = {name: oracle.summed_up(events) for name, events in random_sessions.items()}
    sessions = {name: session for name, session in sessions.items() if session}
    searched_for, reasons, with_term, failing = (
        Counter(),
        defaultdict(Counter),
        defaultdict(set),
        defaultdict(set),
    )
    for name, session in sessions.items():
        for query, reason in session.searches:
            term = oracle.term(query)
            searched_for[term] += 1
            with_term[term].add(name)
            if reason:
                reasons[term][reason] += 1
                failing[term].add(name)
    table = searches.fruitless_terms(searched, product_edges=[0, 1]).collect()
    assert sorted(str(row.query) for row in table) == sorted(map(str, failing))
    assert {None, "red shoes", "the hat"} < set(failing)
    for row in table:
        term = row.query
        assert (row.search_count, row.fruitless_search_count) == (searched_for[term], reasons[term].total())
        assert row.reasons == reasons[term]
        assert (row.session_count, row.fruitless_session_count) == (len(with_term[term]), len(failing[term]))
        assert row.fruitless_visitor_count == len(set(map(visitor_of, failing[term])))
        assert row.fruitless_rate == len(failing[term]) / len(with_term[term])
        assert (row.low, row.high) == pytest.approx(oracle.wilson(len(failing[term]), len(with_term[term])))
        these = [sessions[name] for name in failing[term]]
        wanted = oracle.lost(these, sessions.values(), products=[0, 1], prices=[])
        assert_alike(as_lost(row), wanted._replace(sessions=row.session_count))


def test_words_are_one_term_whatever_their_case_and_spaces(spark: SparkSession) -> None:
    spellings = ["Big  Hat", "big hat", " BIG\that\u00a0", "big\u3000hat"]
    frame = sessionized(
        spark, {"a": [miss(words) for words in spellings], "b": [miss(" "), miss(None), hit()]}
    )
    terms = searches.fruitless_terms(searches.search_sessions(frame)).collect()
    assert {(row.query, row.search_count, row.session_count) for row in terms} == {
        ("big hat", 4, 1),
        (None, 2, 1),
    }


def test_a_frame_of_events_is_refused(random_frame: DataFrame) -> None:
    with pytest.raises(SchemaMismatch, match="fruitless_terms needs the columns searches"):
        searches.fruitless_terms(random_frame)
