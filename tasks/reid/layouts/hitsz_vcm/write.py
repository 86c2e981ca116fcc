"""Writing a made data set as HITSZ-VCM is published."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from isofed.tasks.layouts.tree import File, write_tree
from isofed.tasks.reid.layouts.filming import Take
from isofed.tasks.reid.layouts.hitsz_vcm.read import INFRARED, NAMES, QUERY, TEST, TRACKS, TRAIN

VISIBLE = 2  # in the column of modalities; a reader looks for infrared's 1
FOLDERS = {VISIBLE: "rgb", INFRARED: "ir"}


@dataclass(frozen=True)
class Listing:
    """The two lists of one half as they grow: names of frames, and five numbers a tracklet."""

    names: list[str] = field(default_factory=list)
    tracks: list[tuple[int, int, int, int, int]] = field(default_factory=list)

    def add(self, modality: int, person: int, camera: int, names: Sequence[str]) -> None:
        """Append one tracklet."""
        first = len(self.names) + 1
        self.names.extend(names)
        self.tracks.append((modality, first, len(self.names), person, camera))


def write_hitsz_vcm(
    out: Path, takes: Iterable[Take], tested: Collection[int], mark: Mapping[str, object]
) -> None:
    """Write a tree: frames as they come, then the lists; see :func:`write_tree`.

    Args:
        out: the root to be.
        takes: all films, those of one person, camera and modality all of one length.
        tested: persons to test on; their infrared tracklets are the queries.
        mark: what ``synthetic.json`` shall hold, as JSON values.
    """
    write_tree(out, _files(takes, tested), mark)


def list_files(train: Listing, test: Listing) -> Iterator[File]:
    """Yield the five lists; the infrared tracklets of ``test`` are the queries."""
    for side, listing in ((TRAIN, train), (TEST, test)):
        yield NAMES[side], "".join(f"{name}\n" for name in listing.names).encode()
        yield TRACKS[side], "".join(" ".join(map(str, row)) + "\n" for row in listing.tracks).encode()
    queries = [str(row) for row, track in enumerate(test.tracks, 1) if track[0] == INFRARED]
    yield QUERY, (" ".join(queries) + "\n").encode()


def frame(modality: int, person: int, camera: int, tracklet: int, number: int) -> tuple[str, str]:
    """Return a frame's name in the lists, and where it lies below Train or Test."""
    file = f"{number:04d}.jpg"
    name = f"{person:04d}M{modality}D{camera}T{tracklet:04d}F{file}"
    return name, f"{person:04d}/{FOLDERS[modality]}/D{camera}/{file}"


def _files(takes: Iterable[Take], tested: Collection[int]) -> Iterator[File]:
    listings = {TRAIN: Listing(), TEST: Listing()}
    for take in takes:
        scene, side = take.scene, TEST if take.scene.id in tested else TRAIN
        for modality, jpegs in ((VISIBLE, take.visible), (INFRARED, take.infrared)):
            # tracklets of one person and camera share a folder, so their frames are numbered on
            numbers = range((scene.number - 1) * len(jpegs) + 1, scene.number * len(jpegs) + 1)
            made = [frame(modality, scene.id, scene.camera, scene.number, number) for number in numbers]
            yield from ((f"{side}/{path}", data) for (_, path), data in zip(made, jpegs, strict=True))
            listings[side].add(modality, scene.id, scene.camera, [name for name, _ in made])
    yield from list_files(listings[TRAIN], listings[TEST])
