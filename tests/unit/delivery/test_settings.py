"""The [delivery] section."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mailferry.delivery.settings import DeliverySettings, UnknownPolicy


def test_the_defaults_keep_mail() -> None:
    settings = DeliverySettings()
    assert settings.retry[0] == 60
    assert settings.expire == 5 * 86400
    assert settings.unknown is UnknownPolicy.RESEND


def test_durations_are_read_as_people_write_them() -> None:
    settings = DeliverySettings.model_validate({"retry": ["1m", "5m"], "expire": "2d", "unknown": "hold"})
    assert (settings.retry, settings.expire, settings.unknown) == ((60, 300), 172800, UnknownPolicy.HOLD)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in DeliverySettings.model_fields.values())


@pytest.mark.parametrize(
    "values", [{"retry": []}, {"retry": ["0s"]}, {"expire": 0}, {"jitter": 2}, {"unknown": "drop"}, {"nonsense": 1}]
)
def test_what_makes_no_sense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DeliverySettings.model_validate(values)
