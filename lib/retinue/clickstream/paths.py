"""The ways through a site: top paths, the tree they form, transitions, the ways to and from one step."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retinue.clickstream.predicates import PURCHASE, holds
from retinue.errors import RetinueError
from retinue.schema import quoted, require

ENTRY, EXIT, OTHER = "(entry)", "(exit)", "(other)"


def session_paths(
    sessionized: DataFrame,
    *,
    of: str = "page",
    collapse: bool = True,
    visitor: str = "visitor_id",
    conversion: str | Column | None = None,
) -> DataFrame:
    """The path of each session: its values of `of` in order of event_index; a null is no step.

    With `collapse` a step that repeats the one before it (nulls between them aside) is left out: a page
    loaded twice is one step. Heartbeats are rows like others; with `collapse=False` drop them before.

    In: what sessionize adds, `visitor`, `of` (any type that casts to string). `conversion` is a predicate,
    as SQL or a Column; by default event_type is purchase, and unknown (null) in a frame without event_type.

    Out, a row a session that has a step: `visitor`, session_id, path (array<string>), is_converted
    (boolean: the predicate held on some row of the session, step or not).

    One shuffle by visitor and session, none where the rows already lie by visitor.
    Raises SchemaMismatch.
    """
    require(sessionized, [visitor, "session_id", "event_index", of], what="a path")
    in_order = F.struct("event_index", F.col(quoted(of)).cast("string").alias("step"))
    path = F.sort_array(F.collect_list(F.when(F.col(quoted(of)).isNotNull(), in_order)))["step"]
    sessions = (
        sessionized.where(F.col("session_id").isNotNull())
        .groupBy(quoted(visitor), "session_id")
        .agg(
            path.alias("path"),
            F.bool_or(_conversion(sessionized, conversion)).alias("is_converted"),
            F.count(quoted(of)).alias("_step_count"),
        )
        .where("_step_count > 0")
        .drop("_step_count")
    )
    return sessions.withColumn("path", _without_repeats(F.col("path"))) if collapse else sessions


def top_paths(
    sessionized: DataFrame,
    *,
    of: str = "page",
    length: int = 5,
    limit: int = 20,
    collapse: bool = True,
    visitor: str = "visitor_id",
    conversion: str | Column | None = None,
) -> DataFrame:
    """The `limit` commonest ways to begin: the first `length` steps of every session, a shorter one whole.

    Every session with a step counts once, so the shares of all paths sum to 1. What a step is, `collapse`
    and `conversion`: see session_paths.

    Out, the commonest first, ties by path: path (array<string>), length (its steps, at most `length`),
    session_count, visitor_count (distinct), share (of the sessions with a step), conversion_count (sessions
    of the path that converted, at whatever step), conversion_rate (of the path's sessions).

    Raises SchemaMismatch; RetinueError where `length` or `limit` is below 1.
    """
    refuse_below_one(length=length, limit=limit)
    sessions = session_paths(sessionized, of=of, collapse=collapse, visitor=visitor, conversion=conversion)
    return _commonest(sessions.withColumn("path", F.slice("path", 1, length)), visitor, limit)


def paths_from(
    sessionized: DataFrame,
    *,
    anchor: object,
    of: str = "page",
    length: int = 5,
    limit: int = 20,
    collapse: bool = True,
    visitor: str = "visitor_id",
    conversion: str | Column | None = None,
) -> DataFrame:
    """The commonest ways on from the step `anchor`: it, where a session first has it, and what follows.

    `anchor` is a value of `of`. A path has at most `length` steps, the anchor its first. A session counts
    once, one without the anchor not at all: share is of the sessions that have it. Columns, order and errors
    are those of top_paths.
    """
    refuse_below_one(length=length, limit=limit)
    sessions = session_paths(sessionized, of=of, collapse=collapse, visitor=visitor, conversion=conversion)
    place = _place(sessionized, of, anchor)
    return _through(sessions, place, F.slice("path", place, F.lit(length)), visitor, limit)


def paths_to(
    sessionized: DataFrame,
    *,
    anchor: object,
    of: str = "page",
    length: int = 5,
    limit: int = 20,
    collapse: bool = True,
    visitor: str = "visitor_id",
    conversion: str | Column | None = None,
) -> DataFrame:
    """The commonest ways to the step `anchor`: it, where a session first has it, and what led there.

    `anchor` is a value of `of`. A path has at most `length` steps, the anchor its last. A session counts
    once, one without the anchor not at all: share is of the sessions that have it. Columns, order and errors
    are those of top_paths.
    """
    refuse_below_one(length=length, limit=limit)
    sessions = session_paths(sessionized, of=of, collapse=collapse, visitor=visitor, conversion=conversion)
    place = _place(sessionized, of, anchor)
    leading = F.slice("path", F.greatest(place - length + 1, F.lit(1)), F.least(place, F.lit(length)))
    return _through(sessions, place, leading, visitor, limit)


def transitions(
    sessionized: DataFrame,
    *,
    of: str = "page",
    collapse: bool = True,
    visitor: str = "visitor_id",
) -> DataFrame:
    """How often each step was followed by each other one, the way in and the way out being steps too.

    A session of n steps makes n + 1 transitions: from "(entry)" to its first step, between neighbours, and
    from its last to "(exit)"; a session without a step makes none. See session_paths for what a step is.

    Out, a row a pair that occurs: from_step, to_step (string), transition_count, share (of all transitions
    from from_step: the probability of to_step given it).

    Raises SchemaMismatch.
    """
    moves = _moves(session_paths(sessionized, of=of, collapse=collapse, visitor=visitor))
    leaving = F.sum("transition_count").over(Window.partitionBy("from_step"))
    return (
        moves.groupBy("from_step", "to_step")
        .agg(F.count("*").alias("transition_count"))
        .withColumn("share", F.col("transition_count") / leaving)
    )


def transitions_by_step(
    sessionized: DataFrame,
    *,
    of: str = "page",
    steps: int = 8,
    collapse: bool = True,
    visitor: str = "visitor_id",
) -> DataFrame:
    """The transitions one after the other: the first of every session, the second, up to number `steps`.

    The first goes from "(entry)" to the first step, the last of a session to "(exit)", as in transitions.

    Out, a row a number and pair that occurs: step_index (int, the transition's number, from 1 to `steps`),
    from_step, to_step (string), transition_count, share (of the transitions of that number from from_step:
    the probability of to_step given it).

    Raises SchemaMismatch; RetinueError where `steps` is below 1.
    """
    refuse_below_one(steps=steps)
    moves = _moves(session_paths(sessionized, of=of, collapse=collapse, visitor=visitor))
    leaving = F.sum("transition_count").over(Window.partitionBy("step_index", "from_step"))
    return (
        moves.where(F.col("step_index") <= steps)
        .groupBy("step_index", "from_step", "to_step")
        .agg(F.count("*").alias("transition_count"))
        .withColumn("share", F.col("transition_count") / leaving)
    )


def step_matrix(
    sessionized: DataFrame,
    *,
    of: str = "page",
    steps: int = 8,
    limit: int = 10,
    collapse: bool = True,
    visitor: str = "visitor_id",
) -> DataFrame:
    """Where the sessions stand at their first, second, third step: at which, or already gone.

    A session of n steps stands at "(exit)" from place n + 1 on, so that the shares of every place sum to 1.
    The `limit` steps with most sessions in all these places keep their name, ties by name; all the others
    together are "(other)". See session_paths for what a step is.

    Out, a row a place and step that a session stands at: step_index (int, the place, from 1 to `steps`), step
    (string), session_count, share (of all sessions with a step).

    Raises SchemaMismatch; RetinueError where `steps` or `limit` is below 1.
    """
    refuse_below_one(steps=steps, limit=limit)
    sessions = session_paths(sessionized, of=of, collapse=collapse, visitor=visitor)
    to_the_end = F.concat("path", F.array_repeat(F.lit(EXIT), steps))
    standing = sessions.select(F.posexplode(F.slice(to_the_end, 1, steps)).alias("place", "step"))
    named = F.when((F.col("rank") <= limit) | (F.col("step") == EXIT), F.col("step")).otherwise(OTHER)
    return (
        _ranked(standing.groupBy("place", "step").agg(F.count("*").alias("session_count")))
        .groupBy((F.col("place") + 1).alias("step_index"), named.alias("step"))
        .agg(F.sum("session_count").alias("session_count"))
        .withColumn(
            "share", F.col("session_count") / F.sum("session_count").over(Window.partitionBy("step_index"))
        )
    )


def path_tree(
    sessionized: DataFrame,
    *,
    of: str = "page",
    depth: int = 5,
    collapse: bool = True,
    visitor: str = "visitor_id",
    conversion: str | Column | None = None,
) -> DataFrame:
    """The prefix tree of all sessions: a row for every beginning of 1 to `depth` steps that some session has.

    The way out is a step too: where sessions end before `depth`, the tree has a leaf "(exit)". So the
    children of a row above `depth` hold all of its sessions.

    Out: path (array<string>), depth (its steps), step (the last of them), parent (the path without it;
    empty at depth 1), session_count (sessions that begin so), share (of all sessions with a step),
    share_of_parent (of the sessions that begin like the parent), conversion_count, conversion_rate.

    Reads its input twice, the second time for the number of sessions alone.
    Raises SchemaMismatch; RetinueError where `depth` is below 1.
    """
    refuse_below_one(depth=depth)
    sessions = session_paths(sessionized, of=of, collapse=collapse, visitor=visitor, conversion=conversion)
    total = sessions.agg(F.count("*").alias("_all"))
    counted, size = F.col("session_count"), F.size("path")
    return (
        _prefixes(sessions, depth)
        .withColumn("parent", F.slice("path", F.lit(1), size - 1))
        .crossJoin(F.broadcast(total))
        .select(
            "path",
            size.alias("depth"),
            F.element_at("path", -1).alias("step"),
            "parent",
            "session_count",
            (counted / F.col("_all")).alias("share"),
            (counted / F.sum(counted).over(Window.partitionBy("parent"))).alias("share_of_parent"),
            "conversion_count",
            (F.col("conversion_count") / counted).alias("conversion_rate"),
        )
    )


def _conversion(sessionized: DataFrame, conversion: str | Column | None) -> Column:
    if conversion is None and "event_type" not in sessionized.columns:
        return F.lit(None).cast("boolean")
    return holds(PURCHASE if conversion is None else conversion)


def _place(sessionized: DataFrame, of: str, anchor: object) -> Column:
    """Where a path first has the anchor, a value of `of`, from 1; 0 where it has not."""
    step = F.lit(anchor).try_cast(sessionized.schema[of].dataType).cast("string")
    return F.array_position("path", step)


def _through(sessions: DataFrame, place: Column, way: Column, visitor: str, limit: int) -> DataFrame:
    meeting = sessions.where(place > 0)
    return _commonest(meeting.withColumn("path", way), visitor, limit)


def _without_repeats(path: Column) -> Column:
    return F.filter(path, lambda step, at: (at == 0) | (step != F.get(path, at - 1)))


def _moves(sessions: DataFrame) -> DataFrame:
    """A row for every transition of every session: step_index (from 1), from_step, to_step."""
    before = F.concat(F.array(F.lit(ENTRY)), "path").alias("from_step")
    after = F.concat("path", F.array(F.lit(EXIT))).alias("to_step")
    return sessions.select(F.posexplode(F.arrays_zip(before, after)).alias("place", "move")).select(
        (F.col("place") + 1).alias("step_index"), "move.from_step", "move.to_step"
    )


def _commonest(sessions: DataFrame, visitor: str, limit: int) -> DataFrame:
    counted = sessions.rollup("path").agg(
        F.count("*").alias("session_count"),
        F.count_distinct(quoted(visitor)).alias("visitor_count"),
        F.sum(F.col("is_converted").cast("bigint")).alias("conversion_count"),
    )
    is_path = F.col("path").isNotNull()  # the rollup's row without a path counts all sessions
    best = counted.orderBy(is_path, F.desc("session_count"), "path").limit(limit + 1)
    return (
        best.groupBy()
        .agg(
            F.max(F.when(~is_path, F.col("session_count"))).alias("_all"),
            F.collect_list(F.when(is_path, F.struct(*counted.columns))).alias("_paths"),
        )
        .select("_all", F.inline("_paths"))
        .select(
            "path",
            F.size("path").alias("length"),
            "session_count",
            "visitor_count",
            (F.col("session_count") / F.col("_all")).alias("share"),
            "conversion_count",
            (F.col("conversion_count") / F.col("session_count")).alias("conversion_rate"),
        )
        .orderBy(F.desc("session_count"), "path")
    )


def _ranked(counts: DataFrame) -> DataFrame:
    """Add the rank of each row's step by all of its sessions, from 1; the way out has a rank of its own.

    The ranking goes through one task, which sees the counts of the steps alone.
    """
    total = F.sum("session_count").over(Window.partitionBy("step"))
    by_size = Window.partitionBy(F.col("step") == EXIT).orderBy(F.desc("total"), "step")
    return counts.withColumn("total", total).withColumn("rank", F.dense_rank().over(by_size))


def _prefixes(sessions: DataFrame, depth: int) -> DataFrame:
    steps = F.slice(F.concat("path", F.array(F.lit(EXIT))), 1, depth).alias("steps")
    upto = F.explode(F.sequence(F.lit(1), F.size("steps"))).alias("upto")
    return (
        sessions.select("is_converted", steps)
        .select("is_converted", "steps", upto)
        .groupBy(F.slice("steps", F.lit(1), F.col("upto")).alias("path"))
        .agg(
            F.count("*").alias("session_count"),
            F.sum(F.col("is_converted").cast("bigint")).alias("conversion_count"),
        )
    )


def refuse_below_one(**numbers: int) -> None:
    """Stop where one of the named numbers is below 1. Raises RetinueError."""
    for name, number in numbers.items():
        if number < 1:
            raise RetinueError(f"{name} is {number}; it must be 1 or more")
