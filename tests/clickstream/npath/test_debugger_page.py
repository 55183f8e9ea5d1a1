"""What docs/debugger.md says is what happens."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from retinue.clickstream import segments

PAGE = (Path(__file__).parents[3] / "docs" / "debugger.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def tables() -> list[list[list[str]]]:
    """The tables, each as its heading and then its rows of cells, in the order of the alphabet."""
    found = re.findall(r"((?:^\|.*\|\n)+)", PAGE, re.MULTILINE)
    tables = [[line.strip("|").split("|") for line in table.splitlines()] for table in found]
    cells = [[[cell.strip() for cell in row] for row in table] for table in tables]
    return [[heading, *sorted(rows)] for heading, _, *rows in cells]


def printed(rows: DataFrame) -> list[list[str]]:
    def text(value: Any) -> str:
        return "null" if value is None else str(value).replace("'", "")

    return [rows.columns, *sorted([text(value) for value in row] for row in rows.collect())]


@pytest.fixture(scope="module")
def clicks(spark: SparkSession) -> DataFrame:
    rows = [(visitor, datetime.fromisoformat(at), page) for visitor, at, page in tables()[0][1:]]
    return spark.createDataFrame(rows, "visitor_id string, occurred_at timestamp, page string")


def test_the_debugger_page(clicks: DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    first, population, partial, _ = blocks("python")
    scope: dict[str, Any] = {"clicks": clicks}
    exec(first, scope)
    assert capsys.readouterr().out == blocks("text")[0]
    assert printed(eval(population, scope)) == tables()[2]
    imports, call = partial.split("\n\n")
    exec(imports, scope)
    assert printed(eval(call, scope)) == tables()[3]


def test_the_segment_shown_is_the_ready_one() -> None:
    assert segments.loads(blocks("toml")[0], name="cart_abandoners") == segments.load("cart_abandoners")
