"""Texts cut into tokens, and how often each two stand side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import engines
from bench.task import Contestant, Task

TOKEN = r"[a-z]+(?:'[a-z]+)?|[:;][()d]"
"""All that is a token of the texts in lower case; retinue looks for all that people write."""


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library, its own tokens."""
    from retinue.text import ngrams, tokens

    counted = ngrams.count(tokens.tokenize(spark.read.parquet(str(source))), n=2)
    counted.select("ngram", "count").write.parquet(str(target))


def spark_by_hand(spark: Any, source: Path, target: Path) -> None:
    """RegexTokenizer and NGram of spark.ml, then a count."""
    from pyspark.ml.feature import NGram, RegexTokenizer
    from pyspark.sql import functions as F

    texts = spark.read.parquet(str(source))
    tokenizer = RegexTokenizer(inputCol="text", outputCol="tokens", pattern=TOKEN, gaps=False)
    pairs = NGram(n=2, inputCol="tokens", outputCol="ngrams").transform(tokenizer.transform(texts))
    counted = pairs.select(F.explode("ngrams").alias("ngram")).groupBy("ngram").count()
    counted.write.parquet(str(target))


def duckdb(connection: Any, source: Path, target: Path) -> None:
    """A list zipped with itself moved on, unnested and counted."""
    target.mkdir()
    token = TOKEN.replace("'", "''")
    connection.execute(
        f"""
        COPY (
          WITH cut AS (
            SELECT regexp_extract_all(lower(text), '{token}') AS words FROM read_parquet('{source}/*.parquet')
          ), pairs AS (
            SELECT unnest(list_zip(words[1:len(words) - 1], words[2:])) AS pair FROM cut WHERE len(words) > 1
          )
          SELECT pair[1] || ' ' || pair[2] AS ngram, count(*) AS count FROM pairs GROUP BY ngram
        ) TO '{target}/answer.parquet' (COMPRESSION zstd)
        """
    )


def polars(pl: Any, source: Path, target: Path) -> None:
    """All words below each other, each beside the next of its text."""
    word, row = pl.col("word"), pl.col("row")
    counted = (
        pl.scan_parquet(source / "*.parquet")
        .select(word=pl.col("text").str.to_lowercase().str.extract_all(TOKEN))
        .with_row_index("row")
        .explode("word")
        .with_columns(next=word.shift(-1), is_within=row == row.shift(-1))
        .filter("is_within")
        .group_by(ngram=pl.concat_str(word, "next", separator=" "))
        .agg(pl.len().alias("count"))
        .collect(engine="streaming")
    )
    target.mkdir()
    counted.write_parquet(target / "answer.parquet", compression="zstd")


TASK = Task(
    name="text_bigrams",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("plain Spark", engines.open_spark, spark_by_hand),
        Contestant("DuckDB", engines.open_duckdb, duckdb),
        Contestant("Polars", engines.open_polars, polars),
    ),
    digest=("ngram", "count::BIGINT"),
    rows="texts",
)
