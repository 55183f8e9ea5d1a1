"""Credit by what the same journey would have done without the touch, looked up among all journeys."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from retinue.attribution import shares, shorter
from retinue.attribution.arrow import HASH, cut, hashes_out, paths_of

__all__ = ["attribute"]

AT_ONCE = 4096  # paths in memory


def attribute(paths: DataFrame) -> DataFrame:
    """Share each path's conversions out by how much less often the path without a touch converts.

    Out, a row a channel: channel, conversions, value (double). What no touch led to is under the channel
    null.

    A touch's gain is the rate of its path, conversions / (conversions + nulls), less the rate of exactly the
    path that is left without it (0 where nobody took that), and 0 where that is below 0. The touches of a
    path share as their gains are; where none gains anything, the last has all. A channel repeated is dropped
    one touch at a time, and earns for each.

    This is the ordered counterfactual rule of Google's fractribution. It is not the Shapley value: it asks
    one shorter path, not all sets of channels. In: path (array of channels), conversions, optionally nulls
    and value. Lazy; one shuffle of paths, two of their runs of touches, known by hashes (see `shorter`), so
    that the cost is linear in touches however long a path is. Source: github.com/google/fractribution.
    Raises SchemaMismatch.
    """
    summed = (
        shares.given(paths, what="counterfactual")
        .groupBy("path")
        .agg(*(F.sum(name).alias(name) for name in ("conversions", "value", "nulls")))
    )
    rate = F.try_divide(F.col("conversions"), F.col("conversions") + F.col("nulls"))
    # A path without conversions has the rate 0, as one has that nobody took.
    rated = summed.where("conversions > 0 OR value <> 0").select(
        "path",
        F.transform("path", lambda channel: F.xxhash64(channel)).alias("codes"),
        *("conversions", "value", F.coalesce(rate, F.lit(0.0)).alias("rate")),
    )
    kind = paths.schema["path"].dataType.elementType.simpleString()  # type: ignore[attr-defined]
    asked = rated.mapInArrow(_asked, f"channel {kind}, {_ASKED}")
    without = F.coalesce(F.max("known").over(Window.partitionBy("asks")), F.lit(0.0))
    gain = F.col("times") * F.greatest(F.col("rate") - without, F.lit(0.0))
    gained = asked.withColumn("_gain", gain).where("times > 0 OR is_last")
    whole = F.sum("_gain").over(Window.partitionBy("asker"))
    share = F.when(whole > 0, F.col("_gain") / whole).otherwise(F.col("is_last").cast("double"))
    return (
        gained.withColumn("_share", share)
        .groupBy("channel")
        .agg(*(F.sum(F.col(name) * F.col("_share")).alias(name) for name in ("conversions", "value")))
    )


_ASKED = (
    f"asks {HASH}, asker {HASH}, known double, times double, is_last boolean, "
    "conversions double, value double, rate double"
)


def _asked(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A row a path, that knows its rate, and one a run of its touches, that asks for that of a shorter path.

    The last touch is the one with all where nothing gains; of a path without touches, the path's own row.
    """
    for batch in cut(batches, AT_ONCE, lists="codes"):
        paths = paths_of(batch.column("codes"))
        own, runs = shorter.hashes(paths), shorter.runs(paths)
        rows = np.concatenate([np.arange(batch.num_rows), runs.rows])
        is_path = np.arange(len(rows)) < batch.num_rows
        path = batch.column("path")
        channel = path.flatten().take(pa.array(runs.lasts))
        amounts = batch.select(["conversions", "value", "rate"]).take(pa.array(rows))
        columns = {
            "channel": pa.concat_arrays([pa.nulls(len(path), channel.type), channel]),
            "asks": hashes_out(np.concatenate([own, runs.shorter])),
            "asker": hashes_out(own[rows]),
            "known": pa.array(amounts.column("rate").to_numpy(), mask=~is_path),
            "times": np.concatenate([np.zeros(len(path)), runs.times]),
            "is_last": np.concatenate([paths.sizes == 0, runs.is_last]),
            **dict(zip(amounts.schema.names, amounts.columns, strict=True)),
        }
        yield pa.RecordBatch.from_pydict(columns)
