"""Which words do people say, which belong together, and which do they say more and more?

Reads silver.post_tokens; writes gold.ngrams, gold.vocabularies, gold.ngram_trends, gold.rising_ngrams and
gold.collocations.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retinue import cli, job, plots
from retinue.answer import Answer, Finding
from retinue.job import Analysed
from retinue.lake import Lake
from retinue.settings import NgramSettings, Settings
from retinue.text import ngrams, stems, tokens

READS = ("silver.post_tokens",)
WRITES = (
    "gold.ngrams",
    "gold.vocabularies",
    "gold.ngram_trends",
    "gold.rising_ngrams",
    "gold.collocations",
)
WORDS = ("word", "number", "hashtag", "emoji", "emoticon")  # a mention or a link is no language


def run(lake: Lake, settings: Settings) -> Answer:
    """Count and cap, then follow what was kept over time, and find what stands together."""
    with job.spoken(lake, settings, "silver.post_tokens") as posts:
        said = tokens.sentences(posts.rows, kinds=WORDS)
        if not settings.ngrams.within_sentences:
            said = said.withColumn("sentences", F.array(F.flatten("sentences")))
        return _answer(posts, said, settings.ngrams, stems.stop_words(settings.texts.languages))


def _answer(posts: Analysed, said: DataFrame, chosen: NgramSettings, stopped: list[str]) -> Answer:
    counted = {n: ngrams.count(said, n=n, tokens="sentences", stop_words=stopped) for n in chosen.sizes}
    capped = {
        n: ngrams.vocabulary(each, limit=chosen.limit, least=chosen.least) for n, each in counted.items()
    }
    left_out = {n: ngrams.cut(each, limit=chosen.limit, least=chosen.least) for n, each in counted.items()}
    kept = posts.keep("gold.ngrams", _united(capped))
    cut = posts.keep("gold.vocabularies", _united(left_out))
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
    together = posts.keep("gold.collocations", _together(said, chosen))
    return posts.answer(
        (*_of_vocabulary(cut), _of_collocations(together), _of_rising(rising)),
        rows_out=kept.count(),
        figures={"ngram_trends": plots.ngram_trends(trends)},
    )


def _together(said: DataFrame, chosen: NgramSettings) -> DataFrame:
    sizes = [n for n in chosen.sizes if n > 1] or [2]
    pairs = ngrams.collocations(said, n=sizes, tokens="sentences", least=chosen.least)
    return pairs.withColumn("n", F.size(F.split("ngram", " ")))


def _united(frames: dict[int, DataFrame]) -> DataFrame:
    """One frame of these by the length of their n-grams."""
    return reduce(DataFrame.unionByName, (each.withColumn("n", F.lit(n)) for n, each in frames.items()))


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
