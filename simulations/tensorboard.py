"""A sink that writes a run's rounds as TensorBoard scalars, without torch."""

import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image

from isofed.errors import ConfigError
from isofed.events import OWN

Scalars = Mapping[str, float]
TOLD = ("loss", "bytes", "steps", "examples", "rate")  # fields of an event: a number, or one for each site
MISSING = "TensorBoard is not installed; pip install 'isofed[core]' or set tensorboard=false."


@dataclass(frozen=True)
class Writer:
    """Where a run's data go.

    Args:
        scalars: (step, values by tag).
        image: (step, tag, uint8 pixels (height, width, 3)).
        summary: (step, a TensorBoard summary message).
        purge: (step) makes TensorBoard forget what it read before of that step and later ones.
        flush: writes out what is held back.
        close: does so and closes the file.
    """

    scalars: Callable[[int, Scalars], None]
    image: Callable[[int, str, Any], None]
    summary: Callable[[int, Any], None]
    purge: Callable[[int], None]
    flush: Callable[[], None]
    close: Callable[[], None]


def _modules() -> tuple[Any, Any, Any]:
    """Return TensorBoard's event file writer and its two message types.

    Raises:
        ConfigError: TensorBoard is not installed.
    """
    try:
        files = import_module("tensorboard.summary.writer.event_file_writer")
        events = import_module("tensorboard.compat.proto.event_pb2")
        summaries = import_module("tensorboard.compat.proto.summary_pb2")
    except ImportError as error:
        raise ConfigError(MISSING) from error
    return files, events, summaries


def open_writer(folder: Path) -> Writer:
    """Open an event file in ``folder``, which is made where it is missing.

    Raises:
        ConfigError: TensorBoard is not installed.
    """
    files, events, summaries = _modules()
    out = files.EventFileWriter(str(folder))

    def summary(step: int, value: Any) -> None:
        out.add_event(events.Event(wall_time=time.time(), step=step, summary=value))

    def scalars(step: int, values: Scalars) -> None:
        told = [summaries.Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
        summary(step, summaries.Summary(value=told))

    def image(step: int, tag: str, pixels: Any) -> None:
        height, width, _ = pixels.shape
        coded = {"height": height, "width": width, "colorspace": 3, "encoded_image_string": _png(pixels)}
        told = summaries.Summary.Value(tag=tag, image=summaries.Summary.Image(**coded))
        summary(step, summaries.Summary(value=[told]))

    def purge(step: int) -> None:
        start = events.SessionLog(status=events.SessionLog.START)
        out.add_event(events.Event(wall_time=time.time(), step=step, session_log=start))

    return Writer(scalars, image, summary, purge, out.flush, out.close)


def _png(pixels: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _numbers(prefix: str, value: object) -> Iterator[tuple[str, float]]:
    """Yield (tag, number) of a number or of nested mappings; anything else is passed over."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(f"{prefix}/{key}", inner)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield prefix, float(value)


def _measured(metrics: object) -> dict[str, float]:
    """Return the means, and what is known of the gallery draws behind them: their range and deviation."""
    values: dict[str, float] = {}
    if isinstance(metrics, Mapping) and OWN in metrics:
        values = dict(_at_sites(metrics[OWN]))
        metrics = {kind: value for kind, value in metrics.items() if kind != OWN}
    if not isinstance(metrics, Mapping) or "mean" not in metrics:
        return values | dict(_numbers("metrics", metrics))
    values |= _numbers("metrics", metrics["mean"])
    for name, deviation in _numbers("", metrics.get("spread")):
        values[f"draws{name}/deviation"] = deviation
    each: dict[str, list[float]] = {}
    for kind, draw in metrics.items():
        for name, value in _numbers("", draw) if kind.startswith("draw") else ():
            each.setdefault(name, []).append(value)
    for name, found in each.items():
        values |= {f"draws{name}/lowest": min(found), f"draws{name}/highest": max(found)}
    return values


def _at_sites(own: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the sites' mean and lowest in each measure, and every site's."""
    for name, mean in own["mean"].items():
        yield f"own/{name}/mean", float(mean)
        yield f"own/{name}/lowest", float(own["lowest"][name])
        yield from (
            (f"own/{name}/{site}", float(each[name])) for site, each in own["sites"].items() if name in each
        )


@dataclass(frozen=True)
class TensorBoardSink:
    """A sink for events: every ``round_done`` becomes scalars, one TensorBoard run for each ``run``.

    Args:
        folder: the log directory; the run ``alone/cam1`` is written to ``folder/alone/cam1``.
        purge_step: the first round that is run again after a resume, so that TensorBoard forgets
            what an interrupted process had written of it and of later rounds; None for a fresh run.

    Tags are ``metrics/mAP`` (fractions; the mean over gallery draws), ``draws/mAP/lowest``, ``highest`` and
    ``deviation`` (over the draws of one model), ``own/own_R1/mean``, ``lowest`` and ``cam1`` (what the sites
    measured on held-out samples of their own), ``loss/cam1``, ``bytes/cam1/up`` (bytes), ``steps/cam1``,
    ``examples/cam1``, ``rate`` (factor on the learning rates, where an event tells it) and ``time/round``
    (seconds); the step is the round.

    Raises:
        ConfigError: on construction, where TensorBoard is not installed.
    """

    folder: Path
    purge_step: int | None = None
    _writers: dict[str, Writer] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _modules()

    def __call__(self, name: str, **fields: Any) -> None:
        """Write the scalars of a ``round_done`` event; other events are none of its business."""
        if name != "round_done":
            return
        writer, step = self._writer(str(fields.get("run", "federated"))), int(fields["round"])
        values = dict(_numbers("time/round", fields.get("seconds")))
        values.update(_measured(fields.get("metrics")))
        for key in TOLD:
            values.update(_numbers(key, fields.get(key)))
        writer.scalars(step, values)
        # rounds are seconds long: a watcher sees each as it ends, and a crash loses none
        writer.flush()

    def _writer(self, run: str) -> Writer:
        if run not in self._writers:
            opened = self._writers[run] = open_writer(self._place(run))
            if self.purge_step is not None:
                opened.purge(self.purge_step)
        return self._writers[run]

    def _place(self, run: str) -> Path:
        """Return the run's folder; a name cannot lead out of the log directory."""
        parts = [part for part in run.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        return self.folder.joinpath(*parts)

    def close(self) -> None:
        """Write what is left and close all files; the sink may be called again and opens new ones."""
        while self._writers:
            self._writers.popitem()[1].close()
