"""Each database's names, written and read back; the published counts; all that is not of the layout."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.tasks.vein.layouts import check
from isofed.tasks.vein.layouts.database import Database, Take, pattern, spelt, understood
from isofed.tasks.vein.layouts.databases import DATABASES

PARTS = [(database, name) for database in DATABASES.values() for name in database.parts]


def named(case: object) -> str:
    """Name a case."""
    return case.name if isinstance(case, Database) else str(case)


@pytest.mark.parametrize(("database", "part"), PARTS, ids=named)
@given(data=st.data())
def test_a_name_comes_back(database: Database, part: str, data: st.DataObject) -> None:
    chosen = database.part(part)
    limits = database.subjects, len(database.fingers), len(database.sessions), database.samples
    take = Take(*(data.draw(st.integers(1, limit)) for limit in limits))
    path = data.draw(st.sampled_from(["", "copy/of it/"])) + spelt(database, chosen, take)
    path = data.draw(st.sampled_from([path, path.upper(), path.lower()]))
    ((found, back),) = understood(database, [path], pattern(database, chosen))
    counted = "{sample" in chosen.template or "{trial" in chosen.template
    assert back == path
    assert found == (take if counted else Take(take.subject, take.finger, take.session, 1))


@pytest.mark.parametrize(
    ("name", "path", "take"),
    [
        ("fingerveinsyn", "raw_images/04551/04551_013_Rotate.png", Take(4551, 1, 1, 13)),
        ("fingerveinsyn", "FingerVeinSyn5M/raw_images/example/04551_100_Multi.png", Take(4551, 1, 1, 100)),
        ("fv_usm", "2nd_session/extractedvein/vein012_4/06.jpg", Take(12, 4, 2, 6)),
        ("sdumla", "106/right/ring_6.bmp", Take(106, 6, 1, 6)),
        ("mmcbnu", "ROIs/100/L_Middle/10.bmp", Take(100, 2, 1, 1)),
        ("utfvp", "0007/0007_3_4_120523-093011.png", Take(7, 3, 2, 2)),
        ("hkpu", "FingerVein/2/f1/1/2_1_f1_1.bmp", Take(2, 1, 1, 1)),
        ("hkpu", "FingerVein/86/f2/2/86_5_f2_2.bmp", Take(86, 2, 2, 5)),
        ("plusvein", "PLUS-FV3-LED/PALMAR/01/002/PLUS-FV3-LED_PALMAR_01_002_09_01.png", Take(2, 6, 1, 1)),
        (
            "plusvein",
            "PLUS-FV3-LED/PALMAR/01/059/1376-PLUS-FV3-LED_PALMAR_059_01_09_04.png",
            Take(59, 6, 1, 4),
        ),
        ("nupt_fpv", "image/Session2/FingerVein/008/008_10.bmp", Take(2, 2, 2, 10)),
        ("thu_fvfdt", "FV2/FV2_Train/001/1.bmp", Take(1, 1, 1, 1)),
        ("thu_fvfdt", "FV2/FV2_Test/610/1.bmp", Take(610, 1, 2, 1)),
        ("vera", "full/bf/009-F/009_R_2.png", Take(9, 2, 1, 2)),
    ],
)
def test_published_names(name: str, path: str, take: Take) -> None:
    database = DATABASES[name]
    assert understood(database, [path], pattern(database, database.part())) == [(take, path)]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("sdumla", "001/left/Thumbs.db"),
        ("sdumla", "001/left/index_1.bmp.tmp"),
        ("utfvp", "0007/0008_3_4_120523.png"),
        ("fv_usm", "3rd_session/extractedvein/vein001_1/01.jpg"),
        ("vera", "full/pa/001-M/001_L_1.png"),
        ("nupt_fpv", "image/Session1/FingerPrint/001/001_01.bmp"),
        ("hkpu", "FingerVein/Processed/Mask/98_6_f2_2.bmp"),
        ("hkpu", "FingerTexture/2/f1/1/2_1_f1_1.bmp"),
        ("hkpu", "FingerVein/2/f1/1/3_1_f1_1.bmp"),
        ("thu_fvfdt", "FDT2/FDT2_Train/001/1.bmp"),
        ("thu_fvfdt", "FV1/FV1_Train/001/1.bmp"),
    ],
)
def test_other_files_are_passed_over(name: str, path: str) -> None:
    database = DATABASES[name]
    assert understood(database, [path], pattern(database, database.part())) == []


def test_a_later_copy_of_hkpu_is_another_part() -> None:
    database, path = DATABASES["hkpu"], "PolyU/FingerVein/Original/82/f2/1/82_6_f2_1.bmp"
    assert understood(database, [path], pattern(database, database.part("original"))) == [
        (Take(82, 2, 1, 6), path)
    ]
    assert spelt(database, database.part("original"), Take(82, 2, 1, 6)) == path.partition("/")[2]


def test_without_a_number_the_order_of_names_counts() -> None:
    database = DATABASES["mmcbnu"]
    paths = [f"ROIs/001/{finger}/{name}.bmp" for finger in ("L_Fore", "R_Ring") for name in "abc"]
    found = understood(database, paths, pattern(database, database.part()))
    assert [take for take, _ in found] == [Take(1, f, 1, s) for f in (1, 6) for s in (1, 2, 3)]


@pytest.mark.parametrize(
    ("name", "subjects", "fingers", "images"),
    [
        ("fingerveinsyn", 50_000, 50_000, 5_000_000),
        ("fv_usm", 123, 492, 5_904),
        ("sdumla", 106, 636, 3_816),
        ("mmcbnu", 100, 600, 6_000),
        ("utfvp", 60, 360, 1_440),
        ("hkpu", 156, 312, 3_132),
        ("plusvein", 60, 360, 1_800),
        ("nupt_fpv", 140, 840, 16_800),
        ("thu_fvfdt", 610, 610, 1_220),
        ("vera", 110, 220, 440),
    ],
)
def test_published_counts(name: str, subjects: int, fingers: int, images: int) -> None:
    assert check.published(DATABASES[name]) == check.Counts(subjects, fingers, images)


@pytest.mark.parametrize(
    ("name", "genuine", "impostor"),
    [
        ("fv_usm", 32_472, 17_393_184),
        ("sdumla", 9_540, 7_269_480),
        ("mmcbnu", 27_000, 17_970_000),
        ("utfvp", 2_160, 1_033_920),
        ("nupt_fpv", 159_600, 140_952_000),
        ("plusvein", 3_600, 1_615_500),
    ],
)
def test_all_pairs_of_a_whole_database(name: str, genuine: int, impostor: int) -> None:
    counts = check.published(DATABASES[name])
    assert check.pairs(counts.fingers, counts.images // counts.fingers) == (genuine, impostor)
