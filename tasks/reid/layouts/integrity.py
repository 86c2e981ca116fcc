"""Decoding every image of a tree, for the local command ``isofed data check LAYOUT DIR``."""

from collections.abc import Sequence
from pathlib import Path

from isofed.tasks.reid.layouts.images import ImageFile, readable
from isofed.tasks.task import Finding, Progress


def integrity(
    root: Path, files: Sequence[ImageFile], kind: str = "JPEG", progress: Progress | None = None
) -> list[Finding]:
    """Decode every image; name each that cannot be, then give the sum.

    Args:
        root: of the tree; names are relative to it.
        files: all images that the layout's lists speak of, each once.
        kind: of file, for the text.
        progress: called with the images decoded and their total.
    """
    bad = []
    for done, file in enumerate(files, 1):
        if readable(file, 8, 4) is None:
            name = file.path.relative_to(root).as_posix()
            bad.append(Finding(name, "cannot be read", f"a whole {kind} image", False))
        if progress is not None:
            progress(done, len(files))
    good = f"{len(files) - len(bad)} of {len(files)}"
    return [*bad, Finding("images that can be read", good, "all", not bad and bool(files))]
