"""The databases that are read, one description each.

What could not be seen anywhere stands under ``unverified``, and the check repeats it. Reading accepts what
the template says and refuses the rest in a sentence that shows the names that were expected. None of the real
databases was at hand: what is verified is verified by what others wrote of them. ::

    FingerVeinSyn-5M  names: README and sample of EvanWang98/FingerVeinSyn-5M
    FV-USM            names: public loaders that read extractedvein and raw_data
    SDUMLA-HMT        names: public loaders
    MMCBNU_6000       folders: public loaders; names of files are not relied on
    UTFVP             names, fingers, sessions: guide of bob.db.utfvp
    HKPU              names, 513 x 256, six samples: public MATLAB loaders that spell the path; a later copy
                      has a folder Original between, seen in the paths of another program
    PLUSVein-FV3      folders: public loaders of the set of ROIs; names: paths of LED and laser pictures,
                      palmar and dorsal, in public programs
    NUPT-FPV          names: README of REN382333467/NUPT-FPV
    THU-FVFDT         folders of veins: one public loader; those of the dorsal half, which are alike
                      (FDT2_Train), and 610 pictures in each: another; names of files are not relied on
    VERA              names: guide of bob.db.verafinger

Sources: FV-USM: Asaari et al. 2014. SDUMLA-HMT: Yin et al. 2011. MMCBNU_6000: Lu et al. 2013. UTFVP: Ton and
Veldhuis 2013. HKPU: Kumar and Zhou 2012. PLUSVein-FV3: Kauba et al. 2018. NUPT-FPV: Ren et al. 2022.
THU-FVFDT: Yang et al. 2014. VERA: Tome et al. 2014. FingerVeinSyn-5M: Wang et al. 2025 (arXiv 2506.03635).
"""

from isofed.tasks.vein.layouts.database import Database, Part

BOTH = ("left", "right")
DIGITS = ("index", "middle", "ring")
BRACKETS = ("LED", "Laser")
VIEWS = ("PALMAR", "DORSAL")
SYNTHETIC = "*/{subject:05}_{sample:03}_*.png"
FOLDER_AND_KIND = "{subject:05}|Shift"
HKPU_NAME = "{subject}/{finger}/{session}/{subject}_{sample}_{finger}_{session}.bmp"

