"""The XML beside a picture: the published tags, and ``extra`` with everything else that is known."""

from collections.abc import Iterator
from dataclasses import asdict

from isofed.tasks.vein.drawing.finger import Finger
from isofed.tasks.vein.drawing.render import Sample
from isofed.tasks.vein.drawing.variations import flags
from isofed.tasks.vein.layouts.annotation import Annotation, spell

END = b"</image>"


def annotation(sample: Sample) -> Annotation:
    """Return what the published tags say of a picture; a scale of 0 means not scaled, as published."""
    pose = sample.variation.pose
    return Annotation(
        center=sample.centre,
        size=sample.size,
        angle=sample.angle,
        shift=(pose.dx, pose.dy),
        roll=sample.variation.roll,
        scale=0.0 if pose.scale == 1 else pose.scale,
        joints=tuple((float(x), float(y)) for x, y in sample.joints),
        flags=flags(sample.variation),
    )


def note(finger: Finger, sample: Sample, file: str) -> bytes:
    """Return the XML of a picture.

    Args:
        finger: whose it is; its seed and number stand in ``extra``, so that it can be drawn again.
        sample: what is known of it.
        file: the picture's name.
    """
    height, width = sample.image.shape
    text = spell(annotation(sample), file, width, height)
    before, found, after = text.rpartition(END)
    return before.rstrip() + b"\n    " + _extra(finger, sample) + b"\n  " + found + after


def _extra(finger: Finger, sample: Sample) -> bytes:
    lines = [f"      <{name} {_attributes(values)} />" for name, values in _groups(finger, sample)]
    lines += [f'      <corner x="{x:.2f}" y="{y:.2f}" />' for x, y in sample.corners]
    return "\n".join(["<extra>", *lines, "    </extra>"]).encode()


def _groups(finger: Finger, sample: Sample) -> Iterator[tuple[str, dict[str, object]]]:
    taken = sample.variation
    yield "identity", {"seed": finger.seed, "finger": finger.number}
    yield "exposure", asdict(taken.exposure)
    yield "scatter", asdict(taken.scatter)
    yield "optical", asdict(taken.optical)
    yield "motion", asdict(taken.motion)
    yield "upright", dict(zip(("x0", "y0", "x1", "y1"), sample.box, strict=True))


def _attributes(values: dict[str, object]) -> str:
    return " ".join(f'{name}="{_shown(value)}"' for name, value in values.items())


def _shown(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)
