"""The graph from files to findings: what the small world plants is found, and who objects is gone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lakes import fresh
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import adjusted_rand_score
from worlds import Told, delivered, reading, value

from retinue import commands, job, promises, samples, tables
from retinue.network import predictor
from retinue.samples.world import SmallWorld


@pytest.fixture(scope="module")
def told(
    spark: SparkSession, world: SmallWorld, posted: Told, tmp_path_factory: pytest.TempPathFactory
) -> Told:
    folder = tmp_path_factory.mktemp("graph")
    home = folder / "home"
    shutil.copytree(posted[0], home)
    fresh(spark, home).merge("silver.events", world.events)
    fresh(spark, home).merge("silver.identities", world.identities)
    asked = reading(home, "contacts", delivered(world, folder / "in", "contacts"))
    jobs = ("ingest_contacts", *commands.OF_TIES)
    return home, asked, {name: job.perform(name, fresh(spark, home), asked) for name in jobs}


def person(world: SmallWorld) -> dict[str, str]:
    """Who each profile is."""
    known = world.identities.where("profile_id IS NOT NULL").select("profile_id", "person_id")
    return {row["profile_id"]: row["person_id"] for row in known.collect()}


def test_the_ties_are_those_of_the_files(spark: SparkSession, world: SmallWorld, told: Told) -> None:
    ties = fresh(spark, told[0]).read("silver.ties")
    acts = {
        row["relationship"]: row["acts"]
        for row in ties.groupBy("relationship").agg(F.sum("act_count").alias("acts")).collect()
    }
    people = world.events.where("product_id IS NOT NULL AND NOT is_bot")
    assert acts == {
        "follows": world.follows.count(),
        "shares": world.posts.where("share_of IS NOT NULL").count(),
        "replies": world.posts.where("reply_to IS NOT NULL").count(),
        "views": people.where("event_type = 'product_view'").count(),
        "carts": people.where("event_type = 'add_to_cart'").count(),
        "buys": people.where("event_type = 'purchase'").count(),
    }
    edges = fresh(spark, told[0]).read("gold.edges")
    assert edges.where("weight > act_count OR first_at > last_at").isEmpty()
    assert promises.kept(fresh(spark, told[0])) != []
    assert [each for each in promises.kept(fresh(spark, told[0])) if not each.holds] == []


def test_the_influencer_is_found_and_it_is_influence(
    spark: SparkSession, world: SmallWorld, told: Told
) -> None:
    home, _, reports = told
    planted = person(world)[str(world.truth.influencer)]
    assert value(reports, "rank_influence", "Which person is turned to most?") == planted
    assert value(reports, "rank_influence", "Who started it?") == planted
    lake = fresh(spark, home)
    first = lake.read("gold.cascade_starters").orderBy(F.desc("share_count")).first()
    assert first is not None
    assert first["id"] == planted
    verdicts = {row["topic"]: row["verdict"] for row in lake.read("gold.influence_verdicts").collect()}
    assert verdicts[f"what comes from {planted}"] == "influence"
    assert {verdicts[brand] for brand in samples.posts.BRANDS} == {"association"}
    seeds = lake.read("gold.influence_seeds").orderBy("rank").collect()
    assert seeds[0]["id"] == planted
    assert all(row["spread"] >= row["degree_spread"] - 3 * row["standard_error"] for row in seeds)


def test_the_communities_are_those_planted(spark: SparkSession, world: SmallWorld, told: Told) -> None:
    lake = fresh(spark, told[0])
    found = {row["id"]: row["community_id"] for row in lake.read("gold.communities").collect()}
    who, influencer = person(world), world.truth.influencer
    planted = {who[p]: n for p, n in world.truth.communities.items() if p != influencer and who[p] in found}
    pairs = [(group, found[id]) for id, group in planted.items()]
    assert adjusted_rand_score(*zip(*pairs, strict=True)) > 0.95
    profiles = lake.read("gold.community_profiles").collect()
    assert sum(row["member_count"] for row in profiles) == len(found)
    assert all(row["post_count"] and row["words"] and row["products"] for row in profiles)


def test_links_are_foretold_by_a_model_that_later_ones_judge(
    spark: SparkSession, told: Told, tmp_path: Path
) -> None:
    home, _, reports = told
    answer = reports["predict_links"].answer
    assert answer.metrics["people_roc_auc"] >= answer.metrics["people_foreseen_single_roc_auc"] - 0.02
    assert answer.metrics["people_roc_auc"] > 0.7
    links = fresh(spark, home).read("gold.links")
    assert links.where("kind = 'people' AND (src >= dst OR probability IS NULL)").isEmpty()
    assert links.where("kind = 'products' AND NOT startswith(dst, 'product:')").isEmpty()
    known = fresh(spark, home).read("gold.edges")
    assert links.join(known, ["src", "dst"], "left_semi").isEmpty()
    answer.models["links_people"](tmp_path / "model")
    assert predictor.load(tmp_path / "model", communities=lambda edges: edges).kind in predictor.MODELS


def test_who_objects_is_in_no_table_and_communities_keep_their_numbers(
    spark: SparkSession, world: SmallWorld, told: Told
) -> None:
    home, asked, _ = told
    lake = fresh(spark, home)
    gone = person(world)[str(world.truth.influencer)]
    word = {"subject_type": "person", "subject_id": gone, "purpose": "analytics", "status": "objected"}
    said = [{**word, "recorded_at": datetime(2026, 2, 1, tzinfo=UTC)}]
    lake.merge("silver.consents", lake.frame("silver.consents", said))
    before = communities(lake.read("gold.communities"))
    later = replace(asked, as_of="2026-02-04")
    again = {name: job.perform(name, fresh(spark, home), later) for name in commands.OF_TIES[:4]}
    assert again["gather_ties"].answer.rows_out == 0
    for name in (
        *job_tables("build_graph"),
        *job_tables("rank_influence"),
        *job_tables("detect_communities"),
    ):
        rows = fresh(spark, home).read(name).where("as_of = DATE'2026-02-04'")
        named = [column.name for column in tables.find(name).columns if column.type == "STRING"]
        assert rows.where(F.array_contains(F.array(*map(F.col, named)), gone)).isEmpty(), name
    now = communities(fresh(spark, home).read("gold.communities").where("as_of = DATE'2026-02-04'"))
    stayed = [id for id in now if now[id] == before.get(id)]
    assert len(stayed) > 0.9 * len(now)
    flows = fresh(spark, home).read("gold.community_flows")
    assert flows.where("fate = 'went_on' AND before = now").count() == len(set(now.values()))


def communities(rows: DataFrame) -> dict[str, int]:
    return {row["id"]: row["community_id"] for row in rows.collect()}


def job_tables(name: str) -> list[str]:
    """The tables that a job owns."""
    return [table.name for table in tables.CATALOGUE.values() if table.owner == name]
