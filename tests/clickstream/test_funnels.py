from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, reduce
from itertools import combinations
from typing import NamedTuple

import pytest
from oracles import clickhouse
from oracles import funnels as oracle
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from retinue.clickstream import funnels
from retinue.errors import PatternError, RetinueError, SchemaMismatch

NOON = datetime(2024, 5, 1, 12)
STEPS = {"look": "kind = 'look'", "cart": "kind = 'cart'", "buy": "kind = 'buy'"}
BITS = {f"step{k}": f"(mask & {1 << k}) > 0" for k in range(3)}


def happenings(spark: SparkSession, *rows: tuple[str | None, int | None, str]) -> DataFrame:
    """Events out of (visitor, second, kind)."""
    timed = [(who, None if at is None else NOON + timedelta(seconds=at), kind) for who, at, kind in rows]
    return spark.createDataFrame(timed, "visitor_id string, occurred_at timestamp, kind string")


def levels(funnelled: DataFrame) -> dict[str, int]:
    return {row.visitor_id: row.level for row in funnelled.select("visitor_id", "level").collect()}


def test_levels_and_times_worked_by_hand(spark: SparkSession) -> None:
    events = happenings(
        spark,
        ("all", 0, "look"), ("all", 5, "other"), ("all", 10, "cart"), ("all", 60, "buy"),
        ("late", 0, "look"), ("late", 10, "cart"), ("late", 61, "buy"),
        ("again", 0, "look"), ("again", 40, "look"), ("again", 50, "cart"), ("again", 70, "buy"),
        ("loop", 0, "look"), ("loop", 1, "cart"), ("loop", 2, "look"), ("loop", 3, "cart"),
        ("loop", 4, "buy"),
        ("backwards", 0, "buy"), ("backwards", 1, "cart"), ("backwards", 2, "look"),
        ("never", 0, "cart"), ("timeless", None, "look"), (None, 0, "look"),
    )  # fmt: skip
    found = funnels.funnel(events, steps=STEPS, window=timedelta(minutes=1))
    assert found.columns == ["visitor_id", "level", "look_at", "cart_at", "buy_at"]

    def seconds(at: datetime | None) -> float | None:
        return None if at is None else (at - NOON).total_seconds()

    assert {row[0]: (row[1], *map(seconds, row[2:])) for row in found.collect()} == {
        "all": (3, 0, 10, 60),
        "late": (2, 0, 10, None),
        "again": (3, 40, 50, 70),
        "loop": (3, 2, 3, 4),
        "backwards": (1, 2, None, None),
        "never": (0, None, None, None),
        "timeless": (0, None, None, None),
    }


def times_of(funnelled: DataFrame) -> dict[str, tuple]:
    """By visitor: the level, then the seconds since noon of every step, then whatever follows."""

    def plain(cell: object) -> object:
        return (cell - NOON).total_seconds() if isinstance(cell, datetime) else cell

    return {row[0]: tuple(map(plain, row[1:])) for row in funnelled.collect()}


def spelled(spark: SparkSession, **words: str) -> DataFrame:
    """Events out of words: a visitor's letters are its kinds, a second apart; a blank is a second without."""
    rows = [
        (who, at, letter) for who, word in words.items() for at, letter in enumerate(word) if letter != " "
    ]
    return happenings(spark, *rows)


def letters(word: str) -> dict[str, str]:
    return {letter: f"kind = '{letter}'" for letter in word}


def test_times_of_every_step_when_steps_repeat(spark: SparkSession) -> None:
    """The first is the case a, b, c, a, b, d, of which windowFunnel's authors could not tell the times."""
    events = spelled(spark, repeated="abcabd", again="abcabcd", nested="aabbccd")
    assert times_of(funnels.funnel(events, steps=letters("abcd"), window=9)) == {
        "repeated": (4, 0, 1, 2, 5),
        "again": (4, 3, 4, 5, 6),
        "nested": (4, 1, 2, 4, 6),
    }


