"""The pictures of who is tied to whom: the network, a cascade, the reach of seeds, changing communities."""

from __future__ import annotations

from itertools import combinations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.patches import Circle, PathPatch
from pyspark.sql import SparkSession

from retinue.errors import RetinueError, SchemaMismatch
from retinue.plots import Picture, cascade_tree, community_flow, network_map, reach_curve, svg

VERTICES = pd.DataFrame(
    [
        ("bob", 7, 0.09, None),
        ("ann", 7, 0.36, "Ann B."),
        ("cat", 7, 0.04, None),
        ("dan", 2, 0.25, None),
        ("eve", 2, 0.04, None),
        ("far", None, 0.01, None),
    ],
    columns=["id", "community_id", "pagerank", "label"],
)
EDGES = pd.DataFrame(
    [
        ("bob", "ann", 2.0),
        ("ann", "bob", 1.0),
        ("cat", "ann", 1.0),
        ("dan", "ann", 5.0),
        ("eve", "dan", 1.0),
        ("dan", "dan", 9.0),
    ],
    columns=["src", "dst", "weight"],
)
MEMBERS = pd.DataFrame(
    [
        ("p4", "p1", 2, 300, "eve", 0),
        ("p0", None, 0, None, "ann", 6),
        ("p1", "p0", 1, 60, "bob", 3),
        ("p2", "p0", 1, 7200, "cat", 0),
        ("p3", "p1", 2, 600, "dan", 1),
        ("p5", "p3", 3, 30, None, 0),
        ("p6", "p0", 1, 120, "fay", 0),
    ],
    columns=["post_id", "parent_post_id", "depth", "delay_seconds", "profile_id", "passed_on_count"],
)
SEEDS = pd.DataFrame(
    [(2, "bob", 30.0, 1.0, 20.0), (1, "ann", 20.0, 0.5, 20.0), (4, "dan", 40.0, 2.0, 32.0)],
    columns=["rank", "id", "spread", "standard_error", "degree_spread"],
)
FLOWS = pd.DataFrame(
    [
        (1, 1, 50, 0.5, 1.0, "went_on"),
        (1, 4, 40, 0.4, 1.0, "split"),
        (1, None, 10, 0.1, None, "left"),
        (2, 2, 60, 1.0, 0.5, "went_on"),
        (3, 2, 30, 1.0, 0.25, "merged"),
        (None, 2, 30, None, 0.25, "joined"),
    ],
    columns=["before", "now", "member_count", "share_of_before", "share_of_now", "fate"],
)


def network(vertices: pd.DataFrame, **knobs) -> Picture:
    return network_map(vertices, EDGES, **knobs)


PICTURES = [
    (network, VERTICES, "pagerank"),
    (cascade_tree, MEMBERS, "passed_on_count"),
    (reach_curve, SEEDS, "degree_spread"),
    (community_flow, FLOWS, "fate"),
]


def written(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.texts]


def tips(picture: Picture) -> list[str]:
    return [mark.get_label() for mark in picture.artists if mark.get_gid()]


def boxes(picture: Picture) -> dict[str, tuple[float, float, float, float]]:
    """Each mark's tip with its left, top, width and height in pixels."""
    found = {}
    for mark in picture.artists:
        (left, low), (right, high) = mark.get_window_extent().get_points()
        if mark.get_gid():
            found[mark.get_label()] = (left, picture.bbox.height - high, right - left, high - low)
    return found


def dots(picture: Picture) -> dict[str, tuple[float, float]]:
    """The middle of each dot in pixels, y downwards, by the first words of its tip."""
    discs = [mark for mark in picture.artists if isinstance(mark, Circle) and mark.get_gid()]
    return {mark.get_label().split(":")[0]: mark.get_center() for mark in discs}


def ribbons(picture: Picture) -> list[tuple[str, float]]:
    """Each ribbon's tip and thickness: its outline starts at one upper corner and ends at the lower one."""
    outlines = [
        (mark.get_label(), mark.get_path().vertices)
        for mark in picture.artists
        if isinstance(mark, PathPatch) and mark.get_fill()
    ]
    return [(tip, outline[-2][1] - outline[0][1]) for tip, outline in outlines]


def assert_words_apart(picture: Picture) -> None:
    """No line of text covers another one, or leaves the picture."""
    lines = [text.get_window_extent() for text in picture.texts]
    assert all(line.x0 >= 0 and line.x1 <= picture.bbox.width for line in lines)
    assert all(line.y0 >= 0 and line.y1 <= picture.bbox.height for line in lines)
    shrunk = [line.padded(-2.5) for line in lines]
    assert not [pair for pair in combinations(shrunk, 2) if pair[0].overlaps(pair[1])]


