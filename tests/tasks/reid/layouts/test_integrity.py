from pathlib import Path

import numpy as np
import pytest

from isofed.tasks.layouts.tree import encode
from isofed.tasks.reid.layouts.images import ImageFile
from isofed.tasks.reid.layouts.integrity import integrity
from isofed.tasks.task import Finding


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "PNG"])
def test_images_that_cannot_be_read_are_named_and_counted(tmp_path: Path, kind: str) -> None:
    whole = encode(np.random.default_rng(0).integers(0, 256, (1, 16, 8, 3), np.uint8), kind)[0]
    for name, data in (("a", whole), ("b", whole[: len(whole) // 2]), ("c", b"")):
        (tmp_path / name).write_bytes(data)
    calls: list[tuple[int, int]] = []
    files = [ImageFile(tmp_path / name, 1, 1) for name in "abcd"]  # there is no d
    findings = integrity(tmp_path, files, kind, lambda done, total: calls.append((done, total)))
    assert findings[:-1] == [
        Finding(name, "cannot be read", f"a whole {kind} image", False) for name in "bcd"
    ]
    assert findings[-1] == Finding("images that can be read", "1 of 4", "all", False)
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_no_image_at_all_is_not_well(tmp_path: Path) -> None:
    assert not integrity(tmp_path, [])[-1].ok