def test_optional_steps_are_counted_and_never_cause_a_drop(spark: SparkSession) -> None:
    events = spelled(
        spark, both="axbyc", neither="abc", early="xabc", late="abx", after="aby", stopped="ax", other="axqb"
    )
    steps = letters("axbyc")
    found = funnels.funnel(events, steps=steps, window=9, optional={"x", "y"})
    assert found.columns == ["visitor_id", "level", "a_at", "x_at", "b_at", "y_at", "c_at"]
    assert times_of(found) == {
        "both": (3, 0, 1, 2, 3, 4),
        "neither": (3, 0, None, 1, None, 2),
        "early": (3, 1, None, 2, None, 3),
        "late": (2, 0, None, 1, None, None),
        "after": (2, 0, None, 1, 2, None),
        "stopped": (1, 0, 1, None, None, None),
        "other": (2, 0, 1, 3, None, None),
    }
    strict = funnels.funnel(events, steps=steps, window=9, optional="x", mode="strict_order")
    assert levels(strict) == {
        "both": 4, "neither": 2, "early": 2, "late": 2, "after": 3, "stopped": 1, "other": 1
    }  # fmt: skip
    counted = funnels.report(found).orderBy("step_index").collect()
    assert [(row.step, row.is_optional, row.visitor_count, row.drop_count) for row in counted] == [
        ("a", False, 7, 0),
        ("x", True, 3, 0),
        ("b", False, 6, 1),
        ("y", True, 2, 0),
        ("c", False, 3, 3),
    ]
    assert [(row.share_of_previous, row.median_seconds) for row in counted[1:4]] == [
        (3 / 7, 1.0),
        (6 / 7, 1.0),
        (2 / 6, 1.0),
    ]


def test_exclusions_break_the_chains_that_they_lie_in(spark: SparkSession) -> None:
    events = spelled(
        spark, clean="abc", broken="axbc", between="abxc", again="axabc", around="xabcx", part="axb"
    )
    knobs = {"steps": letters("abc"), "window": 9}
    anywhere = funnels.funnel(events, exclusions=["kind = 'x'"], **knobs)
    assert anywhere.columns[-1] == "unbroken_level"
    both = {who: (row[0], row[-1]) for who, row in times_of(anywhere).items()}
    assert both == {
        "clean": (3, 3),
        "broken": (1, 3),
        "between": (2, 3),
        "again": (3, 3),
        "around": (3, 3),
        "part": (1, 2),
    }
    late = funnels.Exclusion(F.col("kind") == "x", after="b")
    assert levels(funnels.funnel(events, exclusions={"late": late}, **knobs)) == {
        "clean": 3, "broken": 3, "between": 2, "again": 3, "around": 3, "part": 2
    }  # fmt: skip
    counted = funnels.report(anywhere).orderBy("step_index").collect()
    assert [(row.visitor_count, row.excluded_count) for row in counted] == [(6, 0), (4, 2), (3, 2)]


def test_gates_between_steps_and_a_window_for_the_chain(spark: SparkSession) -> None:
    events = spelled(spark, quick="abc", slow="a   bc", patient="ab  c", restarted="a a   bab c")
    knobs = {"steps": letters("abc"), "window": timedelta(seconds=5)}
    assert levels(funnels.funnel(events, gates={"b": timedelta(seconds=1)}, **knobs)) == {
        "quick": 3, "slow": 1, "patient": 3, "restarted": 3
    }  # fmt: skip
    waiting = funnels.funnel(events, gates={"c": (2, 3)}, **knobs)
    assert times_of(waiting) == {
        "quick": (2, 0, 1, None),
        "slow": (2, 0, 4, None),
        "patient": (3, 0, 1, 4),
        "restarted": (3, 7, 8, 10),
    }


