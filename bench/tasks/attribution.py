"""Journeys of 30 days, and what each channel earned: five rules, a chain of order 1, Shapley's counts.

The touches that led up to each conversion, those that may yet lead to one and those that came to nothing;
what the channels earn of the conversions and their value by first, last, linear, position and time_decay;
what would be lost without each, and each one's mean gain over all orders of arrival. The answer has a row a
model and channel, and a row a kind of journey: how many there are, and with how many touches. Touches of one
instant go by the name of their channel, and sums need not be the same to the last digit.

The peers have rows where retinue has arrays: a join of conversions and touches by person and time, windows
over it, and for the chain numpy's solution, which gets the counts of steps. retinue keeps its journeys
between the models, as the jobs do. One person has a touch in two hundred, and as many of the conversions;
each of these has a sixth of all his touches, so that most rows of the join are his.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from bench import answers, engines
from bench.task import Contestant, Task
from bench.touches import END

LOOK_BACK = timedelta(days=30)
RULES = ("first", "last", "linear", "position", "time_decay")
Row = tuple[str, str | None, float, float]


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library; of a rule that needs no times the counted paths tell all."""
    from pyspark.sql import functions as F

    from retinue.attribution import journeys, markov, rules, shapley

    touches, conversions = (spark.read.parquet(str(source / name)) for name in ("touches", "conversions"))
    seen = touches.select("person_id", "occurred_at", "channel")
    limits: dict[str, Any] = {"lookback": LOOK_BACK, "as_of": END}
    built = journeys.build(seen, conversions, **limits).withColumn("is_over", F.col("is_converted"))
    lost = journeys.lapsed(seen, conversions, **limits).withColumn("is_over", F.lit(True))
    known = built.unionByName(lost).persist()
    kinds = known.groupBy("is_converted", "is_over").agg(
        F.count("*").alias("journeys"), F.sum(F.size("touches")).alias("touches")
    )
    names = {(True, True): "converted", (False, False): "open", (False, True): "lapsed"}
    rows: list[Row] = [("journeys", names[each[0], each[1]], each[2], each[3]) for each in kinds.collect()]
    paths = journeys.paths(known).persist()
    credited = {
        **{rule: rules.attribute_paths(paths, model=rule) for rule in RULES if rule != "time_decay"},
        "time_decay": rules.attribute(known, model="time_decay"),
        "shapley": shapley.attribute(paths),
    }
    for model, earned in credited.items():
        rows += [(model, each.channel, each.conversions, each.value) for each in earned.collect()]
    for each in markov.attribute(paths).collect():
        rows.append(("markov", each.channel, each.conversions, each.value))
        if each.channel is not None:
            rows.append(("removal", each.channel, each.removal_effect, 0.0))
    paths.unpersist()
    known.unpersist()
    _write(target, rows)


