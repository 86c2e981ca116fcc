"""Points for an embedding projector: tested clips where the head sees them."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from isofed.tasks.micro_gesture.evaluate import CHUNK
from isofed.tasks.micro_gesture.layouts.clips import TestClips
from isofed.tasks.micro_gesture.options import MicroGestureOptions
from isofed.tasks.micro_gesture.pictures import strip

THUMBNAIL = 48  # pixels a side
COLUMNS = ("person", "video", "emotion")
Integers = NDArray[np.int64]


def projected(
    model: Any, test: TestClips, options: MicroGestureOptions, most: int = 300
) -> tuple[NDArray[np.float32], NDArray[np.uint8], Integers, Integers, NDArray[np.str_], tuple[str, ...]]:
    """Return an even choice of the tested clips for an embedding projector.

    Returns:
        Features (n, D), thumbnails (n, 48, 48, 3) of the middle frame, of each clip its person (-1 where
        nobody said), its video and its emotion, and what these three are called.
    """
    rows = np.linspace(0, len(test) - 1, min(len(test), most)).round().astype(np.int64)
    device, features, small = next(model.parameters()).device, [], []
    for at in range(0, len(rows), CHUNK):
        clips = np.array(test.inputs[rows[at : at + CHUNK]], np.float32)
        with torch.inference_mode():
            features.append(model(torch.from_numpy(clips).to(device)).features.float().cpu().numpy())
        small += [_thumbnail(strip(clip, None, test.body, 1)) for clip in clips]
    emotions = np.array(test.body.emotions)[test.labels[rows]]
    return (
        np.concatenate(features),
        np.stack(small),
        test.subjects[rows],
        test.videos[rows],
        emotions,
        COLUMNS,
    )


def _thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(picture).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS))