def test_a_property_held_constant(spark: SparkSession) -> None:
    rows = [
        ("mixed", 0, "look", "hat"), ("mixed", 1, "look", "tie"), ("mixed", 2, "cart", "tie"),
        ("mixed", 3, "buy", "hat"),
        ("whole", 0, "look", "hat"), ("whole", 1, "look", "tie"), ("whole", 2, "cart", "hat"),
        ("whole", 3, "buy", "hat"),
        ("nothing", 0, "look", None), ("nothing", 1, "cart", None), ("nothing", 2, "buy", None),
        ("level", 0, "look", "tie"), ("level", 1, "look", "hat"),
    ]  # fmt: skip
    events = spark.createDataFrame(rows, "visitor_id string, at int, kind string, product_id string")
    found = funnels.funnel(events, at="at", steps=STEPS, window=9, hold="product_id", breakdown=["kind"])
    assert found.columns[:4] == ["visitor_id", "product_id", "kind", "level"]
    assert {row[0]: tuple(row[1:]) for row in found.collect()} == {
        "mixed": ("tie", "look", 2, 1, 2, None),
        "whole": ("hat", "look", 3, 0, 2, 3),
        "nothing": (None, None, 0, None, None, None),
        "level": ("tie", "look", 1, 0, None, None),
    }


def test_windows_still_open_at_the_end_of_the_data(spark: SparkSession) -> None:
    events = spelled(spark, gone="ab", fresh="      ab", done="abc", never="      b", beyond="ab      c")
    found = funnels.funnel(
        events, steps=letters("abc"), window=4, gates={"c": 3}, until=NOON + timedelta(seconds=7)
    )
    both = {who: (row[0], row[-1]) for who, row in times_of(found).items()}
    assert both == {
        "gone": (2, False), "fresh": (2, True), "done": (3, False), "never": (0, False), "beyond": (2, False)
    }  # fmt: skip
    last = funnels.report(found).where("step = 'c'").first()
    assert (last.drop_count, last.open_count, last.lost_count) == (3, 1, 2)


def test_time_to_convert_and_breakdown(spark: SparkSession) -> None:
    rows = [(str(n), at, kind) for n in range(4) for at, kind in ((0, "look"), (n + 1, "cart"))]
    events = happenings(spark, *rows, ("never", 0, "look")).withColumn(
        "where", F.when(F.col("visitor_id") < "2", "home").otherwise("away")
    )
    steps = {"look": STEPS["look"], "cart": STEPS["cart"]}
    found = funnels.funnel(events, steps=steps, window=9, breakdown="where")
    assert funnels.time_to_convert(found).collect() == [(4, 1.0, 2.0, 3.0)]
    assert sorted(funnels.time_to_convert(found, by="where").collect()) == [
        ("away", 2, 3.0, 3.0, 4.0),
        ("home", 2, 1.0, 1.0, 2.0),
    ]
    broken = funnels.report(found, by="where").where("step = 'cart'").orderBy("where").collect()
    assert [(row["where"], row.visitor_count, row.drop_count) for row in broken] == [
        ("away", 2, 1),
        ("home", 2, 0),
    ]


@pytest.mark.parametrize("modes", [(), *([mode] for mode in funnels.MODES), funnels.MODES[:-1]])
def test_the_visitors_of_a_step_are_as_many_as_counted(random_events, modes) -> None:
    asked = PLAIN if "clickhouse" in modes else RICH
    found = funnels.funnel(random_events, mode=modes, **asked).cache()
    counted = funnels.report(found).collect()
    assert len(counted) == len(asked["steps"])
    listed = [
        rows.select(F.lit(row.step).alias("step"), F.lit(is_there).alias("is_there"))
        for row in counted
        for is_there, rows in (
            (True, funnels.visitors_at(found, step=row.step)),
            (False, funnels.dropped_at(found, step=row.step)),
        )
    ]
    numbers = reduce(DataFrame.union, listed).groupBy("step", "is_there").count().collect()
    found.unpersist()
    wanted = {(row.step, True): row.visitor_count for row in counted}
    wanted |= {(row.step, False): row.drop_count for row in counted if row.drop_count}
    assert {(step, is_there): number for step, is_there, number in numbers} == wanted


