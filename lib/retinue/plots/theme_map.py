"""What do people talk about? Topics as areas of their share, in the colour of their mood."""

from __future__ import annotations

from typing import Any, NamedTuple

from retinue.plots import labels, mood
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first, is_null
from retinue.plots.treemap import Box, squarified

__all__ = ["theme_map"]

TITLE = "What do people talk about?"
COLUMNS = ["topic_id", "label", "words", "share", "coherence", "mean_compound"]
WIDTH, HEIGHT, FOOT, MARGIN, PAD, STRIP = 720, 420, 26, 2, 11, 5  # pixels
SIZES = ((24, 14), (17, 12), (13, 11))  # of a name and of what stands below it, by the room


class _Topic(NamedTuple):
    name: str
    words: list[str]
    share: float
    coherence: Any
    compound: Any

    @property
    def tip(self) -> str:
        parts = [f"{self.name}: {labels.share(self.share, 1)} of the posts", mood.told(self.compound)]
        parts += [] if is_null(self.coherence) else [f"coherence {self.coherence:.2f}"]
        return "; ".join([*parts, ", ".join(self.words)])


def theme_map(topics: Rows, *, limit: int = 24) -> Picture:
    """Draw the `limit` topics of the largest share as boxes as large as they are, ties by topic_id.

    `topics` has a row a topic: `topic_id`, `label`, `words` (array<string>, the most telling first), `share`
    (of the posts, 0 to 1), `coherence` (double) and `mean_compound` (-1 to 1): blue is a good mood,
    vermillion a bad one, each the stronger up to 0.5, and grey one that is not known. A topic without a label
    is called by its first words. From a Spark frame at most `limit` rows are collected, by a Spark job.
    Raises SchemaMismatch.
    """
    rows = first(
        topics,
        columns=COLUMNS,
        limit=limit,
        what="theme_map",
        by=["share", "topic_id"],
        ascending=[False, True],
    )
    shown = [_topic(row) for row in rows if not is_null(row[3]) and row[3] > 0]
    if not shown:
        return nothing(title=TITLE, note="No post has a topic.")
    covered = min(1.0, sum(topic.share for topic in shown))
    note = (
        f"{labels.amount(len(shown), 'topic')} in {labels.share(covered, 1)} of the posts, by share and mood"
    )
    picture = Picture(title=TITLE, note=note, width=WIDTH, height=HEIGHT + FOOT)
    room = (MARGIN, 0, WIDTH - 2 * MARGIN, HEIGHT)
    for topic, box in zip(shown, squarified([topic.share for topic in shown], room), strict=True):
        _draw_topic(picture, topic, box)
    mood.draw_key(picture, right=WIDTH - MARGIN, y=HEIGHT + FOOT - 10)
    return picture


def _topic(row: tuple[Any, ...]) -> _Topic:
    _, label, words, share, coherence, compound = row
    said = [] if words is None or isinstance(words, float) else [labels.clean(word) for word in words]
    name = ", ".join(said[:3]) if is_null(label) or not str(label).strip() else label
    return _Topic(labels.clean(name), said, share, coherence, compound)


def _draw_topic(picture: Picture, topic: _Topic, box: Box) -> None:
    x, y, width, height = box[0] + 1, box[1] + 1, box[2] - 2, box[3] - 2
    color, strength = mood.color(topic.compound), mood.strength(topic.compound)
    picture.block(x, y, width, height, color=color, alpha=0.1 + 0.4 * strength, tip=topic.tip)
    picture.block(x, y, min(STRIP, width), height, color=color, alpha=0.25 + 0.75 * strength)
    _write_topic(picture, topic, x + PAD + STRIP / 2, y, width - 2 * PAD, height)


def _write_topic(picture: Picture, topic: _Topic, x: float, y: float, width: float, height: float) -> None:
    """Its name, its share and mood, its words: as many lines as have room, none where its name has none."""
    fitting = (sizes for sizes in SIZES if width > 11 * sizes[0] and height > 6 * sizes[0])
    large, small = next(fitting, SIZES[-1])
    if width < 4 * large or height < large + 6:
        return
    names = labels.wrap(topic.name, room=width, size=large, lines=2 if height > 5 * large else 1)
    figures = f"{labels.share(topic.share, 1)} · {mood.told(topic.compound)}"
    if labels.width(figures, size=small) > width:
        figures = labels.share(topic.share, 1)
    middle = y + min(9 + large / 2, height / 2)
    for line in names:
        picture.write(x, middle, line, size=large, bold=True)
        middle += 1.25 * large
    room = int((y + height - middle - 4) / small / 1.4)
    words = labels.wrap(", ".join(topic.words), room=width, size=small, lines=room - 1) if room > 1 else []
    for line in [figures, *words][: max(room, 0)]:
        picture.write(x, middle, line, size=small)
        middle += (1.7 if line == figures else 1.4) * small
