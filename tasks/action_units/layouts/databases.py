"""Where each database of CD6ME keeps its frames, and what a whole copy holds."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from isofed.tasks.action_units.labels import Clip

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp")
LAST = re.compile(r"(\d+)\D*$")


@dataclass(frozen=True)
class Database:
    """One collection site.

    Args:
        key: as in the table's column ``dataset``; also the site's name.
        title: of the database.
        folders: below the root, of a clip's frames, the first that is there; ``{subject}``, ``{material}``
            and ``{emotion}`` stand for what the table says.
        frame: how a written frame is called; a reader looks at the number alone.
        rate: frames a second; those of FOURD, MMEW and CAS(ME)3 are not confirmed.
        grey: whether the frames have no colour.
        clips, subjects: of a whole copy.
    """

    key: str
    title: str
    folders: tuple[str, ...]
    frame: str
    rate: int
    grey: bool
    clips: int
    subjects: int

    @property
    def top(self) -> str:
        """The folder that holds all of the database."""
        return self.folders[0].split("/")[0]

    def paths(self, root: Path, clip: Clip) -> tuple[Path, ...]:
        """Return where a clip's frames may lie."""
        names = {"subject": clip.subject, "material": clip.material, "emotion": clip.emotion}
        return tuple(root / folder.format(**names) for folder in self.folders)

    def written(self, clip: Clip, frame: int) -> str:
        """Return a frame's path below the root."""
        names = {"subject": clip.subject, "material": clip.material, "emotion": clip.emotion}
        return f"{self.folders[0].format(**names)}/{self.frame.format(material=clip.material, frame=frame)}"


DATABASES = {
    made.key: made
    for made in (
        Database(
            "casme",
            "CASME",
            ("CASME/Cropped/sub{subject}/{material}",),
            "reg_{material}-{frame:03d}.jpg",
            60,
            False,
            189,
            19,
        ),
        Database(
            "casme2",
            "CASME II",
            ("CASME2/Cropped/sub{subject}/{material}",),
            "reg_img{frame}.jpg",
            200,
            False,
            256,
            26,
        ),
        Database(
            "samm",
            "SAMM",
            ("SAMM/SAMM_CROP/{subject}/{material}",),
            "{material}_{frame:05d}.jpg",
            200,
            True,
            159,
            29,
        ),
        Database(
            "fourd",
            "4DME",
            ("4DMicro/gray_micro_crop/{subject}/{material}",),
            "{frame}.jpg",
            60,
            True,
            267,
            42,
        ),
        Database(
            "mmew", "MMEW", ("MMEW/Micro_Expression/{emotion}/{material}",), "{frame}.jpg", 90, False, 300, 30
        ),
        Database(
            "casme3a",
            "CAS(ME)3",
            (
                "CASME3/ME_A_cropped/{subject}/{material}/color",
                "CASME3/ME_A_cropped/{subject}/{material}",
            ),
            "{frame}.jpg",
            30,
            False,
            860,
            94,
        ),
    )
}


def number(name: str) -> int | None:
    """Return a frame's number: the last digits of its file's name; None of what is no picture.

    Example:
        >>> number("reg_EP01_12-018.jpg"), number("notes.txt")
        (18, None)
    """
    stem, ending = os.path.splitext(name)
    found = LAST.search(stem) if ending.lower() in ENDINGS and name[0] != "." else None
    return int(found.group(1)) if found else None


def frames(paths: tuple[Path, ...]) -> dict[int, Path]:
    """Return the frames of the first folder that has some, by their numbers, in their order."""
    for folder in paths:
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
        except OSError:
            continue
        numbered = {place: folder / name for name in reversed(names) if (place := number(name)) is not None}
        if numbered:
            return dict(sorted(numbered.items()))
    return {}
