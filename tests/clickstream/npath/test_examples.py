"""The examples that are written down come out as written."""

from __future__ import annotations

import ast
import doctest
import re
from collections import Counter
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retinue.clickstream.npath import npath

PAGE = Path(__file__).parents[3] / "docs" / "npath.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n((?:\|[^\n]*\n)+)", re.DOTALL)


def table(lines: str) -> Iterator[list[str | None]]:
    """The cells of a table, line by line; an empty one is null."""
    for line in lines.strip().splitlines():
        if not line.startswith("|---"):
            yield [cell.strip() or None for cell in line.strip("|").split("|")]


def last_value(code: str, scope: dict[str, Any]) -> Any:
    *statements, last = ast.parse(code).body
    assert isinstance(last, ast.Expr)
    exec(compile(ast.Module(statements, []), "npath.md", "exec"), scope)
    return eval(compile(ast.Expression(last.value), "npath.md", "eval"), scope)


def test_the_page_on_patterns(spark: SparkSession) -> None:
    text = PAGE.read_text()
    _, *rows = table(text[text.index("| visitor |") : text.index("Which searches")])
    clicks = spark.createDataFrame(rows, "visitor string, at string, page string, price string")
    scope = {
        "spark": spark,
        "clicks": clicks.withColumns(
            {"at": F.col("at").cast("timestamp"), "price": F.col("price").cast("int")}
        ),
    }
    answers, wanted = [], {}
    for number, (code, lines) in enumerate(EXAMPLE.findall(text)):
        found = last_value(code, scope)
        header, *wanted[number] = table(lines)
        assert found.columns == header
        cells = F.array(*(F.col(f"`{name}`").cast("string") for name in found.columns))
        answers.append(found.select(F.lit(number), cells))
    told: dict[int, list[Any]] = {number: [] for number in wanted}
    for number, cells in reduce(DataFrame.union, answers).collect():
        told[number].append(cells)
    assert len(wanted) == text.count("```python")
    for number, lines in wanted.items():
        assert Counter(map(tuple, told[number])) == Counter(map(tuple, lines)), number


def test_the_example_of_the_function(spark: SparkSession) -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(
        npath, "npath", globs={"npath": npath, "spark": spark}
    )
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0