def test_one_row_takes_one_step_save_in_clickhouse(spark: SparkSession) -> None:
    events = happenings(spark, ("once", 0, "look"), ("twice", 0, "look"), ("twice", 1, "look"))
    twice = {"first": "kind = 'look'", "second": F.col("kind") == "look"}
    assert levels(funnels.funnel(events, steps=twice, window=9)) == {"once": 1, "twice": 2}
    engine = funnels.funnel(events, steps=twice, window=9, mode="ClickHouse")
    assert levels(engine) == {"once": 2, "twice": 2}
    both = funnels.funnel(events, steps=twice, window=9, mode=["clickhouse", "STRICT_ONCE"])
    assert levels(both) == {"once": 1, "twice": 2}


def test_rows_of_one_time_are_in_the_order_of_the_tie_then_of_the_steps(spark: SparkSession) -> None:
    rows = [("v", 0, "cart", 1), ("v", 0, "look", 2), ("w", 0, "look", 1), ("w", 0, "cart", 2)]
    events = spark.createDataFrame(rows, "visitor_id string, occurred_at bigint, kind string, event_id int")
    knobs = {"steps": {name: STEPS[name] for name in ("look", "cart")}, "window": 0}
    assert levels(funnels.funnel(events, **knobs)) == {"v": 2, "w": 2}
    assert levels(funnels.funnel(events, tie="event_id", **knobs)) == {"v": 1, "w": 2}
    assert levels(funnels.funnel(events, tie="event_id", mode="clickhouse", **knobs)) == {"v": 2, "w": 2}
    assert levels(funnels.funnel(events, mode="strict_increase", **knobs)) == {"v": 1, "w": 1}


def test_rows_of_one_time_that_are_several_steps_are_in_the_order_of_the_first(spark: SparkSession) -> None:
    rows = [("two", 0, 3), ("two", 0, 2), ("three", 0, 5), ("three", 0, 2), ("three", 1, 5)]
    events = spark.createDataFrame(rows, "visitor_id string, occurred_at bigint, mask int")
    assert levels(funnels.funnel(events, steps=BITS, window=9)) == {"two": 2, "three": 3}
    matched = funnels.sequence_matches(events, conditions=list(BITS.values()), pattern="(?1)(?2)")
    assert {row.visitor_id: row.times for row in matched.collect()} == {"two": [0, 0], "three": [0, 0]}


UNITS = {
    # type of time: two times exactly a window apart, that window, the least longer window that there is
    "bigint": (-(2**63), 2**63 - 1, 2**64 - 1, 2**64 - 2),
    "int": (7, 10, 3, 2.99),
    "double": (1.7e9 + 0.1, 1.7e9 + 0.4, 0.3, 0.299999),
    "float": (0.1, 0.4, 0.3, 0.299999),
    "decimal(38,0)": (Decimal(10**17 + 1), Decimal(10**17 + 4), 3, 2),
    "decimal(20,6)": (Decimal("9223372036854.775800"), Decimal("9223372036854.775807"), 7e-6, 6e-6),
    "decimal(19,3)": (Decimal("-9223372036854775.808"), Decimal("-9223372036854775.8"), 0.008, 0.007),
    "decimal(38,10)": (Decimal("1.0000004999"), Decimal("1.0000014999"), 1e-6, 0),
    "timestamp": (NOON, NOON + timedelta(microseconds=1), timedelta(microseconds=1), 0),
    "timestamp_ntz": (NOON, NOON + timedelta(seconds=3), 3, timedelta(seconds=2, microseconds=999_999)),
}


