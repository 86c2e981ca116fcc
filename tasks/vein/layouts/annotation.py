"""The XML beside a picture of FingerVeinSyn-5M: how it was varied, its ROI box, its joint points.

Source: the one identity that was published with the data set's repository. Some of its files say things that
the pictures do not show; they are read as they stand: in "Multi" rows ``IsRoll`` repeats ``IsShift``, so that
:attr:`Annotation.roll` alone is to be believed; ``scale`` 0 means not scaled; joint points of rotated
pictures are shifted, not rotated; boxes may reach beyond the frame.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from xml.etree import ElementTree

from isofed.errors import DataError

FLAGS = (
    "IsRoll",
    "IsShift",
    "IsRotate",
    "IsScale",
    "IsExposure",
    "IsMotionBlur",
    "IsOpticalBlur",
    "IsSkinScatter",
)
JOINTS = 4  # root, proximal and distal joint cavity, tip
LARGEST = 1_000_000  # bytes of such a file: the published ones have 1,200


@dataclass(frozen=True)
class Annotation:
    """What is said of one picture.

    Attributes:
        center: (x, y) of the ROI box, pixels.
        size: its (width, height), pixels, both above 0, before any rotation.
        angle: degrees, counter-clockwise as seen on the screen.
        shift: (x, y), pixels.
        roll: degrees about the finger's axis.
        scale: 0 or 1 where nothing was scaled.
        joints: (x, y) of root, proximal joint, distal joint and tip; none where there are none.
        flags: what was varied, by the published name.
    """

    center: tuple[float, float]
    size: tuple[float, float]
    angle: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0
    scale: float = 0.0
    joints: tuple[tuple[float, float], ...] = ()
    flags: Mapping[str, bool] = field(default_factory=dict)


def parse(text: bytes) -> Annotation:
    """Read one file.

    Raises:
        DataError: it is no such XML, or has no whole ROI box.
    """
    image = _image(text)
    box = [_number(image, f"bbox/{name}") for name in ("center_x", "center_y", "width", "height")]
    if None in box or not all(value is not None and value > 0 for value in box[2:]):
        raise DataError(
            "an annotation has no whole ROI box; expected center_x, center_y, width and height, the last two "
            "above 0: restore the published file"
        )
    x, y, width, height = (float(value or 0.0) for value in box)
    numbers = {name: _number(image, f"IntraVar/{tag}") or 0.0 for name, tag in TAGS.items()}
    return Annotation(
        (x, y),
        (width, height),
        numbers["angle"],
        (numbers["dx"], numbers["dy"]),
        numbers["roll"],
        numbers["scale"],
        tuple(_points(image)),
        {name: _flag(image, name) for name in FLAGS},
    )


TAGS = {
    "angle": "rotation/angle",
    "dx": "shift/x_offset",
    "dy": "shift/y_offset",
    "roll": "roll",
    "scale": "scale",
}


def spell(annotation: Annotation, file: str, width: int = 600, height: int = 300) -> bytes:
    """Return the XML of a picture, with two decimals as published.

    Args:
        annotation: what to say.
        file: the picture's name, which is the masks' too.
        width, height: of the picture, pixels.
    """
    names = {"file": file, "mask": file, "width": str(width), "height": str(height)}
    root = ElementTree.Element("annotation")
    image = ElementTree.SubElement(root, "image", names)
    _varied(ElementTree.SubElement(image, "IntraVar"), annotation)
    box = zip(
        ("center_x", "center_y", "width", "height"), (*annotation.center, *annotation.size), strict=True
    )
    _numbers(ElementTree.SubElement(image, "bbox"), dict(box))
    points = ElementTree.SubElement(image, "joint_points")
    for x, y in annotation.joints:
        _numbers(ElementTree.SubElement(points, "point"), {"x": x, "y": y})
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, "UTF-8", xml_declaration=True)
    return text


def _varied(parent: ElementTree.Element, said: Annotation) -> None:
    _numbers(ElementTree.SubElement(parent, "rotation"), {"angle": said.angle})
    shift = {"x_offset": said.shift[0], "y_offset": said.shift[1]}
    _numbers(ElementTree.SubElement(parent, "shift"), shift)
    _numbers(parent, {"roll": said.roll, "scale": said.scale})
    for name in FLAGS:
        ElementTree.SubElement(parent, name).text = str(bool(said.flags.get(name, False)))


def _numbers(parent: ElementTree.Element, values: Mapping[str, float]) -> None:
    for name, value in values.items():
        ElementTree.SubElement(parent, name).text = f"{value:.2f}"


def _image(text: bytes) -> ElementTree.Element:
    """Return the element that holds everything; entities, which can blow a file up, are refused."""
    image = None
    if len(text) <= LARGEST and b"<!" not in text.replace(b"<!--", b""):
        with suppress(ElementTree.ParseError):
            image = ElementTree.fromstring(text).find("image")
    if image is None:
        raise DataError(
            "an annotation is no XML of annotation/image; expected one: restore the published file"
        )
    return image


def _number(parent: ElementTree.Element, tag: str) -> float | None:
    try:
        value = float(parent.findtext(tag) or "")
    except ValueError:
        return None
    return value if abs(value) < LARGEST else None


def _points(image: ElementTree.Element) -> Iterator[tuple[float, float]]:
    for point in image.findall("joint_points/point")[:JOINTS]:
        x, y = _number(point, "x"), _number(point, "y")
        if x is not None and y is not None:
            yield x, y


def _flag(image: ElementTree.Element, name: str) -> bool:
    return (image.findtext(f"IntraVar/{name}") or "").strip().lower() == "true"
