"""Curves by round, one line a setting, with a shade of one standard deviation over seeds."""

from collections.abc import Callable

from isofed.simulations.compare.own import place
from isofed.simulations.compare.table import Comparison, curve
from isofed.simulations.report.charts import Plot, Series, line_chart
from isofed.simulations.report.markup import Raw, el, join

Read = Callable[[float], str]
NOTE = (
    "Lines are means over seeds, shades one sample standard deviation; a round that not every run of a "
    "setting measured is not drawn. Losses of strategies with terms of their own may be different quantities."
)


def curves(found: Comparison) -> Raw | None:
    """Return the charts of the first measures and of the training loss; None where no round was recorded."""
    charts = [
        _chart(found, f"{name} of the federated model by round", "per cent", place(name, found.own), 100.0)
        for name in found.headlines
    ]
    charts.append(_chart(found, "Training loss by round, mean over sites", "loss", ("loss",)))
    shown = [chart for chart in charts if chart]
    return join([el("div", *shown, class_="pair"), el("p", NOTE, class_="note")]) if shown else None


def _chart(found: Comparison, title: str, unit: str, path: tuple[str, ...], scale: float = 1.0) -> Raw | None:
    lines = tuple(_line(found, index, path, scale) for index in range(len(found.rows)))
    if not any(line.points for line in lines):
        return None
    read: Read = "{:.1f} %".format if scale == 100.0 else "{:.3f}".format
    return line_chart(Plot(title, unit, lines, read, from_zero=scale == 100.0))


def _line(found: Comparison, index: int, path: tuple[str, ...], scale: float) -> Series:
    row = found.rows[index]
    told = curve(row.runs, *path)
    points = tuple((n, scale * value.mean) for n, value in told)
    spreads = [value.spread for _, value in told if value.spread is not None]
    band = tuple(scale * spread for spread in spreads) if len(spreads) == len(points) else ()
    return Series(row.setting.name, points, band)
