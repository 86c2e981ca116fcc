"""XML as published: every number comes back, defects are read as they stand, what has no box is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isofed.errors import DataError
from isofed.tasks.vein.layouts.annotation import FLAGS, Annotation, parse, spell

PUBLISHED = b"""<?xml version="1.0" encoding="UTF-8"?>
<annotation><image file="04551_069_Multi.png" mask="04551_069_Multi.png" width="600" height="300">
<IntraVar><rotation><angle>-8.20</angle></rotation>
<shift><x_offset>-12.00</x_offset><y_offset>29.00</y_offset></shift>
<roll>0.00</roll><scale>0.00</scale><IsRoll>True</IsRoll><IsShift>True</IsShift>
<IsRotate>True</IsRotate><IsScale>False</IsScale></IntraVar>
<bbox><center_x>227.00</center_x><center_y>140.00</center_y><width>478.00</width><height>126.00</height></bbox>
<joint_points><point><x>-9.68</x><y>120.88</y></point><point><x>204.18</x><y>139.79</y></point>
</joint_points></image></annotation>"""
number = st.integers(-99_999, 99_999).map(lambda cents: cents / 100)
size = st.integers(1, 60_000).map(lambda cents: cents / 100)


def test_the_published_form_with_its_defects() -> None:
    found = parse(PUBLISHED)
    assert (found.center, found.size) == ((227.0, 140.0), (478.0, 126.0))
    assert (found.angle, found.shift, found.roll, found.scale) == (-8.2, (-12.0, 29.0), 0.0, 0.0)
    assert found.joints == ((-9.68, 120.88), (204.18, 139.79))
    assert found.flags["IsRoll"] and not found.flags["IsScale"] and not found.flags["IsExposure"]


@given(
    st.builds(
        Annotation,
        center=st.tuples(number, number),
        size=st.tuples(size, size),
        angle=number,
        shift=st.tuples(number, number),
        roll=number,
        scale=number,
        joints=st.lists(st.tuples(number, number), max_size=4).map(tuple),
        flags=st.fixed_dictionaries({name: st.booleans() for name in FLAGS}),
    )
)
def test_what_is_spelt_comes_back(annotation: Annotation) -> None:
    assert parse(spell(annotation, "00001_001_Shift.png")) == annotation


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "no XML"),
        (b"<annotation>", "no XML"),
        (b"<other/>", "no XML"),
        (PUBLISHED.replace(b"<bbox>", b"<box>").replace(b"</bbox>", b"</box>"), "no whole ROI box"),
        (PUBLISHED.replace(b"478.00", b"wide"), "no whole ROI box"),
        (PUBLISHED.replace(b"478.00", b"0.00"), "no whole ROI box"),
        (PUBLISHED.replace(b"478.00", b"nan"), "no whole ROI box"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + PUBLISHED[38:], "no XML"),
        (PUBLISHED + b" " * 1_000_000, "no XML"),
    ],
)
def test_what_is_no_annotation_is_refused(text: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        parse(text)
