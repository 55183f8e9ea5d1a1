"""How did it travel? A post, all who passed it on, and who passed it on from them, step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from retinue.errors import RetinueError
from retinue.plots import labels
from retinue.plots.picture import Picture, nothing
from retinue.plots.rows import Rows, first, is_null, medians
from retinue.plots.style import LIGHT

__all__ = ["cascade_tree"]

TITLE = "How did it travel?"
COLUMNS = ["post_id", "parent_post_id", "depth", "delay_seconds", "profile_id", "passed_on_count"]
NARROW, BROAD, STEP = 720, 1_080, 150  # pixels: the picture's width, as broad steps as it allows
MARGIN, HEAD, LEAST = 2, 62, 110  # pixels; LEAST that the tree is high
HEADED, NAMED, COUNTED = 100, 40, 12  # the least room for words above a step, a name, a count in a line
MOST_NAMED = 24
BRANCH, TWIG, CELL, MORE, GAP = 24, 10, 9, 13, 5  # heights: with a name, without, of a dot, a count, between
THIN, THICK, PALE = 1.5, 32, 0.4  # the least of a line, all that is passed on; how faint lines are
FAN = 22  # pixels before a step where its lines part
LARGEST, DOT = 9, 3.5  # radii
LEANING = 4  # how far below the middle a line lies, to leave room for its name
NOT_KNOWN = "not known"


@dataclass
class _Post:
    """A member of the cascade; `branches` are its shares of which shares are drawn, `ends` the others."""

    id: Any
    parent: Any
    depth: int
    delay: Any
    name: str
    passed_on: int
    branches: list[_Post] = field(default_factory=list)
    ends: list[_Post] = field(default_factory=list)
    y: float = 0
    crowd_y: float = 0  # of the top of its ends

    @property
    def drawn(self) -> list[_Post]:
        """Its shares that are drawn."""
        return [*self.branches, *self.ends]

    @property
    def more(self) -> int:
        """How many below it are not drawn and not below a branch."""
        below = sum(branch.passed_on + 1 for branch in self.branches)
        return self.passed_on - below - len(self.ends)

    @property
    def tip(self) -> str:
        after = "" if is_null(self.delay) else f", after {labels.duration(float(self.delay))}"
        onward = f"; {labels.amount(self.passed_on, 'share')} from there" if self.passed_on else ""
        return f"{self.name}: step {self.depth}{after}{onward}"


def cascade_tree(members: Rows, *, limit: int = 200) -> Picture:
    """Draw one cascade from its first post to the right, a step each time it was passed on.

    `members` has the rows of one cascade that `shares.members` gives: `post_id`, `parent_post_id` (null at
    the root), `depth`, `delay_seconds`, `profile_id`, `passed_on_count`. The `limit` posts that most were
    passed on from are drawn, ties by depth and post_id, so that with a post all above it are; how many more
    there are stands where they would be. Lines are as thick as what went through them, the largest branches
    on top; above each step are the posts of it and their median delay. From a Spark frame at most `limit`
    rows and `limit` + 1 steps are collected, by Spark jobs. Raises SchemaMismatch, and RetinueError where
    there is more than one root.
    """
    rows = first(
        members,
        columns=COLUMNS,
        limit=limit,
        what="cascade_tree",
        by=["passed_on_count", "depth", "post_id"],
        ascending=[False, True, True],
    )
    posts = _grown([_post(*row) for row in rows if not is_null(row[0])])
    if not posts:
        return nothing(title=TITLE, note="Nobody passed it on.")
    steps = medians(members, key="depth", value="delay_seconds", limit=limit + 1, what="cascade_tree")
    there, last = posts[0].passed_on + 1, int(max(steps))
    far = ("at least " if len(steps) > limit else "") + labels.amount(last, "step")
    note = f"{labels.amount(there, 'post')}, passed on over {far}"
    if len(posts) < there:
        note += f"; the {labels.count(len(posts))} passed on most are drawn"
    return _draw(posts, steps, note=note)


def _post(id: Any, parent: Any, depth: int, delay: Any, profile: Any, passed_on: int) -> _Post:
    above = None if is_null(parent) else parent
    name = NOT_KNOWN if is_null(profile) else labels.clean(profile)
    return _Post(id, above, int(depth), delay, name, int(passed_on))


def _grown(posts: list[_Post]) -> list[_Post]:
    """The posts of the tree, each before its shares, which it knows from now on."""
    roots = [post for post in posts if post.parent is None]
    if len(roots) > 1:
        raise RetinueError(
            f"cascade_tree draws one cascade, and the frame has {len(roots)} or more, of posts "
            f"{roots[0].id} and {roots[1].id}: choose one by network and root_post_id"
        )
    tree = {root.id: root for root in roots}
    for post in posts:
        if post.parent in tree:
            tree[post.id] = post
            tree[post.parent].ends.append(post)
    for post in tree.values():
        post.branches = [share for share in post.ends if share.ends or share.branches]
        post.ends = [share for share in post.ends if not (share.ends or share.branches)]
    return list(tree.values())


@dataclass(frozen=True)
class _Ground:
    """How broad a step is, how much is passed on in all, and which posts have room for a name."""

    pitch: float
    total: int
    named: frozenset[Any]

    @property
    def trunk(self) -> float:
        """How far the shares of a post go together."""
        return self.pitch - min(FAN, 0.4 * self.pitch)

    @property
    def abreast(self) -> int:
        """How many small dots stand in a row."""
        return max(1, int((self.pitch - GAP) / CELL))

    def x(self, depth: int) -> float:
        """Where the posts of a step stand."""
        return MARGIN + LARGEST + depth * self.pitch

    def thick(self, posts: int) -> float:
        """How thick a line is through which so many posts came."""
        return max(THIN, THICK * posts / max(self.total, 1))

    def radius(self, post: _Post) -> float:
        """Of the dot of a post that others hang on, as large as what was passed on from it."""
        return max(LARGEST * math.sqrt(post.passed_on / max(self.total, 1)), DOT + 1)

    def crowd(self, post: _Post) -> float:
        """The height of the dots of its ends, and of how many are not drawn."""
        rows = math.ceil(len(post.ends) / self.abreast)
        if not post.more:
            return CELL * rows
        return max(CELL * rows, MORE) if self.more(post)[0] else CELL * rows + MORE

    def more(self, post: _Post) -> tuple[float, str]:
        """How far right of the first dot stands what is told of those not drawn, 0 on a line of its own."""
        told = f"+ {labels.count(post.more)}"
        last = len(post.ends) % self.abreast
        room = self.pitch - GAP - last * CELL
        return (last * CELL if last and labels.width(told, size=10.5) <= room else 0), told

    def parts(self, post: _Post, heights: dict[Any, float]) -> list[float]:
        """The heights of what hangs on a post, from the top down."""
        crowd = [self.crowd(post)] if post.ends or post.more else []
        return [heights[branch.id] for branch in post.branches] + crowd

    def height(self, post: _Post, parts: list[float]) -> float:
        """What a post and all that hangs on it take."""
        around_line = BRANCH if post.id in self.named else TWIG
        return max(self.thick(post.passed_on) + around_line, _stacked(parts))

    def placed(self, posts: list[_Post]) -> float:
        """Put each post in the middle of what hangs on it; returns the height of the whole tree."""
        heights = dict[Any, float]()
        for post in reversed(posts):
            heights[post.id] = self.height(post, self.parts(post, heights))
        root = posts[0]
        tops = {root.id: HEAD + max(0.0, (LEAST - heights[root.id]) / 2)}
        for post in posts:
            if post.id not in tops:
                continue  # it stands among the ends of another
            post.y = tops[post.id] + heights[post.id] / 2 + LEANING * (post.id in self.named)
            parts = self.parts(post, heights)
            lowest = tops[post.id] + heights[post.id] - _stacked(parts)
            top = min(post.y - _stacked(parts) / 2, lowest)
            for branch, part in zip(post.branches, parts, strict=False):
                tops[branch.id] = top
                top += part + GAP
            post.crowd_y = top
        return HEAD + max(LEAST, heights[root.id])


def _stacked(parts: list[float]) -> float:
    return sum(parts) + GAP * max(0, len(parts) - 1)


def _draw(posts: list[_Post], steps: dict[Any, tuple[int, float | None]], *, note: str) -> Picture:
    columns = max(2, 1 + max(post.depth for post in posts))
    width = min(max(columns * STEP, NARROW), BROAD)
    pitch = (width - 2 * MARGIN - LARGEST) / columns
    branches = [post for post in posts if post.drawn or post is posts[0]]
    named = branches[:MOST_NAMED] if pitch - FAN - LARGEST > NAMED else []
    ground = _Ground(pitch, posts[0].passed_on, frozenset(post.id for post in named))
    picture = Picture(title=TITLE, note=note, width=width, height=ground.placed(posts) + MARGIN)
    _write_steps(picture, ground, steps, columns)
    for post in branches:
        _draw_lines(picture, ground, post)
    for post in branches:
        _draw_ends(picture, ground, post)
        color = LIGHT["orange" if post is posts[0] else "blue"]
        picture.dot(ground.x(post.depth), post.y, ground.radius(post), color=color, tip=post.tip)
        if post.id in ground.named:
            _write_name(picture, ground, post)
    return picture


def _write_steps(
    picture: Picture, ground: _Ground, steps: dict[Any, tuple[int, float | None]], columns: int
) -> None:
    """Above each step that has room for it which it is, how many posts are of it, and how soon they came."""
    every = math.ceil(HEADED / ground.pitch)
    for depth in range(0, columns, every):
        if depth not in steps:
            continue
        posts, delay = steps[depth]
        x, room = ground.x(depth) - LARGEST, every * ground.pitch - 6
        picture.write(x, 8, f"Step {depth}" if depth else "Start", bold=True)
        told = labels.amount(posts, "share") if depth else labels.amount(posts, "post")
        picture.write(x, 24, labels.fit(told, room=room, size=11), size=11)
        if delay is not None:
            after = labels.fit(f"after {labels.duration(delay)}", room=room, size=11)
            picture.write(x, 39, after, size=11, color=LIGHT["muted"])


def _draw_lines(picture: Picture, ground: _Ground, post: _Post) -> None:
    """From a post to its shares: together at first, then to each branch, and to all its ends."""
    if not post.passed_on:
        return
    x, thick = ground.x(post.depth), ground.thick(post.passed_on)
    parting, upper = x + ground.trunk, post.y - thick / 2
    picture.ribbon((x, upper), (parting, upper), thick, color=LIGHT["blue"], tip=post.tip, alpha=PALE)
    beyond = ground.x(post.depth + 1)
    for branch in post.branches:
        part = ground.thick(branch.passed_on + 1)
        end = beyond, branch.y - part / 2
        picture.ribbon((parting, upper), end, part, color=LIGHT["blue"], tip=branch.tip, alpha=PALE)
        upper += thick * (branch.passed_on + 1) / post.passed_on  # a line may be thicker than its part
    others = len(post.ends) + post.more
    if others:
        part = ground.thick(others)
        end = beyond - DOT, post.crowd_y + (ground.crowd(post) - part) / 2
        tip = f"{post.name}: {labels.amount(others, 'share')} on no branch drawn"
        picture.ribbon((parting, upper), end, part, color=LIGHT["rest"], tip=tip, alpha=PALE)


def _draw_ends(picture: Picture, ground: _Ground, post: _Post) -> None:
    left = ground.x(post.depth + 1)
    for place, end in enumerate(post.ends):
        row, column = divmod(place, ground.abreast)
        x, y = left + column * CELL, post.crowd_y + (row + 0.5) * CELL
        color = LIGHT["blue" if end.passed_on else "rest"]
        picture.dot(x, y, DOT, color=color, tip=end.tip)
    if post.more:
        right, told = ground.more(post)
        bottom = post.crowd_y + ground.crowd(post)
        y = bottom - (CELL if right else MORE) / 2
        told = labels.fit(told, room=ground.pitch, size=10.5)
        picture.write(left + right - DOT, y, told, size=10.5, color=LIGHT["muted"])


def _write_name(picture: Picture, ground: _Ground, post: _Post) -> None:
    """Who posted it above its line, and in a thick one how many came through."""
    aside, thick = ground.radius(post) + 2, ground.thick(post.passed_on)
    x, room = ground.x(post.depth) + aside, ground.trunk - aside
    picture.write(x, post.y - thick / 2 - 7, labels.fit(post.name, room=room, size=11), size=11, part="halo")
    if thick >= COUNTED:
        told = labels.fit(labels.count(post.passed_on), room=room, size=11)
        picture.write(x, post.y, told, size=11, bold=True, part="halo")