@pytest.mark.parametrize("kind", UNITS)
def test_every_type_of_time_keeps_its_type_and_counts_to_its_last_digit(spark: SparkSession, kind) -> None:
    start, end, window, less = UNITS[kind]
    rows = [("v", start, "look"), ("v", end, "cart")]
    events = spark.createDataFrame(rows, f"visitor_id string, `oc.at` {kind}, kind string")
    knobs = {"at": "oc.at", "steps": {name: STEPS[name] for name in ("look", "cart")}}
    found = funnels.funnel(events, window=window, **knobs)
    short = funnels.funnel(events, window=less, **knobs)
    assert found.schema["cart_at"].dataType == events.schema["oc.at"].dataType
    assert levels(found.union(short.withColumn("visitor_id", F.lit("short")))) == {"v": 2, "short": 1}


@pytest.mark.parametrize(
    ("kind", "time"), [("double", 1e15), ("double", float("inf")), ("decimal(38,6)", Decimal(10**13))]
)
def test_a_time_too_large_to_be_exact_is_told(spark: SparkSession, kind, time) -> None:
    events = spark.createDataFrame([("v", time)], f"visitor_id string, at {kind}")
    with pytest.raises(PySparkException, match=r"at has the time .* too large .* cast it to bigint"):
        funnels.funnel(events, at="at", steps={"a": "true"}, window=1).collect()


def test_what_is_no_number_is_no_time(spark: SparkSession) -> None:
    events = spark.createDataFrame([("v", float("nan")), ("w", 1.0)], "visitor_id string, at double")
    assert levels(funnels.funnel(events, at="at", steps={"a": "true"}, window=1)) == {"v": 0, "w": 1}


def test_names_may_have_dots(spark: SparkSession) -> None:
    rows = [("v", 0, 1, "look", "x"), ("v", 3, 2, "buy", "x")]
    events = spark.createDataFrame(rows, "`v.id` string, `o.at` int, `t.ie` int, kind string, `p.id` string")
    knobs = {"visitor": "v.id", "at": "o.at", "tie": "t.ie"}
    steps = {"st.1": STEPS["look"], "st.2": STEPS["buy"]}
    found = funnels.funnel(events, steps=steps, window=9, hold="p.id", **knobs)
    assert found.columns == ["v.id", "p.id", "level", "st.1_at", "st.2_at"]
    assert found.collect() == [("v", "x", 2, 0, 3)]
    assert funnels.report(found, by="p.id").where("step = 'st.2'").first().median_seconds == 3
    matched = funnels.sequence_matches(events, conditions=["kind = 'buy'"], pattern="(?1)", **knobs)
    assert matched.collect() == [("v", True, 1, [3])]


def test_a_window_in_tenths_is_exact(spark: SparkSession) -> None:
    rows = [(str(at), at + step / 10, step) for at in range(40) for step in (0, 3)]
    events = spark.createDataFrame(rows, "visitor_id string, occurred_at double, step int")
    found = funnels.funnel(events, steps={"a": "step = 0", "b": "step = 3"}, window=0.3)
    assert set(levels(found).values()) == {2}
    assert set(
        levels(funnels.funnel(events, steps={"a": "step = 0", "b": "step = 3"}, window=0.29)).values()
    ) == {1}


class Visit(NamedTuple):
    """A visitor's rows as the oracle takes them, and the item that each is about."""

    rows: tuple[oracle.Row, ...]
    items: tuple[int | None, ...]


@pytest.fixture(scope="module")
def random_visits() -> list[Visit]:
    """Rows of five predicates: three steps, one that is excluded, one that is an optional step."""
    draw = random.Random(7)
    histories = oracle.random_visitors(10_000, steps=5, seed=11)
    return [Visit(tuple(rows), tuple(draw.choices([None, 1, 1, 2], k=len(rows)))) for rows in histories]


@pytest.fixture(scope="module")
def random_events(spark: SparkSession, random_visits: list[Visit]) -> DataFrame:
    rows = [
        (visitor, at, place, mask, item)
        for visitor, visit in enumerate(random_visits)
        for place, ((at, mask), item) in enumerate(zip(*visit, strict=True))
    ]
    random.Random(2).shuffle(rows)
    return spark.createDataFrame(rows, f"{NUMBERED}, item int").cache()


