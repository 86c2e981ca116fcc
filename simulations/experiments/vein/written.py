"""The experiment's numbers as a piece of a Markdown page."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from isofed import __version__
from isofed.simulations.experiments.tables import expected, markdown, pm
from isofed.simulations.experiments.vein import told
from isofed.simulations.experiments.vein.options import VeinExperiment
from isofed.simulations.experiments.words import as_command
from isofed.simulations.report.words import duration, several


def written(numbers: Mapping[str, Any]) -> str:
    """Return command, expectations, levels, gains and every sensor's EER."""
    by_sensor = [
        [row["name"], *(pm(row["sensors"][name].get("EER")) for name in numbers["sensors"])]
        for row in numbers["rows"]
    ]
    about = (
        f"isofed {__version__}",
        several(len(numbers["seeds"]), "seed"),
        f"{duration(numbers['seconds'])} in all",
        f"worker processes: {numbers['workers']}",
    )
    return "\n\n".join(
        [
            f"    {command(numbers['options'])}",
            f"{', '.join(about)}.",
            "\n".join(f"* {line}" for line in expected(numbers)),
            markdown(told.heads(numbers), told.rows(numbers)),
            markdown(told.GAINS, told.gains(numbers)),
            markdown(("EER, per cent", *numbers["sensors"]), by_sensor),
            f"± is half of the interval of 95 % over seeds, {numbers['formula']}.",
        ]
    )


def command(options: Mapping[str, Any]) -> str:
    """Return what was run, with the options that are not the defaults."""
    usual = asdict(VeinExperiment())
    return as_command("vein", {name: value for name, value in options.items() if value != usual[name]})
