"""``isofed score reid``: score embeddings in an .npz file or a folder by the rules of a benchmark."""

import argparse
import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isofed.errors import ConfigError, DataError
from isofed.suggest import nearest
from isofed.tasks.reid.benchmarks.benchmark import (
    AUTO,
    SEARCHES,
    Benchmark,
    benchmark,
    gallery_draws,
    score_draws,
    summarise,
)
from isofed.tasks.reid.benchmarks.distances import METRICS
from isofed.tasks.reid.benchmarks.draws import DRAWS
from isofed.tasks.reid.benchmarks.embeddings import Embeddings, embeddings
from isofed.tasks.reid.benchmarks.retrieval import RULES

SIDES = ("query", "gallery")
FIELDS = ("features", "ids", "cams")

GUIDE = """\
FILE.npz holds six arrays:
  query_features    floats (Nq, D)    gallery_features  floats (Ng, D)
  query_ids         integers (Nq,)    gallery_ids       integers (Ng,)
  query_cams        integers (Nq,)    gallery_cams      integers (Ng,)
Or it is a folder with the same six as query_features.npy and so on. A folder's features are mapped, not
read into memory: that is the way for a large gallery, which is compared block by block (10,000 queries
against 1,000,000 images of 128 dimensions take a few minutes on two cores and 0.4 GB beside the features).
The gallery holds every visible test image, in file order inside each person and camera; the draws
choose from it. Features need not be normalised.

  np.savez("test.npz", query_features=q, query_ids=qi, query_cams=qc,
           gallery_features=g, gallery_ids=gi, gallery_cams=gc)
  isofed score reid test.npz --rule sysu
  isofed score reid test.npz --rule sysu --search indoor --shots 10
  isofed score reid FOLDER --rule regdb
  isofed score reid test.npz --rule sysu --draws official --permutations rand_perm_cam.mat

rules:
  sysu    queries of cameras 3 and 6 (infrared), gallery of 1, 2, 4 and 5; a query of camera 3 skips
          camera 2, which films the same room; CMC counts distinct persons
  regdb   nothing is skipped, CMC counts images, no draws
  llcm    images of the query's person from the query's camera are skipped; CMC counts distinct persons
  hitsz_vcm   skips what llcm skips, CMC counts tracklets, no draws
  buptcampus  as regdb, of tracklets

Printed is one JSON object. R1 R5 R10 R20 mAP mINP go from 0 to 1: mean, and spread (sample standard
deviation), over the draws of one model. queries counts those with a correct image left in the
gallery, left_out the others; gallery is the number of images in a draw; shots is null where the
whole gallery is ranked.
"""


def main(argv: list[str]) -> int:
    """Score one file and print one JSON object; return 0.

    Args:
        argv: the arguments after ``isofed score reid``.

    Raises:
        ConfigError: an option is unknown, lacks its value or does not go with the others.
        DataError: a file is missing or does not hold what it should.
    """
    options = _parse(argv)
    setting = benchmark(
        options.rule,
        options.search,
        _whole_number("--shots", options.shots),
        options.draws,
        options.metric,
        None if options.permutations is None else Path(options.permutations),
    )
    query, gallery = _load(Path(options.file))
    draws = gallery_draws(setting, query, gallery)
    found = score_draws(query, gallery, RULES[setting.rule], draws, setting.metric)
    counts = {
        "repetitions": len(draws),
        "queries": found[0].queries,
        "left_out": len(query) - found[0].queries,
        "gallery": len(draws[0]),
    }
    sys.stdout.write(json.dumps(summarise(found) | _described(setting) | counts, indent=2) + "\n")
    return 0


def _described(setting: Benchmark) -> dict[str, object]:
    names = ("rule", "search", "shots", "draws", "metric")
    described = {name: getattr(setting, name) for name in names}
    return described | ({"shots": None} if setting.draws == "none" else {})


def parser() -> argparse.ArgumentParser:
    """Return the parser; names are checked later, where a near miss can be named."""
    made = argparse.ArgumentParser(
        prog="isofed score reid",
        description="Score re-identification embeddings by the rules of five data sets.",
        epilog=GUIDE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        exit_on_error=False,
    )
    made.add_argument("file", nargs="?", metavar="FILE.npz|FOLDER", help="embeddings, identities and cameras")
    made.add_argument("--rule", metavar="|".join(RULES), help="required")
    made.add_argument("--search", default="all", metavar="|".join(SEARCHES), help="default all; sysu only")
    made.add_argument("--shots", default="1", metavar="1|10", help="images per person and camera; default 1")
    made.add_argument(
        "--draws", default=AUTO, metavar="|".join((AUTO, *DRAWS)), help="default auto, by the rule"
    )
    made.add_argument("--permutations", metavar="FILE.mat", help="rand_perm_cam.mat, for official draws")
    made.add_argument("--metric", default="cosine", metavar="|".join(METRICS), help="default cosine")
    return made


def _parse(argv: list[str]) -> argparse.Namespace:
    made = parser()
    try:
        options, unknown = made.parse_known_args(argv)
    except argparse.ArgumentError as error:
        raise ConfigError(f"{error}; see isofed score reid --help") from error
    if unknown:
        known = [f"--{name}" for name in vars(options) if name != "file"]
        hint = nearest(unknown[0].split("=")[0], known) or "; see isofed score reid --help"
        raise ConfigError(f"unknown argument '{unknown[0]}'{hint}")
    if options.file is None:
        raise ConfigError("write the file of embeddings: isofed score reid FILE.npz --rule sysu")
    if options.rule is None:
        raise ConfigError(f"write the rule to score by: --rule {'|'.join(RULES)}")
    return options


def _whole_number(option: str, text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(f"{option} must be a whole number, found '{text}'")
    return int(text)


def _load(path: Path) -> tuple[Embeddings, Embeddings]:
    wanted = [f"{side}_{field}" for side in SIDES for field in FIELDS]
    try:
        arrays = _mapped(path, wanted) if path.is_dir() else _unpacked(path, wanted)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as plain arrays of numbers: {error}") from error
    return embeddings("query", *arrays[:3]), embeddings("gallery", *arrays[3:])


def _mapped(folder: Path, wanted: Sequence[str]) -> list[NDArray[Any]]:
    missing = [f"{name}.npy" for name in wanted if not (folder / f"{name}.npy").is_file()]
    if missing:
        raise DataError(f"{folder} lacks {', '.join(missing)}; write them with numpy.save")
    return [np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in wanted]


def _unpacked(path: Path, wanted: Sequence[str]) -> list[NDArray[Any]]:
    if not path.is_file():
        raise DataError(f"there is no file {path}; write the path of an .npz file or of a folder")
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is no .npz file; write it with numpy.savez, see isofed score reid --help")
    with np.load(path, allow_pickle=False) as archive:
        missing = [name for name in wanted if name not in archive.files]
        if missing:
            raise DataError(f"{path} lacks {', '.join(missing)}; it holds {', '.join(archive.files)}")
        return [archive[name] for name in wanted]