def test_discs_are_as_large_as_influence_and_say_what_is_left_out() -> None:
    picture = network(VERTICES)
    assert written(picture)[1] == "6 of 6 vertices, by influence; 5 of 6 edges"
    discs = boxes(picture)
    ann = discs["Ann B.: influence 0.36, rank 1; community 7, 3 ties drawn"]
    dan = discs["dan: influence 0.25, rank 2; community 2, 2 ties drawn"]
    bob = discs["bob: influence 0.09, rank 3; community 7, 1 tie drawn"]
    assert [dan[2], bob[2]] == pytest.approx([ann[2] * 5 / 6, ann[2] * 3 / 6])
    assert ann[2] == pytest.approx(ann[3])
    assert "far: influence 0.01, rank 6; no community, 0 ties drawn" in discs
    lines = [tip for tip in tips(picture) if "–" in tip]
    assert lines == [  # the heaviest on top
        "dan – eve: weight 1",
        "Ann B. – cat: weight 1",
        "Ann B. – bob: weight 3",
        "Ann B. – dan: weight 5",
    ]
    few = network(VERTICES, limit=3, ties=1)
    assert written(few)[1] == "3 of 6 vertices, by influence; 1 of 6 edges, the heaviest"
    assert len(tips(few)) == 4


def test_communities_have_their_colours_and_are_told_by_who_leads_them() -> None:
    picture = network(VERTICES)
    colors = {mark.get_label()[:3]: mark.get_facecolor()[:3] for mark in picture.artists if mark.get_gid()}
    assert colors["bob"] == colors["cat"]
    assert len({colors[name] for name in ("bob", "eve", "far")}) == 3
    key = written(picture)[-8:]
    assert key == ["Ann B.", "3", "community 7", "dan", "2", "community 2", "all others", "1"]
    assert {"Ann B.", "dan", "bob"} <= set(written(picture)[2:-10])


def test_a_network_looks_the_same_whatever_the_order_of_its_rows() -> None:
    turned = network_map(VERTICES[::-1], EDGES.sample(frac=1, random_state=1))
    assert svg(turned) == svg(network(VERTICES))


def test_a_cascade_goes_right_a_step_at_a_time_its_largest_branch_on_top() -> None:
    picture = cascade_tree(MEMBERS)
    lines = written(picture)
    assert lines[1] == "7 posts, passed on over 3 steps"
    assert lines[2:13] == [
        *("Start", "1 post", "Step 1", "3 shares", "after 2 min", "Step 2", "2 shares", "after 7.5 min"),
        *("Step 3", "1 share", "after 30 s"),
    ]
    assert lines[13:] == ["ann", "6", "bob", "3", "dan"]
    own = dots(picture)
    (start, _), (one, _), (two, _), (three, _) = (own[name] for name in ("ann", "bob", "dan", "not known"))
    assert [two - one, three - two] == pytest.approx([one - start] * 2)
    assert own["bob"][1] < own["cat"][1] == own["fay"][1]
    assert own["cat"][0] < own["fay"][0]
    thick = ribbons(picture)
    ann, bob, dan = (tip for tip, _ in (thick[0], thick[1], thick[4]))
    assert ann == "ann: step 0; 6 shares from there"
    assert bob == "bob: step 1, after 60 s; 3 shares from there"
    assert dan == "dan: step 2, after 10 min; 1 share from there"
    whole = thick[0][1]
    assert thick[:3] == [
        (ann, whole),
        (bob, pytest.approx(whole * 4 / 6)),
        ("ann: 2 shares on no branch drawn", pytest.approx(whole * 2 / 6)),
    ]


def test_a_cascade_counts_what_it_does_not_draw() -> None:
    lines = written(cascade_tree(MEMBERS, limit=4))
    assert lines[1] == "7 posts, passed on over 3 steps; the 4 passed on most are drawn"
    assert lines[-6:] == ["+ 1", "ann", "6", "+ 2", "bob", "3"]
    alone = cascade_tree(MEMBERS, limit=1)
    assert written(alone)[1].startswith("7 posts, passed on over at least 1 step; the 1 passed on most")
    assert written(alone)[-3:] == ["+ 6", "ann", "6"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=90), st.integers(1, 60))