NUMBERED = "visitor_id bigint, occurred_at bigint, event_id int, mask int"
MODES = sorted(funnels.MODES[:-1])
MODE_SETS = [frozenset(chosen) for size in range(6) for chosen in combinations(MODES, size)]
PLAIN = {"steps": BITS, "window": 5, "tie": "event_id"}
RICH = {
    "steps": {
        "step0": BITS["step0"],
        "extra": "(mask & 16) > 0",
        "step1": BITS["step1"],
        "step2": BITS["step2"],
    },
    "window": 5,
    "tie": "event_id",
    "optional": "extra",
    "gates": {"step1": 3, "step2": (1, 4)},
    "exclusions": [funnels.Exclusion("(mask & 8) > 0", after="step0", before="step2")],
    "hold": "item",
    "breakdown": "event_id",
    "until": 15,
}
SHOWN = ["level", "step0_at", "step1_at", "step2_at"]
SHOWN_TOO = ["extra_at", "unbroken_level", "is_open", "item", "event_id"]


@cache
def plain_answer(rows: tuple[oracle.Row, ...], modes: frozenset[str]) -> tuple:
    chain = oracle.answer(rows, oracle.Question(3, 5, modes)).chain
    return (*padded([rows[place][0] for place in chain]), *[None] * len(SHOWN_TOO))


@cache
def rich_answer(rows: tuple[oracle.Row, ...], items: tuple, modes: frozenset[str]) -> tuple:
    """The same as RICH asks for, numbered as the oracle does."""
    seen = [item if at <= 15 else None for (at, _), item in zip(rows, items, strict=True)]
    asked = oracle.Question(3, 5, modes, {2: (0, 3), 3: (1, 4)}, [(4, 1, 3)], [(5, 1)], until=15)
    best, places = oracle.best_of_values(rows, seen, asked)
    unbroken, _ = oracle.best_of_values(rows, seen, replace(asked, exclusions=()))
    chain = [places[place] for place in best.chain]
    extra = None if best.optional[0] is None else rows[places[best.optional[0]]][0]
    first = (items[chain[0]], chain[0]) if chain else (None, None)
    return (*padded([rows[place][0] for place in chain]), extra, len(unbroken.chain), best.is_open, *first)


def padded(times: list[int]) -> tuple[int | None, ...]:
    return (len(times), *times, *[None] * (3 - len(times)))


@pytest.mark.parametrize("modes", MODE_SETS, ids=lambda modes: "+".join(sorted(modes)) or "default")
def test_ten_thousand_visitors_as_brute_force_finds_them(random_events, random_visits, modes) -> None:
    """Modes that make no difference share the oracle's answers, and the funnel with all options."""
    matter = modes - {"strict_once"} - (set() if "strict_order" in modes else {"allow_reentry"})
    wanted = {
        ("plain", who): plain_answer(rows, matter) for who, (rows, _) in enumerate(random_visits) if rows
    }
    plain = funnels.funnel(random_events, mode=modes, **PLAIN)
    nulls = [F.lit(None).alias(name) for name in SHOWN_TOO]
    shown = plain.select(F.lit("plain"), "visitor_id", *SHOWN, *nulls)
    if modes == matter:
        wanted |= {
            ("rich", who): rich_answer(*visit, matter)
            for who, visit in enumerate(random_visits)
            if visit.rows
        }
        rich = funnels.funnel(random_events, mode=modes, **RICH)
        shown = shown.union(rich.select(F.lit("rich"), "visitor_id", *SHOWN, *SHOWN_TOO))
    assert {(row[0], row[1]): tuple(row[2:]) for row in shown.collect()} == wanted