FINGERVEINSYN = Database(
    name="fingerveinsyn",
    title="FingerVeinSyn-5M",
    subjects=50_000,
    fingers=("",),
    sessions=("",),
    samples=100,
    # the repository's sample has another folder than the finger's number between
    parts={
        "raw": Part(f"raw_images/{SYNTHETIC}", 300, 600, "PNG", "annotated", FOLDER_AND_KIND),
        "roi": Part(f"roi_images/{SYNTHETIC}", 100, 300, "PNG", "whole", FOLDER_AND_KIND, certain=False),
        # the whole pictures again, cut by the edges that are found, as other databases' are
        "edges": Part(f"raw_images/{SYNTHETIC}", 300, 600, "PNG", "edges", FOLDER_AND_KIND),
    },
    unverified=("the size of the pictures under roi_images",),
)
FV_USM = Database(
    name="fv_usm",
    title="FV-USM",
    subjects=123,
    fingers=("1", "2", "3", "4"),
    sessions=("1st_session", "2nd_session"),
    samples=6,
    parts={
        "roi": Part(
            "{session}/extractedvein/vein{subject:03}_{finger}/{sample:02}.jpg", 300, 100, "JPEG", "whole"
        ),
        "raw": Part("{session}/raw_data/{subject:03}_{finger}/{sample:02}.jpg", 480, 640, "JPEG", "edges"),
    },
)
SDUMLA = Database(
    name="sdumla",
    title="SDUMLA-HMT",
    subjects=106,
    fingers=tuple(f"{hand}/{digit}" for hand in BOTH for digit in DIGITS),
    sessions=("",),
    samples=6,
    parts={"raw": Part("{subject:03}/{finger}_{sample}.bmp", 240, 320, "BMP", "edges")},
)
MMCBNU = Database(
    name="mmcbnu",
    title="MMCBNU_6000",
    subjects=100,
    fingers=tuple(f"{hand}_{digit}" for hand in "LR" for digit in ("Fore", "Middle", "Ring")),
    sessions=("",),
    samples=10,
    parts={"roi": Part("ROIs/{subject:03}/{finger}/*.bmp", 60, 128, "BMP", "whole", "{sample:02}")},
)
UTFVP = Database(
    name="utfvp",
    title="UTFVP",
    subjects=60,
    fingers=("1", "2", "3", "4", "5", "6"),  # LR LM LI RI RM RR
    sessions=("", ""),
    samples=2,
    parts={
        "raw": Part(
            "{subject:04}/{subject:04}_{finger}_{trial}_*.png", 380, 672, "PNG", "edges", "120509-141500"
        )
    },
)
HKPU = Database(
    name="hkpu",
    title="HKPU finger image database",
    subjects=156,
    fingers=("f1", "f2"),  # index, middle
    sessions=("1", "2"),
    samples=6,
    parts={
        "vein": Part(f"FingerVein/{HKPU_NAME}", 256, 513, "BMP", "edges"),
        "original": Part(f"FingerVein/Original/{HKPU_NAME}", 256, 513, "BMP", "edges"),  # a later copy's
    },
    images=3132,  # 105 subjects came to the second session; as many files are of the skin's texture
)
PLUSVEIN = Database(
    name="plusvein",
    title="PLUSVein-FV3",
    subjects=60,
    fingers=("02", "03", "04", "07", "08", "09"),
    sessions=("",),
    samples=5,
    parts={
        f"{light.lower()}_{view.lower()}": Part(
            f"PLUS-FV3-{light}/{view}/01/{{subject:03}}/*_{{finger}}_{{sample:02}}.png",
            192,
            736,
            "PNG",
            "whole",
            f"PLUS-FV3-{light}_{view}_01_{{subject:03}}",
            certain=False,
            veins=view.lower(),
        )
        for light in BRACKETS
        for view in VIEWS
    },
    unverified=("192 rows", "60 subjects, 76 in a later version"),
    sensors=True,
)
NUPT_FPV = Database(
    name="nupt_fpv",
    title="NUPT-FPV",
    subjects=140,
    fingers=("1", "2", "3", "4", "5", "6"),
    sessions=("1", "2"),
    samples=10,
    parts={
        "vein": Part(
            "image/Session{session}/FingerVein/{identity:03}/{identity:03}_{sample:02}.bmp",
            300,
            400,
            "BMP",
            "edges",
            certain=False,
        )
    },
    unverified=(
        "six folders in a row are the fingers of one subject",
        "300 x 400 pixels; a public part has 300 x 450",
    ),
)
THU_FVFDT = Database(
    name="thu_fvfdt",
    title="THU-FVFDT",
    subjects=610,
    fingers=("",),
    sessions=("Train", "Test"),
    samples=1,
    parts={"roi": Part("FV2/FV2_{session}/{subject:03}/*.bmp", 100, 200, "BMP", "whole", "1")},
    unverified=(
        "the folders' names, seen in one loader alone",
        "200 x 100 pixels, those of the dorsal half",
    ),
)
VERA = Database(
    name="vera",
    title="VERA Fingervein",
    subjects=110,
    fingers=("L", "R"),
    sessions=("",),
    samples=2,
    parts={
        "raw": Part(
            "full/bf/{subject:03}-*/{subject:03}_{finger}_{sample}.png", 250, 665, "PNG", "edges", "M", False
        )
    },
    unverified=("665 x 250 pixels",),
)

DATABASES: dict[str, Database] = {
    database.name: database
    for database in (
        FINGERVEINSYN,
        FV_USM,
        SDUMLA,
        MMCBNU,
        UTFVP,
        HKPU,
        PLUSVEIN,
        NUPT_FPV,
        THU_FVFDT,
        VERA,
    )
}
