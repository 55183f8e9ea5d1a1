"""Which words do people say, which belong together, and which do they say more and more?

Reads silver.post_tokens; writes gold.ngrams, gold.vocabularies, gold.ngram_trends, gold.rising_ngrams and
gold.collocations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import NgramSettings, Settings
from retinue.text import ngrams, stems, tokens
from retinue.text.writing import LANGUAGE

READS = ("silver.post_tokens",)
WRITES = (
    "gold.ngrams",
    "gold.vocabularies",
    "gold.ngram_trends",
    "gold.rising_ngrams",
    "gold.collocations",
)


def run(lake: Lake, settings: Settings) -> Answer:
    """Count and cap, then follow what was kept over time, and find what stands together."""
    with job.spoken(lake, settings, "silver.post_tokens") as posts:
        said = tokens.sentences(posts.rows, kinds=LANGUAGE)
        if not settings.ngrams.within_sentences:
            said = said.withColumn("sentences", F.array(F.flatten("sentences")))
        return _answer(posts, said, settings.ngrams, stems.stop_words(settings.texts.languages))


def _answer(posts: Analysed, said: DataFrame, chosen: NgramSettings, stopped: list[str]) -> Answer:
    counts = ngrams.count(said, n=chosen.sizes, tokens="sentences", stop_words=stopped)
    counted = _with_length(counts).persist()
    try:
        kept = posts.keep("gold.ngrams", _of_each_length(counted, chosen, ngrams.vocabulary))
        cut = posts.keep("gold.vocabularies", _of_each_length(counted, chosen, ngrams.cut))
    finally:
        counted.unpersist()
    over_time = ngrams.over_time(
        said,
        at="posted_at",
        n=chosen.sizes,
        period=chosen.period,
        tokens="sentences",
        stop_words=stopped,
    )
    trends = posts.keep("gold.ngram_trends", over_time.join(kept.select("ngram"), "ngram", "left_semi"))
    rising = posts.keep("gold.rising_ngrams", ngrams.rising(trends))
    together = posts.keep("gold.collocations", _together(said, chosen, stopped))
    return posts.answer(
        (*_of_vocabulary(cut), _of_collocations(together), _of_rising(rising)),
        rows_out=kept.count(),
        figures={"ngram_trends": plots.ngram_trends(trends)},
    )


def _of_each_length(counted: DataFrame, chosen: NgramSettings, cap: Callable[..., DataFrame]) -> DataFrame:
    """Each length has its own limit."""
    capped = (
        cap(counted.where(F.col("n") == n), limit=chosen.limit, least=chosen.least).withColumn("n", F.lit(n))
        for n in chosen.sizes
    )
    return reduce(DataFrame.unionByName, capped)


def _together(said: DataFrame, chosen: NgramSettings, stopped: list[str]) -> DataFrame:
    """Collocations that neither begin nor end with a stop word: "of the" belongs together everywhere."""
    sizes = [n for n in chosen.sizes if n > 1] or [2]
    pairs = _with_length(ngrams.collocations(said, n=sizes, tokens="sentences", least=chosen.least))
    words = F.split("ngram", " ")
    return pairs.where(~words[0].isin(stopped) & ~F.element_at(words, -1).isin(stopped))


def _with_length(counted: DataFrame) -> DataFrame:
    return counted.withColumn("n", F.size(F.split("ngram", " ")))


def _of_vocabulary(cut: DataFrame) -> Iterable[Finding]:
    for row in cut.orderBy("n").collect():  # a row a length
        n = row["n"]
        yield Finding(f"How many n-grams of length {n} are kept?", row["kept_ngrams"], "n-grams")
        yield Finding(f"How many are too rare to be kept (length {n})?", row["rare_ngrams"], "n-grams")
        yield Finding(f"And how many beyond the limit (length {n})?", row["excess_ngrams"], "n-grams")


def _of_collocations(together: DataFrame) -> Finding:
    best = together.orderBy(F.desc("log_likelihood"), "ngram").select("ngram").first()
    return Finding("Which words belong together most of all?", best["ngram"] if best else None)


def _of_rising(rising: DataFrame) -> Finding:
    return Finding("How many n-grams are on the rise, beyond chance?", rising.count(), "n-grams")


if __name__ == "__main__":
    cli.submitted(__file__)
