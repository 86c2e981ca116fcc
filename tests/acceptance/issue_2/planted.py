"""A small tree with canaries at one camera, and how to find them again in bytes of any kind."""

import base64
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from isofed.tasks.reid.augment import MEAN, STD
from isofed.tasks.reid.layouts.sysu.make import SyntheticSysu, generate
from isofed.tasks.reid.layouts.sysu.read import read_lists

CAMERA = 2
TOKEN = "canary-7f3a9c51e0"  # in file names
MARK = b"\x00CANARY\xfe\x9d\x11\xa7\x5c\x03\xe8\x42"  # in a JPEG comment
SIZE = (16, 32)  # width, height
COLOURS = np.array([[250, 10, 240], [10, 240, 20]], np.uint8)
NEAR = 48.0  # mean distance of a pixel to the planted one below which a picture is recognised


@dataclass(frozen=True)
class Canary:
    """What was planted at ``CAMERA`` under ``root``, and the bytes that would betray it.

    Args:
        root: the tree.
        picture: (H, W, 3) uint8, as the planted images look after decoding.
        needles: bytes by what they are.
    """

    root: Path
    picture: np.ndarray
    needles: dict[str, bytes]

    def found(self, data: bytes) -> list[str]:
        """Return what of the canary is in ``data``: as it is, or as an embedded picture."""
        names = [name for name, needle in self.needles.items() if needle in data]
        return names + (["the picture, embedded"] if any(map(self._looks_like, _embedded(data))) else [])

    def _looks_like(self, image: Image.Image) -> bool:
        pixels = np.asarray(image.convert("RGB").resize(SIZE), np.float32)
        return float(np.abs(pixels - self.picture).mean()) < NEAR


def plant(root: Path) -> Canary:
    """Draw a tree and put the canary into every training image of one camera."""
    generate(root, 0, SyntheticSysu(16, 4, 4, 0.5, SIZE[1], SIZE[0]))
    data = _jpeg(_checks())
    for person in read_lists(root, "the tree").train_ids:
        for path in (root / f"cam{CAMERA}" / f"{person:04d}").glob("*.jpg"):
            path.write_bytes(data)
            path.rename(path.with_name(f"{TOKEN}-{path.name}"))
    picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    return Canary(root, picture, _needles(root, picture))


def _checks() -> np.ndarray:
    rows, columns = np.indices((SIZE[1], SIZE[0]))
    return COLOURS[(rows // 4 + columns // 4) % 2]


def _jpeg(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, comment=MARK)
    return buffer.getvalue()


def _needles(root: Path, picture: np.ndarray) -> dict[str, bytes]:
    row = np.ascontiguousarray(picture[SIZE[1] // 2])
    normalised = ((row / 255.0 - MEAN) / STD).astype(np.float32)
    return {
        "the file name": TOKEN.encode(),
        "the comment": MARK,
        "the comment as base64": base64.b64encode(MARK[2:14])[:14],
        "the camera's folder": f"{root}/cam{CAMERA}".encode(),
        "a row of pixels": row.tobytes(),
        "a row of red pixels": np.ascontiguousarray(row[:, 0]).tobytes(),
        "a normalised row": normalised.tobytes(),
        "a normalised row of red": np.ascontiguousarray(normalised[:, 0]).tobytes(),
    }


def _embedded(data: bytes) -> list[Image.Image]:
    found = re.findall(rb"data:image/\w+;base64,([A-Za-z0-9+/=]+)", data)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]