def _sql(*, month: str, end: str, age: str) -> dict[str, str]:
    """Tables by their names, each made of those before it, and at last the answer but for the chain.

    A touch of a journey that converted has its `place` and how many there are (`size`), the steps of all
    journeys are counted in `steps`.
    """
    of = "PARTITION BY conversion_id"
    person = "PARTITION BY person_id ORDER BY met"
    sums = ", ".join(f"sum({rule}) AS {rule}, sum({rule} * value) AS {rule}_value" for rule in RULES)
    return {
        "pairs": f"""
            SELECT c.conversion_id, c.value, c.done, t.met, t.channel
            FROM done c LEFT JOIN seen t
            ON t.person_id = c.person_id AND t.met <= c.done AND t.met >= c.done - {month}""",
        "placed": f"""
            SELECT conversion_id, value, channel, row_number() OVER journey AS place,
              lag(channel) OVER journey AS before, count(met) OVER (conversion) AS size,
              power(2.0, -({age}) / 604800) AS weight,
              sum(power(2.0, -({age}) / 604800)) OVER (conversion) AS weights
            FROM pairs WINDOW journey AS ({of} ORDER BY met, channel)""".replace("(conversion)", f"({of})"),
        "credits": f"""
            SELECT channel, {sums} FROM (
              SELECT channel, value, CASE WHEN place = 1 THEN 1.0 ELSE 0.0 END AS first,
                CASE WHEN place = greatest(size, 1) THEN 1.0 ELSE 0.0 END AS last,
                1.0 / greatest(size, 1) AS linear,
                CASE WHEN size <= 1 THEN 1.0 WHEN size = 2 THEN 0.5 WHEN place IN (1, size) THEN 0.4
                  ELSE 0.2 / (size - 2) END AS position,
                CASE WHEN size = 0 THEN 1.0 ELSE weight / weights END AS time_decay
              FROM placed) GROUP BY channel""",
        "sets": """
            SELECT channel, sum(1.0 / size) AS shapley, sum(value / size) AS shapley_value FROM (
              SELECT conversion_id, channel, any_value(value) AS value,
                count(*) OVER (PARTITION BY conversion_id) AS size
              FROM placed GROUP BY conversion_id, channel) GROUP BY channel""",
        "last_goals": "SELECT person_id, max(done) AS done FROM done GROUP BY person_id",
        "opened": f"""
            SELECT t.person_id, t.met, t.channel, 0 AS number
            FROM seen t LEFT JOIN last_goals c ON t.person_id = c.person_id
            WHERE t.met + {month} >= {end} AND (c.done IS NULL OR t.met > c.done)""",
        "lost": f"""
            SELECT t.person_id, t.met, t.channel FROM seen t ANTI JOIN done c
            ON t.person_id = c.person_id AND c.done >= t.met AND c.done <= t.met + {month}
            WHERE t.met + {month} < {end}""",
        "lapsed": f"""
            SELECT *, sum(is_new) OVER ({person} ROWS UNBOUNDED PRECEDING) AS number FROM (
              SELECT *, CASE WHEN met - lag(met) OVER ({person}) <= {month} THEN 0 ELSE 1 END AS is_new
              FROM lost)""",
        "others": """
            SELECT kind, person_id, number, channel, lag(channel) OVER journey AS before,
              lead(met) OVER journey IS NULL AS is_last FROM (
                SELECT 'open' AS kind, person_id, number, met, channel FROM opened UNION ALL
                SELECT 'lapsed', person_id, number, met, channel FROM lapsed)
            WINDOW journey AS (PARTITION BY kind, person_id, number ORDER BY met, channel)""",
        "steps": """
            SELECT before, channel, sum(conversions) AS conversions, sum(nulls) AS nulls FROM (
              SELECT before, channel, count(*) AS conversions, 0 AS nulls FROM placed WHERE size > 0
              GROUP BY before, channel UNION ALL
              SELECT channel, NULL, count(*), 0 FROM placed WHERE size = place GROUP BY channel UNION ALL
              SELECT before, channel, 0, count(*) FROM others GROUP BY before, channel UNION ALL
              SELECT channel, NULL, 0, count(*) FROM others WHERE is_last GROUP BY channel)
            GROUP BY before, channel""",
        "kinds": """
            SELECT 'converted' AS name, count(DISTINCT conversion_id) AS journeys, count(channel) AS touches
            FROM placed UNION ALL
            SELECT kind, sum(CASE WHEN is_last THEN 1 ELSE 0 END), count(*) FROM others GROUP BY kind""",
        "whole": """
            SELECT sum(CASE WHEN size > 0 THEN 1 ELSE 0 END), sum(CASE WHEN size > 0 THEN value ELSE 0 END),
              sum(CASE WHEN size = 0 THEN 1 ELSE 0 END), sum(CASE WHEN size = 0 THEN value ELSE 0 END)
            FROM placed WHERE place = 1""",
    }


def duckdb(connection: Any, source: Path, target: Path) -> None:
    """Tables in memory, each made once."""
    month, end = "INTERVAL 30 DAY", f"TIMESTAMPTZ '{END} 00:00:00+00'"
    connection.execute(
        f"""
        SET TimeZone = 'UTC';
        CREATE OR REPLACE TEMP TABLE seen AS SELECT person_id, occurred_at AS met, channel
        FROM '{source}/touches/*.parquet' WHERE occurred_at < {end};
        CREATE OR REPLACE TEMP TABLE done AS SELECT conversion_id, person_id, occurred_at AS done, value
        FROM '{source}/conversions/*.parquet' WHERE occurred_at < {end}"""
    )
    found = {}
    for name, query in _sql(month=month, end=end, age="epoch(done - met)").items():
        if name in ("credits", "sets", "steps", "kinds", "whole"):
            found[name] = connection.execute(query).fetchall()
        else:
            connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
    _write(target, _told(found))


