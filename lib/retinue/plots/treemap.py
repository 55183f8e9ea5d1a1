"""A box filled with boxes as large as their shares and as square as can be, side by side."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Box", "squarified"]

Box = tuple[float, float, float, float]


def squarified(sizes: Sequence[float], box: Box) -> list[Box]:
    """Boxes (x, y, width, height) that fill `box`, each as large as its part of the sizes.

    The sizes are positive and descend. Rows are laid along the shorter side, each as long as it makes its
    boxes squarer. Source: Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).
    """
    _, _, width, height = box
    unit = width * height / sum(sizes) if sizes else 0
    areas, placed = [size * unit for size in sizes], list[Box]()
    while areas:
        row = _row(areas, min(box[2:]))
        laid, box = _laid(row, box)
        placed += laid
        areas = areas[len(row) :]
    return placed


def _row(areas: list[float], side: float) -> list[float]:
    """As many of the areas, from the first, as make a row along this side squarer."""
    count = 1
    while count < len(areas) and _worst(areas[: count + 1], side) <= _worst(areas[:count], side):
        count += 1
    return areas[:count]


def _worst(row: list[float], side: float) -> float:
    """The longer side by the shorter of the least square box."""
    deep = sum(row) / side
    return max(max(area / deep**2, deep**2 / area) for area in row)


def _laid(row: list[float], box: Box) -> tuple[list[Box], Box]:
    """The row's boxes along the shorter side of the box, and what is left of it."""
    x, y, width, height = box
    deep, laid = sum(row) / min(width, height), list[Box]()
    if width >= height:
        for area in row:
            laid.append((x, y, deep, area / deep))
            y += area / deep
        return laid, (x + deep, box[1], width - deep, height)
    for area in row:
        laid.append((x, y, area / deep, deep))
        x += area / deep
    return laid, (box[0], y + deep, width, height - deep)
