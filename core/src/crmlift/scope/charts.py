"""Small bar charts as inline SVG: they scale with the page and take its colours."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 640, 200
_LEFT, _BOTTOM, _TOP = 8, 22, 14
_LABELS = 12


def columns(title: str, bars: Sequence[tuple[str, int]]) -> Markup:
    """One column per label, such as a month; the tallest is named with its number."""
    if not bars:
        return Markup("")
    tallest = max(n for _, n in bars) or 1
    step = (_WIDTH - 2 * _LEFT) / len(bars)
    every = -(-len(bars) // _LABELS)
    parts = []
    for position, (label, n) in enumerate(bars):
        height = (_HEIGHT - _BOTTOM - _TOP) * n / tallest
        x, y = _LEFT + position * step, _HEIGHT - _BOTTOM - height
        parts.append(
            f'<rect x="{x + step * 0.1:.1f}" y="{y:.1f}" width="{step * 0.8:.1f}" height="{height:.1f}">'
            f"<title>{escape(label)}: {n:,}</title></rect>"
        )
        if position % every == 0:
            parts.append(f'<text x="{x + step / 2:.1f}" y="{_HEIGHT - 6}">{escape(label)}</text>')
        if n == tallest:
            parts.append(f'<text x="{x + step / 2:.1f}" y="{y - 3:.1f}">{n:,}</text>')
    return Markup(
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def share(value: float) -> Markup:
    """A share between 0 and 1 as a thin bar, for a cell of a table."""
    return Markup(
        f'<svg class="share" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" '
        f'aria-label="{value:.0%}"><rect class="track" width="100" height="8"/>'
        f'<rect width="{100 * value:.1f}" height="8"/></svg>'
    )