def spark_by_hand(spark: Any, source: Path, target: Path) -> None:
    """The same text; what is read more than once is kept."""
    end = f"TIMESTAMP '{END} 00:00:00 UTC'"
    for name, at in (("seen", "met"), ("done", "done")):
        folder = source / {"seen": "touches", "done": "conversions"}[name]
        rows = spark.read.parquet(str(folder)).withColumnRenamed("occurred_at", at)
        rows.where(f"{at} < {end}").createOrReplaceTempView(name)
    found, kept = {}, []
    age = "(unix_micros(done) - unix_micros(met)) / 1e6"
    for name, query in _sql(month="INTERVAL 30 DAYS", end=end, age=age).items():
        rows = spark.sql(query.replace("ANTI JOIN", "LEFT ANTI JOIN"))
        if name in ("credits", "sets", "steps", "kinds", "whole"):
            found[name] = [tuple(row) for row in rows.collect()]
        else:
            if name in ("placed", "others"):
                kept.append(rows.persist())
            rows.createOrReplaceTempView(name)
    for each in kept:
        each.unpersist()
    _write(target, _told(found))


def _told(found: dict[str, list[Any]]) -> Iterable[Row]:
    """The answer, of the tables of `_sql`."""
    for channel, *sums in found["credits"]:
        for place, rule in enumerate(RULES):
            yield rule, channel, *sums[2 * place : 2 * place + 2]
    for each in found["sets"]:
        yield "shapley", *each
    for each in found["kinds"]:
        yield "journeys", *each
    conversions, value, alone, value_alone = found["whole"][0]
    effects = _effects(found["steps"])
    for channel, effect in effects.items():
        share = effect / sum(effects.values())
        yield "removal", channel, effect, 0.0
        yield "markov", channel, float(conversions) * share, value * share
    if alone:
        yield "markov", None, alone, value_alone


def _effects(steps: list[tuple[str | None, str | None, float, float]]) -> dict[str, float]:
    """What share of the conversions is lost without each channel: the chain is solved anew for each."""
    channels = sorted({before for before, *_ in steps if before is not None})
    states: dict[str | None, int] = {None: 0, **{name: n for n, name in enumerate(channels, start=1)}}
    onward, won = np.zeros((len(states), len(states))), np.zeros(len(states))
    left = np.zeros(len(states))
    for before, channel, conversions, nulls in steps:
        left[states[before]] += float(conversions) + float(nulls)
        if channel is None:
            won[states[before]] += float(conversions)
        else:
            onward[states[before], states[channel]] += float(conversions) + float(nulls)
    onward, won = onward / left[:, None], won / left

    def converts(stays: Any) -> float:
        solved = np.linalg.solve(np.eye(len(states)) - onward * stays[:, None] * stays, won * stays)
        return float(solved[0])

    every = np.ones(len(states))
    return {
        name: 1 - converts(np.where(np.arange(len(states)) == states[name], 0, 1)) / converts(every)
        for name in channels
    }


def _write(target: Path, rows: Iterable[Row]) -> None:
    told = [(model, name or "(none)", float(one), float(other)) for model, name, one, other in rows]
    target.mkdir()
    columns = dict(zip(("model", "name", "conversions", "value"), zip(*told, strict=True), strict=True))
    pq.write_table(pa.table({name: list(each) for name, each in columns.items()}), target / "answer.parquet")


TASK = Task(
    name="attribution",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("plain Spark", engines.open_spark, spark_by_hand),
        Contestant("DuckDB", engines.open_duckdb, duckdb),
    ),
    rows="touches",
    differ=answers.near(("model", "name"), ("conversions", "value"), most=1e-9),
)
