"""All pairs without a link but with neighbours in common: how many, and the score of Adamic and Adar.

Ten pairs of neighbours an edge are looked at: vertices of the highest degrees, whose neighbours would go
beyond, bring nobody together, for all contestants alike. The scores of a vertex may be 1e-6 apart in all.
The libraries' own functions know no such bound (and go without end at a hub), so that it is done by hand
with GraphFrames' motifs, in SQL, and over networkx's neighbours; networkit and igraph have nothing to do it
by. Only retinue has three more scores of each pair to give, which it writes, too.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from math import log
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench import answers, engines, ties
from bench.task import Contestant, Task

WEDGES_AN_EDGE = 10


def retinue(spark: Any, source: Path, target: Path) -> None:
    """By the library, in one task."""
    _retinue(spark, source, target, engine="local")


def retinue_distributed(spark: Any, source: Path, target: Path) -> None:
    """By the library, by joins."""
    _retinue(spark, source, target, engine="distributed")


def _retinue(spark: Any, source: Path, target: Path, *, engine: str) -> None:
    from retinue.network import links

    edges = spark.read.parquet(str(source))
    budget = WEDGES_AN_EDGE * edges.count()
    links.predict(edges, max_wedges=budget, engine=engine).write.parquet(str(target))


def graphframes(spark: Any, source: Path, target: Path) -> None:
    """A motif with the vertices that bring others together in the middle, added up."""
    from graphframes import GraphFrame
    from pyspark.sql import functions as F

    graph = ties.graphframe(spark, source, both_ways=True)
    degrees = graph.outDegrees.withColumnRenamed("outDegree", "degree").persist()
    counts = degrees.groupBy("degree").count().orderBy("degree").collect()
    highest = _highest([(row["degree"], row["count"]) for row in counts], graph.edges.count() // 2)
    middle = degrees.where(F.col("degree") <= highest)
    near = graph.edges.join(middle.select(F.col("id").alias("src")), "src", "left_semi")
    told = graph.vertices.join(middle, "id", "left")
    motif = "(m)-[]->(one); (m)-[]->(other)"
    found = GraphFrame(told, near).find(motif).where("one.id < other.id")
    scored = found.groupBy(F.col("one.id").alias("src"), F.col("other.id").alias("dst")).agg(
        F.count("*").alias("common_neighbours"), F.sum(1 / F.log("m.degree")).alias("adamic_adar")
    )
    scored.join(graph.edges, ["src", "dst"], "left_anti").write.parquet(str(target))


def duckdb(connection: Any, source: Path, target: Path) -> None:
    """A join of the edges with themselves, added up."""
    target.mkdir()
    connection.execute(
        f"""
        COPY (
          WITH edges AS (SELECT src, dst FROM read_parquet('{source}/*.parquet')), ways AS (
            SELECT src, dst FROM edges UNION ALL SELECT dst, src FROM edges
          ), degrees AS (
            SELECT src, count(*) AS degree FROM ways GROUP BY src
          ), work AS (
            SELECT degree, sum(sum(degree * (degree - 1) // 2)) OVER (ORDER BY degree) AS wedges
            FROM degrees GROUP BY degree
          ), middle AS (
            SELECT src, degree FROM degrees WHERE degree <= (
              SELECT max(degree) FROM work
              WHERE wedges <= {WEDGES_AN_EDGE} * (SELECT count(*) FROM edges))
          ), near AS (
            SELECT src, dst, degree FROM ways JOIN middle USING (src)
          ), scored AS (
            SELECT one.dst AS src, other.dst AS dst, count(*) AS common_neighbours,
              sum(1 / ln(one.degree)) AS adamic_adar
            FROM near one JOIN near other USING (src) WHERE one.dst < other.dst GROUP BY ALL
          )
          SELECT * FROM scored ANTI JOIN ways USING (src, dst)
        ) TO '{target}/answer.parquet' (COMPRESSION zstd)
        """
    )


def networkx(nx: Any, source: Path, target: Path) -> None:
    """Each vertex's neighbours in pairs, added up in a dictionary."""
    graph = ties.networkx_graph(nx, source)
    counts = [(degree, count) for degree, count in enumerate(nx.degree_histogram(graph)) if count]
    highest = _highest(counts, graph.number_of_edges())
    found: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for neighbours in graph.adj.values():
        if 2 <= len(neighbours) <= highest:
            score = 1 / log(len(neighbours))
            for pair in combinations(sorted(neighbours), 2):
                found[pair].append(score)
    new = {pair: scores for pair, scores in found.items() if not graph.has_edge(*pair)}
    columns = {
        "src": [src for src, _ in new],
        "dst": [dst for _, dst in new],
        "common_neighbours": [len(scores) for scores in new.values()],
        "adamic_adar": [sum(scores) for scores in new.values()],
    }
    target.mkdir()
    pq.write_table(pa.table(columns), target / "answer.parquet", compression="zstd")


def _highest(counts: list[tuple[int, int]], edges: int) -> int:
    """The highest degree within the budget; in: degrees and how many have them, the lowest first."""
    highest, work = 0, 0
    for degree, count in counts:
        work += count * degree * (degree - 1) // 2
        if work > WEDGES_AN_EDGE * edges:
            break
        highest = degree
    return highest


TASK = Task(
    name="graph_links",
    contestants=(
        Contestant("retinue", engines.open_spark, retinue, is_ours=True),
        Contestant("retinue, distributed", engines.open_spark, retinue_distributed, is_ours=True),
        Contestant("GraphFrames", engines.open_spark, graphframes),
        Contestant("DuckDB", engines.open_duckdb, duckdb),
        Contestant("networkx", engines.open_networkx, networkx, most=1_000_000),
    ),
    rows="edges",
    differ=answers.pairs_apart(most=1e-6),
    told=answers.pair_count,
)