def test_every_post_is_a_dot_or_counted_and_no_words_meet(draws, limit) -> None:
    parents = [draw % (place + 1) for place, draw in enumerate(draws)]
    depth, below = [0], [0] * (len(parents) + 1)
    for parent in parents:
        depth.append(depth[parent] + 1)
    for place in range(len(parents), 0, -1):
        below[parents[place - 1]] += below[place] + 1
    members = pd.DataFrame(
        {
            "post_id": [f"p{place:03}" for place in range(len(below))],
            "parent_post_id": [None, *(f"p{parent:03}" for parent in parents)],
            "depth": depth,
            "delay_seconds": 60,
            "profile_id": [f"profile-{place:05}" for place in range(len(below))],
            "passed_on_count": below,
        }
    )
    picture = cascade_tree(members, limit=limit)
    drawn = [mark for mark in picture.artists if isinstance(mark, Circle)]
    assert len(drawn) == min(limit, len(members))
    assert len(drawn) + sum(int(line[2:]) for line in written(picture) if line[0] == "+") == len(members)
    assert_words_apart(picture)


def test_a_cascade_is_one() -> None:
    other = MEMBERS.assign(post_id="q" + MEMBERS["post_id"], parent_post_id=None)
    with pytest.raises(RetinueError, match="draws one cascade, and the frame has 2 or more, of posts p0 and"):
        cascade_tree(pd.concat([MEMBERS, other[1:2]]))


def test_a_chain_as_long_as_the_limit_is_drawn() -> None:
    posts = [f"p{place:03}" for place in range(300)]
    chain = pd.DataFrame(
        {
            "post_id": posts,
            "parent_post_id": [None, *posts[:-1]],
            "depth": range(300),
            "delay_seconds": 60,
            "profile_id": posts,
            "passed_on_count": range(299, -1, -1),
        }
    )
    picture = cascade_tree(chain, limit=300)
    assert written(picture)[1] == "300 posts, passed on over 299 steps"
    assert len({tip for tip in tips(picture) if " step " in tip}) == 300


def test_reach_rises_with_every_seed_beside_those_with_most_ties() -> None:
    picture = reach_curve(SEEDS)
    lines = written(picture)
    assert lines[1] == "4 seeds reach 40.0, 25% more than those with most ties; spreads from fresh sets"
    own = dots(picture)
    told = "1 seed", "2 seeds", "4 seeds"
    (x1, y1), (x2, y2), (x4, y4) = (own[name] for name in told)
    assert x4 - x2 == pytest.approx(2 * (x2 - x1))
    assert y1 - y2 == pytest.approx(y2 - y4)
    assert (
        "2 seeds: 30.0 reached (interval 28.0 to 32.0); bob adds 10.0; as many with most ties reach 20.0"
        in tips(picture)
    )
    assert lines[-8:] == ["Begin with", "adds", "1. ann", "20.0", "2. bob", "10.0", "4. dan", "10.0"]
    unknown = reach_curve(SEEDS.assign(degree_spread=None, standard_error=float("nan")))
    assert written(unknown)[1] == "4 seeds reach 40.0; spreads from fresh sets"
    assert "2 seeds: 30.0 reached; bob adds 10.0" in tips(unknown)
    assert written(reach_curve(SEEDS, limit=1))[1].startswith(
        "1 seed reaches 20.0, as many as those with most"
    )


def test_communities_stand_by_size_and_tell_what_became_of_them() -> None:
    picture = community_flow(FLOWS)
    lines = written(picture)
    assert lines[1] == "190 members before, 210 now; 61.1% of those in both went on together"
    assert lines[2:] == [
        *("Before", "Community 1", "100", "Community 2", "60", "Community 3", "30 · merged into 2"),
        *("joined", "30"),
        *("Now", "Community 1", "50 · −50%", "Community 4", "40 · split from 1"),
        *("Community 2", "120 · +100%", "left", "10"),
    ]
    bars = boxes(picture)
    heights = [
        bars[tip][3] for tip in ("Community 1: 100 members", "Community 2: 60 members", "joined: 30 members")
    ]
    assert heights == pytest.approx([heights[0], heights[0] * 0.6, heights[0] * 0.3])
    assert "Community 1 → Community 4: 40 members, 40.0% of the one and 100% of the other; split" in bars
    assert "Community 1 → left: 10 members" in bars
    assert len([tip for tip in bars if "→" in tip]) == len(FLOWS)


def test_a_community_keeps_its_colour() -> None:
    colors = {
        mark.get_label().split(" members")[0]: mark.get_facecolor()[:3]
        for mark in community_flow(FLOWS).artists
        if mark.get_gid()
    }
    assert colors["Community 1: 100"] == colors["Community 1: 50"]
    assert colors["Community 2: 60"] == colors["Community 2: 120"]
    assert len({colors[name] for name in ("Community 1: 50", "Community 2: 60", "Community 4: 40")}) == 3
    alone = community_flow(FLOWS[3:4])
    assert colors["Community 2: 60"] in [mark.get_facecolor()[:3] for mark in alone.artists if mark.get_gid()]


