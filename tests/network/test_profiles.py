from __future__ import annotations

from pyspark.sql import SparkSession

from retinue.network import profiles


def test_a_community_is_told_by_its_words_its_mood_and_what_it_buys(spark: SparkSession):
    communities = spark.createDataFrame(
        [("a", 1), ("b", 1), ("product:7", 1), ("c", 2), ("d", 2)], "id string, community_id bigint"
    )
    edges = spark.createDataFrame(
        [
            *(("a", "b", 2.0), ("b", "c", 1.0), ("a", "product:7", 1.0), ("a", "product:8", 0.5)),
            *(("b", "product:8", 1.0), ("c", "d", 1.0)),
        ],
        "src string, dst string, weight double",
    )
    posts = spark.createDataFrame(
        [
            *(("a", ["tea", "cup", "cup", "day"], 0.5), ("b", ["tea", "day"], -0.1)),
            *(("c", ["rum", "rum", "day"], None), ("z", ["gin"], 0.9)),
        ],
        "id string, words array<string>, compound double",
    )
    purchases = spark.createDataFrame(
        [("a", 10.0), ("a", 5.0), ("c", None)], "id string, price_amount double"
    )
    told = {
        row["community_id"]: row for row in profiles.profile(communities, edges, posts, purchases).collect()
    }
    one, other = told[1], told[2]
    assert (one["member_count"], one["product_count"], other["member_count"]) == (2, 1, 2)
    # Each tie inside counts at both ends; those to a product of no community are nobody's.
    assert one["inside_share"] == (2 * 2 + 2 * 1) / (2 * 2 + 2 * 1 + 1)
    assert other["inside_share"] == 2 / 3
    assert set(one["words"][:2]) == {"tea", "cup"}
    assert other["words"][0] == "rum"
    assert (one["products"], other["products"]) == (["8", "7"], None)
    assert (one["post_count"], round(one["mean_compound"], 6)) == (2, 0.2)
    assert (other["post_count"], other["mean_compound"]) == (1, None)
    assert (one["purchase_count"], one["value_amount"]) == (2, 15.0)
    assert (other["purchase_count"], other["value_amount"]) == (1, None)
