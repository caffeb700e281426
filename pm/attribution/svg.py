"""Charts as SVG text: a line over time, columns by day, bars by name.

One series each, so none needs a legend: the title says what is drawn. Gains and losses differ in
side and sign before they differ in colour. Colours are classes, set by the page for light, dark and
paper. Every mark carries its exact value as a tooltip.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from html import escape

from pm.attribution.axis import Axis, axis_of, compact, fraction, pixels
from pm.attribution.period import iso_second
from pm.decimals import ZERO, Amount

WIDTH = 720
HEIGHT = 220
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 10, 26
BAR_HEIGHT, BAR_STEP, BAR_LABEL, BAR_VALUE = 16, 26, 150, 110
TIME_LABELS = 4
COLUMN_LABELS = 6
NAME_MAX = 20

Named = tuple[str, Amount | None]


def line(points: Sequence[tuple[int, Amount]], label: str, *, fills: bool = False) -> str:
    """Values over time in ns; with `fills` the area to 0 is shaded. At least one point."""
    values = [fraction(value) for _, value in points]
    vertical = axis_of(values, HEIGHT - BOTTOM, TOP, with_zero=fills)
    first, last = points[0][0], points[-1][0]
    across = Axis(Fraction(first), Fraction(max(last, first + 1)), LEFT, WIDTH - RIGHT, ())
    places = [
        (across.at(Fraction(at)), vertical.at(value))
        for (at, _), value in zip(points, values, strict=True)
    ]
    parts = [_grid(vertical), _times(across)]
    path = "L".join(f"{x} {y}" for x, y in places)
    if fills:
        zero = vertical.at(Fraction(0))
        parts.append(
            f'<path class="area" d="M{places[0][0]} {zero}L{path}L{places[-1][0]} {zero}Z"/>'
        )
    parts.append(f'<path class="line" d="M{path}"/>')
    for (at, value), (x, y) in zip(points, places, strict=True):
        told = escape(f"{iso_second(at)}: {value}")
        parts.append(
            f'<circle class="touch" cx="{x}" cy="{y}" r="5"><title>{told}</title></circle>'
        )
    x, y = places[-1]
    parts.append(f'<circle class="end" cx="{x}" cy="{y}" r="3.5"/>')
    return _svg(WIDTH, HEIGHT, label, parts)


def columns(items: Sequence[Named], label: str) -> str:
    """A column for each name, in the given order; unknown values are marked, not drawn as 0."""
    values = [fraction(value or ZERO) for _, value in items]
    vertical = axis_of(values, HEIGHT - BOTTOM, TOP, with_zero=True)
    slot = Fraction(WIDTH - LEFT - RIGHT, len(items))
    width = min(max(slot - 2, Fraction(1)), Fraction(40))
    parts = [_grid(vertical)]
    for number, ((name, value), size) in enumerate(zip(items, values, strict=True)):
        middle = LEFT + slot * number + slot / 2
        if value is None:
            parts.append(_unknown(pixels(middle), vertical.at(Fraction(0)), name))
            continue
        top, bottom = sorted((_number(vertical.at(size)), _number(vertical.at(Fraction(0)))))
        parts.append(
            f'<rect class="{_sign(value)}" x="{pixels(middle - width / 2)}" y="{pixels(top)}"'
            f' width="{pixels(width)}" height="{pixels(max(bottom - top, Fraction(1)))}">'
            f"<title>{escape(name)}: {value}</title></rect>"
        )
    parts += _column_labels([name for name, _ in items], slot)
    return _svg(WIDTH, HEIGHT, label, parts)


def bars(items: Sequence[Named], label: str) -> str:
    """A horizontal bar for each name with its value beside it, losses to the left."""
    height = TOP + BAR_STEP * len(items) + 4
    values = [fraction(value or ZERO) for _, value in items]
    low, high = min(*values, Fraction(0)), max(*values, Fraction(0))
    if low == high:
        high = Fraction(1)
    across = Axis(low, high, BAR_LABEL, WIDTH - BAR_VALUE, ())
    zero = across.at(Fraction(0))
    parts = []
    for number, ((name, value), size) in enumerate(zip(items, values, strict=True)):
        y = TOP + BAR_STEP * number
        text = y + BAR_HEIGHT - 4
        told = f"<title>{escape(name)}</title>{escape(_shortened(name))}"
        parts.append(f'<text class="name" x="{BAR_LABEL - 10}" y="{text}">{told}</text>')
        left, right = sorted((_number(zero), _number(across.at(size))))
        if value is not None:
            parts.append(
                f'<rect class="{_sign(value)}" x="{pixels(left)}" y="{y}" rx="2"'
                f' width="{pixels(max(right - left, Fraction(1)))}" height="{BAR_HEIGHT}">'
                f"<title>{escape(name)}: {value}</title></rect>"
            )
        shown = "unknown" if value is None else compact(fraction(value))
        parts.append(f'<text class="value" x="{WIDTH - BAR_VALUE + 12}" y="{text}">{shown}</text>')
    parts.append(f'<path class="zero" d="M{zero} {TOP - 4}V{height}"/>')
    return _svg(WIDTH, height, label, parts)


def _svg(width: int, height: int, label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )


def _grid(vertical: Axis) -> str:
    parts = []
    for tick in vertical.ticks:
        y, kind = vertical.at(tick), "grid" if tick else "zero"
        parts.append(f'<path class="{kind}" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        below = pixels(_number(y) + 4)
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{below}">{compact(tick)}</text>')
    return "".join(parts)


def _times(across: Axis) -> str:
    """Labels of days along the bottom, or of minutes within one day."""
    span = across.high - across.low
    moments = [across.low + span * number / TIME_LABELS for number in range(TIME_LABELS + 1)]
    texts = [iso_second(int(moment)) for moment in moments]
    same_day = len({text[:10] for text in texts}) == 1
    shown = [text[11:16] if same_day else text[:10] for text in texts]
    parts = []
    for number, (moment, text) in enumerate(zip(moments, shown, strict=True)):
        anchor = "start" if not number else "end" if number == TIME_LABELS else "middle"
        if number and text == shown[number - 1]:
            continue
        x = across.at(moment)
        parts.append(f'<text class="day {anchor}" x="{x}" y="{HEIGHT - 6}">{text}</text>')
    return "".join(parts)


def _column_labels(names: Sequence[str], slot: Fraction) -> list[str]:
    every = -(-len(names) // COLUMN_LABELS)
    return [
        f'<text class="day middle" x="{pixels(LEFT + slot * number + slot / 2)}"'
        f' y="{HEIGHT - 6}">{escape(name)}</text>'
        for number, name in enumerate(names)
        if number % every == 0
    ]


def _unknown(x: str, y: str, name: str) -> str:
    above = pixels(_number(y) - 4)
    title = f"<title>{escape(name)}: unknown</title>"
    return f'<text class="unknown" x="{x}" y="{above}">?{title}</text>'


def _shortened(name: str) -> str:
    """A name that fits beside a bar; an address keeps both its ends."""
    if len(name) <= NAME_MAX:
        return name
    return f"{name[: NAME_MAX - 9]}…{name[-8:]}"


def _sign(value: Amount) -> str:
    return "loss" if value.sign < 0 else "gain"


def _number(text: str) -> Fraction:
    return Fraction(text)
