import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isofed.errors import DataError
from isofed.tasks.reid.layouts import images
from isofed.tasks.reid.layouts.images import INDEX, PIXELS, ImageFile, cached, decode


@pytest.fixture
def files(tmp_path: Path) -> tuple[ImageFile, ...]:
    """Return six files of cameras 1 (colour) and 3 (grey), of different sizes."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(6):
        grey = number >= 3
        shape = (20 + number, 10) if grey else (20 + number, 10, 3)
        path = tmp_path / f"{number:04d}.jpg"
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(path, quality=95)
        made.append(ImageFile(path, 7 + number, 3 if grey else 1))
    return tuple(made)


Change = Callable[[tuple[ImageFile, ...], Path], tuple[ImageFile, ...]]


class Killed(BaseException):
    """Stands for a signal."""


def test_decoding_gives_one_array(files: tuple[ImageFile, ...]) -> None:
    pixels = decode(files, 16, 8)
    assert pixels.shape == (6, 16, 8, 3) and pixels.dtype == np.uint8
    with Image.open(files[0].path) as image:
        expected = np.asarray(image.convert("RGB").resize((8, 16), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(pixels[0], expected)
    assert not np.array_equal(pixels[0, ..., 0], pixels[0, ..., 1])


def test_a_grey_image_has_three_equal_channels(files: tuple[ImageFile, ...]) -> None:
    pixels = decode(files[3:], 16, 8)
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 1])
    np.testing.assert_array_equal(pixels[..., 0], pixels[..., 2])


def test_unreadable_images_are_counted_and_not_named(files: tuple[ImageFile, ...]) -> None:
    files[1].path.write_bytes(b"no image")
    files[4].path.write_bytes(files[4].path.read_bytes()[:150])
    files[5].path.unlink()
    with pytest.raises(DataError) as caught:
        decode(files, 16, 8)
    text = str(caught.value)
    assert text.startswith("1 of 3 images of camera 1 and 2 of 3 images of camera 3 cannot be read; expected")
    assert "isofed data check LAYOUT DIR" in text
    assert "jpg" not in text and "0001" not in text and str(files[1].path.parent) not in text
    assert caught.value.__context__ is None


def test_a_cache_gives_the_decoded_pixels_and_says_whose_they_are(
    files: tuple[ImageFile, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "CHUNK", 4)
    made = cached(tmp_path / "cache", files, 16, 8)
    np.testing.assert_array_equal(made.pixels, decode(files, 16, 8))
    assert made.ids.tolist() == [7, 8, 9, 10, 11, 12] and made.ids.dtype == np.int64
    assert made.cams.tolist() == [1, 1, 1, 3, 3, 3]
    assert len(made) == 6
    assert isinstance(made.pixels, np.memmap) and not made.pixels.flags.writeable
    assert sorted(os.listdir(tmp_path / "cache")) == [INDEX, PIXELS]


def test_a_cache_is_decoded_once(
    files: tuple[ImageFile, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(tmp_path / "cache", files, 16, 8)
    monkeypatch.setattr(images, "readable", lambda *_: pytest.fail("decoded again"))
    assert len(cached(tmp_path / "cache", files, 16, 8)) == 6


def _shorten(files: tuple[ImageFile, ...], cache: Path) -> tuple[ImageFile, ...]:
    return files[:-1]


def _touch(files: tuple[ImageFile, ...], cache: Path) -> tuple[ImageFile, ...]:
    os.utime(files[2].path, (1, 1))
    return files


def _cut(files: tuple[ImageFile, ...], cache: Path) -> tuple[ImageFile, ...]:
    (cache / PIXELS).write_bytes((cache / PIXELS).read_bytes()[:-1])
    return files


def _no_index(files: tuple[ImageFile, ...], cache: Path) -> tuple[ImageFile, ...]:
    (cache / INDEX).write_text("{")
    return files


def _swap(files: tuple[ImageFile, ...], cache: Path) -> tuple[ImageFile, ...]:
    return (files[1], files[0], *files[2:])


@pytest.mark.parametrize("change", [_shorten, _touch, _cut, _no_index, _swap])
def test_a_cache_that_no_longer_fits_is_made_anew(
    change: Change, files: tuple[ImageFile, ...], tmp_path: Path
) -> None:
    cached(tmp_path / "cache", files, 16, 8)
    changed = change(files, tmp_path / "cache")
    np.testing.assert_array_equal(cached(tmp_path / "cache", changed, 16, 8).pixels, decode(changed, 16, 8))


def test_another_size_is_another_cache(files: tuple[ImageFile, ...], tmp_path: Path) -> None:
    cached(tmp_path / "cache", files, 16, 8)
    assert cached(tmp_path / "cache", files, 12, 6).pixels.shape == (6, 12, 6, 3)


@pytest.mark.parametrize("at", [1, 2])
def test_a_kill_between_the_renames_is_harmless(
    at: int, files: tuple[ImageFile, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(tmp_path / "cache", files, 12, 6)
    calls: list[object] = []
    replace = os.replace

    def killed(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == at:
            raise Killed
        replace(source, target)

    monkeypatch.setattr(images.os, "replace", killed)
    with pytest.raises(Killed):
        cached(tmp_path / "cache", files, 16, 8)
    monkeypatch.undo()
    np.testing.assert_array_equal(cached(tmp_path / "cache", files, 16, 8).pixels, decode(files, 16, 8))


def test_old_leavings_are_swept_and_young_ones_left(files: tuple[ImageFile, ...], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for name in ("pixels.npy.1.partial", "pixels.npy.2.partial"):
        (cache / name).write_bytes(b"half")
    os.utime(cache / "pixels.npy.1.partial", (1, 1))
    cached(cache, files, 16, 8)
    assert sorted(os.listdir(cache)) == [INDEX, PIXELS, "pixels.npy.2.partial"]


def test_unreadable_images_leave_no_cache(files: tuple[ImageFile, ...], tmp_path: Path) -> None:
    files[0].path.write_bytes(b"no image")
    with pytest.raises(DataError, match="1 of 3 images of camera 1 cannot be read"):
        cached(tmp_path / "cache", files, 16, 8)
    assert os.listdir(tmp_path / "cache") == []


def test_no_files_make_no_images(tmp_path: Path) -> None:
    none = cached(tmp_path / "cache", (), 16, 8)
    assert len(none) == 0 and none.pixels.shape == (0, 16, 8, 3)
    assert not (tmp_path / "cache").exists()
