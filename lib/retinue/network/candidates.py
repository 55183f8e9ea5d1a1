"""Pairs that may link next, with all that was known of them at a time and nothing that came later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retinue.errors import RetinueError, SchemaMismatch
from retinue.network import edges as given
from retinue.network import engines, links
from retinue.network.embeddings import fast_rp
from retinue.network.proximity import personalised_pagerank
from retinue.schema import quoted, require

__all__ = ["FEATURES", "VIEW", "View", "features", "known", "linked"]

FEATURES = (
    *links.SCORES,
    "personalised_pagerank",
    "recent_pagerank",
    "embedding_cosine",
    "embedding_hadamard",
    "same_community",
    "lesser_degree",
    "greater_degree",
    "lesser_freshness",
    "greater_freshness",
)
FAINTEST = 1e-9  # of a tie that is old, so that it is still one
Instant = date | datetime


@dataclass(frozen=True)
class View:
    """How a graph of timed edges is looked at, on whatever date.

    at: the column with the time of a row, a timestamp or a date. bipartite: src are of one kind, as persons,
    and dst of another, as products, and candidates lie three steps apart; else two. half_life: after which a
    tie counts half in recent_pagerank and the embeddings. communities: gives id and community_id of the edges
    it is given, which are those known, such as `communities.detect`; without it nobody's are the same.
    max_wedges: see `links.predict`. dimensions: see `fast_rp`. seed, engine and local_limit: as there.
    """

    at: str = "first_at"
    bipartite: bool = False
    half_life: timedelta = timedelta(days=30)
    communities: Callable[[DataFrame], DataFrame] | None = None
    max_wedges: int | None = 100_000_000
    dimensions: int = 64
    seed: int = 0
    engine: str = "auto"
    local_limit: int = engines.LOCAL_LIMIT


VIEW = View()


def features(edges: DataFrame, *, as_of: Instant, view: View = VIEW) -> DataFrame:
    """The pairs not linked before `as_of`, but with neighbours in common then, and how near they were.

    An edge at `as_of` itself is not known yet. Of an edge nothing is read but src, dst and its time: a weight
    or a last time that was added up later would tell the future. Where each contact is a row of its own, ties
    weigh by how many there were so far, and how lately.

    Out, a row a pair, with src < dst, or src of the first kind where the view is bipartite: src, dst, and as
    doubles the scores of `links.predict`; personalised_pagerank, all ties the same, and recent_pagerank, each
    by the logarithm of 1 + its contacts, which halve with each half-life; embedding_cosine and
    embedding_hadamard (the length of the products, number by number) of the FastRP vectors of the same ties;
    same_community (1 or 0); of the two ends the lesser_ and greater_degree, and the lesser_ and
    greater_freshness (1 by 1 + the half-lives since the last contact).

    Bipartite: a product is scored for a person by the products they have, each with the score of the two
    products, added up; preferential_attachment is the product of the two degrees. Pairs of persons are looked
    at too, and `max_wedges` keeps a product that everybody has from bringing all of them together.

    Runs Spark jobs. Raises SchemaMismatch; RetinueError for a half-life of 0 or less, and as the scores do.
    """
    if view.half_life <= timedelta(0):
        raise RetinueError(f"half_life is {view.half_life}; give a span of time above 0")
    contacts = known(edges, as_of=as_of, view=view)
    ties = engines.settled(_ties(contacts, as_of, view))
    scored = _steps_apart(ties, contacts, view)
    pairs = _with_pageranks(scored, ties, view)
    told = _with_ends(pairs, _vertices(ties, contacts, as_of, view))
    return told.select("src", "dst", *(F.col(name).cast("double").alias(name) for name in FEATURES))


def known(edges: DataFrame, *, as_of: Instant, view: View) -> DataFrame:
    """src, dst, at (timestamp) of the edges before `as_of`."""
    return _timed(edges, view).where(F.col("at") < _instant(as_of))


def linked(edges: DataFrame, *, as_of: Instant, horizon: timedelta, view: View) -> DataFrame:
    """src, dst as in `features`: the pairs first linked from `as_of` on and before `as_of` + `horizon`."""
    timed = _timed(edges, view)
    if not view.bipartite:
        ends = (F.least("src", "dst").alias("src"), F.greatest("src", "dst").alias("dst"))
        timed = timed.select(*ends, "at")
    first = timed.groupBy("src", "dst").agg(F.min("at").alias("at"))
    start = _instant(as_of)
    is_new = (F.col("at") >= start) & (F.col("at") < start + F.lit(horizon))
    return first.where(is_new).select("src", "dst")


def _timed(edges: DataFrame, view: View) -> DataFrame:
    require(edges, ["src", "dst", view.at], what="link prediction")
    kind = edges.schema[view.at].dataType.typeName()
    if kind not in ("date", "timestamp", "timestamp_ntz"):
        raise SchemaMismatch(f"link prediction needs {view.at} as a timestamp or a date; here it is {kind}")
    at = F.col(quoted(view.at)).cast("timestamp").alias("at")
    return edges.select("src", "dst", at).where("src != dst AND at IS NOT NULL")


def _instant(as_of: Instant) -> Column:
    """A date is its midnight; what has no zone is UTC."""
    is_bare = isinstance(as_of, datetime) and as_of.tzinfo is None
    return F.lit(as_of.replace(tzinfo=UTC) if is_bare else as_of).cast("timestamp")  # type: ignore[call-arg]


def _ties(contacts: DataFrame, as_of: Instant, view: View) -> DataFrame:
    """src, dst, weight from either side; listed both ways, a contact says the same twice."""
    faded = F.pow(F.lit(0.5), _half_lives(as_of, view))
    weighed = contacts.withColumn("weight", F.greatest(faded, F.lit(FAINTEST)))
    return given.undirected(given.read(weighed, what="link prediction")).withColumn(
        "weight", F.log1p("weight")
    )


def _half_lives(as_of: Instant, view: View) -> Column:
    seconds = (F.unix_micros(_instant(as_of)) - F.unix_micros("at")) / 1e6
    return seconds / view.half_life.total_seconds()


def _steps_apart(ties: DataFrame, contacts: DataFrame, view: View) -> DataFrame:
    pairs = links.predict(ties, max_wedges=view.max_wedges, engine=view.engine, local_limit=view.local_limit)
    return _three_steps(pairs, ties, contacts) if view.bipartite else pairs


def _three_steps(pairs: DataFrame, ties: DataFrame, contacts: DataFrame) -> DataFrame:
    """The pairs of a first and a second kind, by the pairs of the second with what the first has."""
    first = contacts.select("src").distinct()
    owned = ties.join(first, "src", "left_semi").select("src", "dst")
    summed = links.SCORES[:-1]
    alike = pairs.select("src", "dst", *summed).union(pairs.select("dst", "src", *summed))
    likened = alike.withColumnsRenamed({"src": "owned", "dst": "other"})
    found = (
        owned.withColumnRenamed("dst", "owned")
        .join(likened, "owned")
        .groupBy("src", F.col("other").alias("dst"))
        .agg(*(F.sum(given.whole_steps(F.col(name))).alias(name) for name in summed))
        .join(owned, ["src", "dst"], "left_anti")
    )
    degrees = ties.groupBy("src").agg(F.count("*").alias("own"))
    others = ties.groupBy("dst").agg(F.count("*").alias("others"))
    product = (F.col("own") * F.col("others")).alias(links.SCORES[-1])
    return found.join(degrees, "src").join(others, "dst").select("src", "dst", *summed, product)


def _with_pageranks(pairs: DataFrame, ties: DataFrame, view: View) -> DataFrame:
    """Add both; a pair of which no time was passed on has 0."""
    graphs = {"personalised_pagerank": ties.select("src", "dst"), "recent_pagerank": ties}
    pairs = pairs.withColumns({"low": F.least("src", "dst"), "high": F.greatest("src", "dst")})
    for name, graph in graphs.items():
        near = personalised_pagerank(
            graph,
            steps=3 if view.bipartite else 2,
            max_wedges=view.max_wedges,
            engine=view.engine,
            local_limit=view.local_limit,
        )
        named = near.toDF("low", "high", name)
        pairs = pairs.join(named, ["low", "high"], "left").fillna(0.0, [name])
    return pairs.drop("low", "high")


def _vertices(ties: DataFrame, contacts: DataFrame, as_of: Instant, view: View) -> DataFrame:
    """A row a vertex: id, degree, freshness, embedding, community_id."""
    degrees = ties.groupBy(F.col("src").alias("id")).agg(F.count("*").alias("degree"))
    freshness = (1 / (1 + _half_lives(as_of, view))).alias("freshness")
    last = (
        contacts.select(F.explode(F.array("src", "dst")).alias("id"), "at")
        .groupBy("id")
        .agg(F.max("at").alias("at"))
        .select("id", freshness)
    )
    vectors = fast_rp(
        ties, dimensions=view.dimensions, seed=view.seed, engine=view.engine, local_limit=view.local_limit
    )
    vertices = degrees.join(last, "id").join(vectors, "id")
    if view.communities is None:
        return vertices.withColumn("community_id", F.lit(None).cast("int"))
    found = view.communities(ties).select("id", "community_id")
    return vertices.join(found, "id", "left")


def _with_ends(pairs: DataFrame, vertices: DataFrame) -> DataFrame:
    told = [name for name in vertices.columns if name != "id"]
    own = vertices.select(F.col("id").alias("src"), F.struct(*told).alias("own"))
    others = vertices.select(F.col("id").alias("dst"), F.struct(*told).alias("others"))
    product = F.zip_with("own.embedding", "others.embedding", lambda one, other: one.cast("double") * other)
    is_same = F.coalesce(F.col("own.community_id") == F.col("others.community_id"), F.lit(False))
    lengths = _length(F.col("own.embedding")) * _length(F.col("others.embedding"))
    added = {
        "embedding_cosine": F.coalesce(F.try_divide(_total(product), lengths), F.lit(0.0)),
        "embedding_hadamard": _length(product),
        "same_community": is_same.cast("double"),
        **{f"lesser_{name}": F.least(f"own.{name}", f"others.{name}") for name in ("degree", "freshness")},
        **{
            f"greater_{name}": F.greatest(f"own.{name}", f"others.{name}") for name in ("degree", "freshness")
        },
    }
    return pairs.join(own, "src").join(others, "dst").withColumns(added)


def _total(numbers: Column) -> Column:
    return F.aggregate(numbers, F.lit(0.0), lambda total, each: total + each)


def _length(vector: Column) -> Column:
    squares = F.transform(vector, lambda each: each.cast("double") * each)
    return F.sqrt(_total(squares))