@pytest.mark.parametrize("modes", [frozenset(), frozenset({"strict_order", "strict_deduplication"})])
def test_ten_thousand_visitors_without_a_tie(random_events, random_visits, modes) -> None:
    found = levels(funnels.funnel(random_events, mode=modes, **PLAIN | {"tie": None}))
    wanted = {}
    for who, (rows, _) in enumerate(random_visits):
        if rows:
            arranged = oracle.in_order([(at, mask & 7) for at, mask in rows])
            wanted[who] = plain_answer(tuple(arranged), modes)[0]
    assert found == wanted


def test_levels_of_the_real_clickhouse(spark: SparkSession) -> None:
    visitors, answers = clickhouse.funnels()
    rows = [
        (visitor, at, place, mask)
        for visitor, history in enumerate(visitors)
        for place, (at, mask) in enumerate(history)
    ]
    events = spark.createDataFrame(rows, NUMBERED).cache()
    strictest = frozenset({"strict_order", "strict_once", "strict_increase", "allow_reentry"})
    for modes, engine in (
        (frozenset(), {"clickhouse"}),
        (frozenset({"strict_order", "strict_once"}), {"clickhouse", "strict_order", "strict_once"}),
        (strictest, strictest),  # where equal steps and equal times leave nothing to read in two ways
    ):
        found = levels(funnels.funnel(events, steps=BITS, window=clickhouse.WINDOW, mode=engine))
        assert [found[visitor] for visitor in range(len(visitors))] == answers[modes]


def test_a_report_worked_by_hand(spark: SparkSession) -> None:
    rows = [("a", 0, "look"), ("a", 10, "cart"), ("a", 30, "buy"), ("b", 0, "look"), ("b", 20, "cart")]
    rows += [("c", 0, "look"), ("c", 40, "cart"), ("d", 0, "look"), ("e", 0, "other")]
    funnelled = funnels.funnel(happenings(spark, *rows), steps=STEPS, window=100)
    assert [tuple(row) for row in funnels.report(funnelled).orderBy("step_index").collect()] == [
        (1, "look", 4, 1.0, 1.0, 0, None, None, None, None),
        (2, "cart", 3, 0.75, 0.75, 1, 10.0, 20.0, 40.0, 20.0),
        (3, "buy", 1, 0.25, 1 / 3, 2, 20.0, 20.0, 20.0, 30.0),
    ]
    halves = funnelled.withColumn("half", F.when(F.col("visitor_id") < "c", 1).otherwise(2))
    broken = funnels.report(halves, by=["half"]).where("step = 'cart'").orderBy("half").collect()
    assert [(row.half, row.visitor_count, row.share_of_first, row.median_seconds) for row in broken] == [
        (1, 2, 1.0, 10.0),
        (2, 1, 0.5, 40.0),
    ]


def test_a_funnel_that_nobody_enters_has_no_shares(spark: SparkSession) -> None:
    nobody = funnels.funnel(happenings(spark, ("a", 0, "other")), steps=STEPS, window=1)
    first = funnels.report(nobody).where("step_index = 1").first()
    assert (first.visitor_count, first.share_of_first, first.drop_count) == (0, None, 0)


def test_sequences_worked_by_hand(spark: SparkSession) -> None:
    events = happenings(
        spark,
        ("twice", 0, "look"), ("twice", 30, "buy"), ("twice", 100, "look"), ("twice", 160, "buy"),
        ("slow", 0, "look"), ("slow", 61, "buy"), ("none", 0, "other"), (None, 0, "look"),
    )  # fmt: skip
    found = funnels.sequence_matches(
        events, conditions=[STEPS["look"], F.col("kind") == "buy"], pattern="(?1)(?t<=60)(?2)"
    )
    assert found.columns == ["visitor_id", "is_match", "match_count", "times"]
    assert {row[0]: tuple(row[1:]) for row in found.collect()} == {
        "twice": (True, 2, [NOON, NOON + timedelta(seconds=30)]),
        "slow": (False, 0, []),
        "none": (False, 0, []),
    }


