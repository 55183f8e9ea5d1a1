"""VADER's numbers for each text.

The peers have vaderSentiment itself, in a pool of as many processes as there are cores, over the distinct
texts.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import engines
from bench.engines import Limits
from bench.task import Contestant, Task

_AT_A_TIME = 2_000
_NAMES = {"compound": "compound", "positive": "pos", "neutral": "neu", "negative": "neg"}


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library."""
    from retinue.text import sentiment

    sentiment.score(spark.read.parquet(str(source))).drop("text").write.parquet(str(target))


def duckdb(opened: tuple[Any, Any], source: Path, target: Path) -> None:
    """The distinct texts out of DuckDB, their numbers joined back in it."""
    import pyarrow as pa

    connection, pool = opened
    target.mkdir()
    texts = connection.execute(f"SELECT DISTINCT text FROM read_parquet('{source}/*.parquet')").fetchnumpy()
    said = texts["text"].tolist()
    connection.register("scores", pa.table({"text": said, **_scores(pool, said)}))
    connection.execute(
        f"""
        COPY (
          SELECT text_id, scores.* EXCLUDE (text)
          FROM read_parquet('{source}/*.parquet') JOIN scores USING (text)
        ) TO '{target}/answer.parquet' (COMPRESSION zstd)
        """
    )


def polars(opened: tuple[Any, Any], source: Path, target: Path) -> None:
    """The distinct texts out of Polars, their numbers joined back in it."""
    pl, pool = opened
    texts = pl.scan_parquet(source / "*.parquet")
    said = texts.select(pl.col("text").unique()).collect(engine="streaming")["text"].to_list()
    scores = pl.LazyFrame({"text": said, **_scores(pool, said)})
    answer = texts.join(scores, on="text").drop("text").collect(engine="streaming")
    target.mkdir()
    answer.write_parquet(target / "answer.parquet", compression="zstd")


def open_duckdb_and_pool(limits: Limits) -> tuple[Any, Any]:
    """DuckDB, and processes that have read the lexicon."""
    return engines.open_duckdb(limits), _pool(limits)


def open_polars_and_pool(limits: Limits) -> tuple[Any, Any]:
    """Polars, and processes that have read the lexicon."""
    return engines.open_polars(limits), _pool(limits)


def _pool(limits: Limits) -> Any:
    pool = multiprocessing.get_context("spawn").Pool(limits.cores, _read_lexicon)
    pool.map(_score, [["good"]] * limits.cores)
    return pool


def _read_lexicon() -> None:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    global _analyzer
    _analyzer = SentimentIntensityAnalyzer()


def _score(texts: Sequence[str]) -> list[dict[str, float]]:
    return [_analyzer.polarity_scores(text) for text in texts]


def _scores(pool: Any, texts: list[str]) -> dict[str, list[float]]:
    """The numbers of all texts by name, in their order."""
    batches = [texts[start : start + _AT_A_TIME] for start in range(0, len(texts), _AT_A_TIME)]
    scored = [each for batch in pool.imap(_score, batches) for each in batch]
    return {name: [each[short] for each in scored] for name, short in _NAMES.items()}


_analyzer: Any
"""Of a process of the pool."""

TASK = Task(
    name="sentiment",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("DuckDB and a pool", open_duckdb_and_pool, duckdb),
        Contestant("Polars and a pool", open_polars_and_pool, polars),
    ),
    digest=("text_id::BIGINT", *(f"round(10000 * {name})::BIGINT" for name in _NAMES)),
    rows="texts",
)
