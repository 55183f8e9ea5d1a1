"""Reading touches, costs and assignments of ads: each record once, good or with a reason."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession
from sources.reading import RANGE, by_position, written

from retinue.errors import UnknownSetting
from retinue.sources import facts, mappings, proposing

SEEN = {"visitor_id": "ann", "occurred_at": "2026-01-05T10:00:00+01:00", "channel": "display"}
SPENT = {"spent_on": "2026-01-05", "ad_id": "a", "cost_amount": "12.5"}
DRAWN = {"user_id": "ann", "assigned_at": "2026-01-05", "campaign_id": "c", "is_treated": "true"}
SAID: dict[str, list[dict[str, Any]]] = {
    "touches": [
        {**SEEN, "touch_id": "1", "touch_type": "Impression ", "campaign_id": "c", "ad_id": "a"},
        {**SEEN, "touch_id": "2", "visitor_id": None, "user_id": "u"},
        SEEN,
        {**SEEN, "touch_id": "4", "visitor_id": " "},
        {**SEEN, "touch_id": "5", "channel": None},
        {**SEEN, "touch_id": "6", "touch_type": "hover"},
        {**SEEN, "touch_id": "7", "occurred_at": None},
        {**SEEN, "touch_id": "8", "occurred_at": "1980-01-05"},
    ],
    "costs": [
        {**SPENT, "cost_id": "1", "currency": "EUR", "impression_count": "1000", "click_count": "0"},
        {**SPENT, "cost_id": "2", "ad_id": None, "channel": "print", "cost_amount": "0"},
        {**SPENT, "cost_id": "3", "ad_id": None},
        {**SPENT, "cost_id": "4", "cost_amount": None},
        {**SPENT, "cost_id": "5", "cost_amount": "-1"},
        {**SPENT, "cost_id": "6", "cost_amount": "much"},
        {**SPENT, "cost_id": "7", "click_count": "NaN"},
        {**SPENT, "cost_id": "8", "spent_on": "5 January"},
        {**SPENT, "cost_id": "9", "spent_on": "1980-01-05"},
    ],
    "assignments": [
        {**DRAWN, "assignment_id": "1"},
        {**DRAWN, "assignment_id": "2", "is_treated": "no"},
        {**DRAWN, "assignment_id": "3", "is_treated": "perhaps"},
        {**DRAWN, "assignment_id": "4", "is_treated": None},
        {**DRAWN, "assignment_id": "5", "campaign_id": None},
        {**DRAWN, "assignment_id": "6", "user_id": None},
    ],
}
REASONS = {
    "touches": {
        3: "missing_touch_id",
        4: "missing_person",
        5: "missing_channel",
        6: "bad_value: touch_type is hover",
        7: "missing_time",
        8: "time_out_of_range: occurred_at is 1980-01-05",
    },
    "costs": {
        3: "missing_ad",
        4: "missing_cost",
        5: "bad_number: cost_amount is -1",
        6: "bad_number: cost_amount is much",
        7: "bad_number: click_count is NaN",
        8: "bad_time: spent_on is 5 January",
        9: "time_out_of_range: spent_on is 1980-01-05",
    },
    "assignments": {
        3: "bad_value: is_treated is perhaps",
        4: "missing_group",
        5: "missing_ad",
        6: "missing_person",
    },
}
NINE = datetime(2026, 1, 5, 9)
DAY = date(2026, 1, 5)
GOOD: dict[str, list[tuple[Any, ...]]] = {
    "touches": [
        ("1", "ann", None, NINE, "impression", "display", "c", "a", None),
        ("2", None, "u", NINE, "click", "display", None, None, None),
    ],
    "costs": [
        ("1", DAY, None, None, "a", None, Decimal("12.5"), "EUR", 1000, 0),
        ("2", DAY, "print", None, None, None, Decimal(0), None, None, None),
    ],
    "assignments": [
        ("1", None, "ann", datetime(2026, 1, 5), None, "c", None, True),
        ("2", None, "ann", datetime(2026, 1, 5), None, "c", None, False),
    ],
}


@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_each_form_says_the_same(spark: SparkSession, tmp_path: Path, form: str, kind: str) -> None:
    mapping = mappings.load(f"generic_{kind}_{form}")
    read = by_position(facts.read(spark, str(written(tmp_path, form, kind, SAID[kind])), mapping, **RANGE))
    assert {n: row["reason"] for n, row in read.items() if row["reason"]} == REASONS[kind]
    assert {why.partition(":")[0] for why in REASONS[kind].values()} <= set(facts.FACTS[kind].reasons)
    assert [tuple(read[n][name] for name in mappings.COLUMNS[kind]) for n in (1, 2)] == GOOD[kind]


@pytest.mark.parametrize("kind", SAID)
def test_a_file_with_the_columns_is_recognised(tmp_path: Path, kind: str) -> None:
    assert proposing.propose(written(tmp_path, "csv", kind, SAID[kind])).ready == f"generic_{kind}_csv"


COSTS = """
kind = "costs"
format = "csv"
legal_basis = "anonymous"
[csv]
header = true
[fields]
day = "string"
ad = "string"
spent = "decimal(18,2)"
[time]
written = "dd.MM.yyyy"
zone = "America/New_York"
[columns]
spent_on = "day"
ad_id = "ad"
cost_amount = "spent"
"""


def test_a_day_is_as_written_and_a_cost_that_is_stated_again_keeps_its_id(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Two rows of one day and ad are two costs, by their order."""
    mapping = mappings.loads(COSTS, name="mine")
    told = {}
    for name, spent in {"first": ("1.00", "2.00", "5.00"), "again": ("1.10", "2.20", "5.50")}.items():
        rows = zip(("05.01.2026", "05.01.2026", "06.01.2026"), spent, strict=True)
        text = "day,ad,spent\n" + "".join(f"{day},a,{amount}\n" for day, amount in rows)
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
        told[name] = by_position(facts.read(spark, str(tmp_path / f"{name}.csv"), mapping, **RANGE))
    assert [told["first"][n]["spent_on"] for n in (1, 2, 3)] == [DAY, DAY, date(2026, 1, 6)]
    assert len({row["cost_id"] for row in told["first"].values()}) == 3
    for n in (1, 2, 3):
        assert told["again"][n]["cost_id"] == told["first"][n]["cost_id"]
        assert told["again"][n]["cost_amount"] == told["first"][n]["cost_amount"] * Decimal("1.1")


def test_a_mapping_of_ads_says_whom_and_what() -> None:
    with pytest.raises(UnknownSetting) as refused:
        mappings.loads(COSTS.replace('ad_id = "ad"\n', "").replace('"costs"', '"assignments"'), name="mine")
    said = str(refused.value)
    assert "columns.visitor_id or user_id is missing: who was assigned" in said
    assert "columns.channel or campaign_id or ad_id is missing: to what" in said
    assert "columns.cost_amount is no key of a mapping" in said