def test_steps_may_look_at_the_row_before(spark: SparkSession) -> None:
    events = happenings(spark, ("v", 0, "look"), ("v", 1, "look"), ("w", 0, "look"))
    before = F.lag("kind").over(Window.partitionBy("visitor_id").orderBy("occurred_at"))
    assert levels(funnels.funnel(events, steps={"repeat": before == "look"}, window=1)) == {"v": 1, "w": 0}


def test_one_shuffle_and_none_where_rows_lie_by_visitor(random_events, capsys) -> None:
    for events in (random_events, random_events.repartition(3, "visitor_id")):
        for knobs in (PLAIN, RICH):
            funnels.funnel(events, **knobs).explain()
            assert capsys.readouterr().out.count("Exchange") == 1


def test_what_cannot_be_is_refused(spark: SparkSession) -> None:
    events = happenings(spark, ("v", 0, "look"))
    with pytest.raises(RetinueError, match=r"mode has 'strict_ordr'; .*did you mean 'strict_order'"):
        funnels.funnel(events, steps=STEPS, window=1, mode="strict_ordr")
    with pytest.raises(RetinueError, match="there are 0 steps; there must be 1 to 60"):
        funnels.funnel(events, steps={}, window=1)
    with pytest.raises(RetinueError, match="the step 'LOOK' gives a second column look_at"):
        funnels.funnel(events, steps=STEPS | {"LOOK": "true"}, window=1)
    with pytest.raises(RetinueError, match="window is -1; it must be 0 or more"):
        funnels.funnel(events, steps=STEPS, window=-1)
    two = {"steps": STEPS, "window": 1}
    with pytest.raises(RetinueError, match=r"optional has 'crat'; .*did you mean 'cart'"):
        funnels.funnel(events, optional="crat", **two)
    with pytest.raises(RetinueError, match="the first step, look, is optional"):
        funnels.funnel(events, optional="look", **two)
    with pytest.raises(RetinueError, match="gates has 'look'; the steps it may name: cart, buy"):
        funnels.funnel(events, gates={"look": 1}, **two)
    with pytest.raises(RetinueError, match="the gate of cart is from 3 to 2"):
        funnels.funnel(events, gates={"cart": (3, 2)}, **two)
    with pytest.raises(RetinueError, match="an exclusion lies between buy and look"):
        funnels.funnel(events, exclusions=[funnels.Exclusion("true", "buy", "look")], **two)
    with pytest.raises(RetinueError, match="clickhouse is that engine's own reading"):
        funnels.funnel(events, mode="clickhouse", gates={"cart": 1}, **two)
    with pytest.raises(RetinueError, match="a second column visitor_id"):
        funnels.funnel(events, hold="visitor_id", **two)
    with pytest.raises(SchemaMismatch, match="parts is map<string,string>, which has no order"):
        funnels.funnel(events.withColumn("parts", F.create_map("kind", "kind")), hold="parts", **two)
    with pytest.raises(SchemaMismatch, match="report needs a required step; it has none"):
        funnels.report(funnels.funnel(events, **two), steps=[])
    with pytest.raises(RetinueError, match="there are 61 steps and exclusions; there must be 1 to 60"):
        funnels.funnel(events, exclusions=["true"] * 58, **two)
    with pytest.raises(RetinueError, match=r"there is no step 'by'; .*did you mean 'buy'"):
        funnels.visitors_at(funnels.funnel(events, **two), step="by")
    with pytest.raises(SchemaMismatch, match="a funnel needs the column when"):
        funnels.funnel(events, steps=STEPS, window=1, at="when")
    with pytest.raises(SchemaMismatch, match="kind is string; a time must be"):
        funnels.funnel(events, steps=STEPS, window=1, at="kind")
    with pytest.raises(PatternError, match="there are conditions 1 to 1"):
        funnels.sequence_matches(events, conditions=["true"], pattern="(?2)")
