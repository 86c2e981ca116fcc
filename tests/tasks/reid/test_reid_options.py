import dataclasses

import pytest

from isofed.tasks.reid.options import ReidOptions


def test_every_field_is_a_plain_scalar_with_a_default() -> None:
    for field in dataclasses.fields(ReidOptions):
        assert type(field.default) is field.type, field.name
        assert field.type in (int, float, bool, str)


def test_options_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ReidOptions().rounds = 3  # type: ignore[misc]