def test_small_communities_are_drawn_as_one() -> None:
    picture = community_flow(FLOWS, limit=1)
    lines = written(picture)
    assert lines[1] == written(community_flow(FLOWS))[1]
    assert lines[2:] == [
        *("Before", "Community 1", "100", "2 others", "90", "joined", "30"),
        *("Now", "Community 2", "120", "2 others", "90", "left", "10"),
    ]


def test_frames_of_spark_give_the_same_pictures(spark: SparkSession) -> None:
    def as_spark(rows: pd.DataFrame, schema: str):
        filled = rows.astype(object).where(rows.notna(), None).itertuples(index=False, name=None)
        return spark.createDataFrame(list(filled), schema)

    vertices = VERTICES.assign(community_id=VERTICES["community_id"].astype("Int64"))
    ranked = as_spark(vertices, "id string, community_id long, pagerank double, label string")
    ties = as_spark(EDGES, "src string, dst string, weight double")
    few = {"limit": 4, "ties": 2}
    assert svg(network_map(ranked, ties, **few)) == svg(network(VERTICES, **few))
    counts = "delay_seconds long, profile_id string, passed_on_count long"
    timed = MEMBERS.astype({"delay_seconds": "Int64"})
    members = as_spark(timed, f"post_id string, parent_post_id string, depth int, {counts}")
    assert svg(cascade_tree(members, limit=5)) == svg(cascade_tree(MEMBERS, limit=5))
    seeds = as_spark(SEEDS, "rank int, id string, spread double, standard_error double, degree_spread double")
    assert svg(reach_curve(seeds, limit=2)) == svg(reach_curve(SEEDS, limit=2))
    whole = FLOWS.astype({"before": "Int64", "now": "Int64"})
    shares = "share_of_before double, share_of_now double, fate string"
    flows = as_spark(whole, f"before long, now long, member_count long, {shares}")
    assert svg(community_flow(flows, limit=2)) == svg(community_flow(FLOWS, limit=2))


@pytest.mark.parametrize(("draw", "rows", "column"), PICTURES)
def test_no_rows_and_missing_columns_are_told(draw, rows, column) -> None:
    assert written(draw(rows[:0]))[-1] == "Nothing to draw yet"
    with pytest.raises(SchemaMismatch, match=f"needs the column {column}"):
        draw(rows.drop(columns=column))


def test_a_row_alone_is_drawn() -> None:
    alone = MEMBERS[1:2].assign(passed_on_count=0)
    lone = (
        network_map(VERTICES[:1], EDGES),
        cascade_tree(alone),
        reach_curve(SEEDS[:1]),
        community_flow(FLOWS[:1]),
    )
    assert all("<svg" in svg(picture) for picture in lone)


@pytest.mark.parametrize("label", ["W" * 300, "many words " * 60, "日本語" * 99, "z\u0301\u0302\u0303" * 99])
@pytest.mark.filterwarnings("ignore:Glyph")
def test_no_line_covers_another_or_leaves_the_picture(label) -> None:
    names = [label + str(place) for place in range(30)] + [str(place) + label for place in range(30)]
    vertices = pd.DataFrame(
        {"id": names, "community_id": names[:10] * 6, "pagerank": [1 / (2 + place) for place in range(60)]}
    )
    ties = pd.DataFrame({"src": names, "dst": names[7:] + names[:7], "weight": 10**9})
    members = pd.DataFrame(
        {
            "post_id": [f"p{place:02}" for place in range(60)],
            "parent_post_id": [None, *(f"p{place // 3:02}" for place in range(59))],
            "profile_id": names,
            "delay_seconds": 10**9,
        }
    )
    members["depth"] = [0, *(1 + (place > 2) + (place > 11) + (place > 38) for place in range(59))]
    members["passed_on_count"] = [descendants(place) for place in range(60)]
    seeds = pd.DataFrame(
        {
            "rank": range(1, 61),
            "id": names,
            "spread": [10**9 * place**0.5 for place in range(1, 61)],
            "standard_error": 10**7,
            "degree_spread": [9 * 10**8 * place**0.5 for place in range(1, 61)],
        }
    )
    flows = pd.DataFrame(
        {"before": names, "now": names[::-1], "member_count": range(1, 61), "fate": ["merged", "split"] * 30}
    )
    for picture in (
        network_map(vertices, ties),
        cascade_tree(members),
        cascade_tree(members, limit=20),
        reach_curve(seeds),
        reach_curve(seeds[:5]),
        community_flow(flows),
    ):
        assert_words_apart(picture)


def descendants(place: int) -> int:
    """How many hang on a place of the tree of 60 in which each place has three children."""
    below = [child for child in range(3 * place + 1, 3 * place + 4) if child < 60]
    return len(below) + sum(map(descendants, below))
