"""An embedding as files for TensorBoard's projector, written without torch or TensorFlow."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from isofed.errors import DataError
from isofed.files import atomic

NAME, COLUMNS = "embedding", ("identity", "camera", "modality")
SHEET = 8192  # pixels: browsers take no larger texture


@dataclass(frozen=True)
class Projection:
    """Points of an embedding.

    Args:
        vectors: (n, D) floats.
        thumbnails: (n, h, w, 3) uint8.
        ids: (n,) numbers of people.
        cams: (n,) cameras.
        modality: (n,) words.
        columns: what ids, cams and modality are called.

    Raises:
        DataError: the shapes do not go together.
    """

    vectors: npt.NDArray[np.floating]
    thumbnails: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.integer]
    cams: npt.NDArray[np.integer]
    modality: npt.NDArray[np.str_]
    columns: tuple[str, str, str] = COLUMNS

    def __post_init__(self) -> None:
        counts = {len(part) for part in (self.vectors, self.thumbnails, self.ids, self.cams, self.modality)}
        shapes = np.shape(self.vectors), np.shape(self.thumbnails)
        if len(counts) != 1 or len(shapes[0]) != 2 or len(shapes[1]) != 4 or shapes[1][3] != 3:
            raise DataError(
                f"a projection has vectors of shape {shapes[0]} and thumbnails of shape {shapes[1]}; "
                "expected (n, D) and (n, height, width, 3), and n identities, cameras and modalities"
            )


def write_projection(folder: Path, projection: Projection) -> None:
    """Write vectors, labels, the sheet of thumbnails and, last, the file that names them, into ``folder``.

    Beyond what fits on a sheet of 8192 x 8192 pixels points are left out, evenly.
    """
    shown = _fitting(projection)
    with atomic(folder / f"{NAME}.tsv") as file:
        np.savetxt(file, shown.vectors, fmt="%.6g", delimiter="\t")
    labels = zip(shown.ids.tolist(), shown.cams.tolist(), shown.modality.tolist(), strict=True)
    lines = ["\t".join(map(str, row)) for row in (shown.columns, *labels)]
    with atomic(folder / f"{NAME}_labels.tsv") as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
    with atomic(folder / f"{NAME}.png") as file:
        Image.fromarray(sheet(shown.thumbnails)).save(file, "PNG")
    with atomic(folder / "projector_config.pbtxt") as file:
        file.write(_config(shown).encode())


def sheet(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return (n, h, w, 3) pictures on one, row by row, as many in a row as there are rows at most."""
    count, height, width, depth = thumbnails.shape
    across = math.ceil(math.sqrt(count))
    down = math.ceil(count / across)
    blank = np.zeros((across * down - count, height, width, depth), dtype=np.uint8)
    grid = np.concatenate([thumbnails, blank]).reshape(down, across, height, width, depth)
    return grid.swapaxes(1, 2).reshape(down * height, across * width, depth)


def _fitting(projection: Projection) -> Projection:
    count, most = len(projection.ids), (SHEET // max(projection.thumbnails.shape[1:3])) ** 2
    if count <= most:
        return projection
    kept = np.linspace(0, count - 1, most).round().astype(int)
    parts = {name: part[kept] for name, part in vars(projection).items() if name != "columns"}
    return replace(projection, **parts)


def _config(shown: Projection) -> str:
    """Return what the projector reads first, a protocol buffer's text: numbers and our own names."""
    height, width = shown.thumbnails.shape[1:3]
    count, depth = shown.vectors.shape
    return (
        f'embeddings {{\n  tensor_name: "{NAME}"\n  tensor_shape: {count}\n  tensor_shape: {depth}\n'
        f'  tensor_path: "{NAME}.tsv"\n  metadata_path: "{NAME}_labels.tsv"\n'
        f'  sprite {{\n    image_path: "{NAME}.png"\n'
        f"    single_image_dim: {width}\n    single_image_dim: {height}\n  }}\n}}\n"
    )
