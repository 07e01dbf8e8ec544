"""Checks of the texts of public statements: `[privacy]`, `[accessibility]` and `[[decisions]]`."""

from collections.abc import Iterator, Mapping

from broker.normalize.email import sendable
from broker.platform.toml_loader import Problem
from broker.settings.schema import BrokerSettings
from broker.settings.texts import check_texts
from broker.settings.urls import check_url


def check_statements(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks that what is written exists in every language, and that contacts can be used."""
    privacy = broker.privacy
    written: dict[str, Mapping[str, str]] = {
        "privacy.controller": privacy.controller,
        "privacy.ground": privacy.ground,
        "privacy.regulator": privacy.regulator,
    }
    for place, texts in written.items():
        if texts:
            yield from check_texts(place, texts, broker.languages)
    if privacy.contact is not None and sendable(privacy.contact) is None:
        yield Problem("privacy.contact", "this is not an email address", "write such as privacy@portico.example")
    if privacy.regulator_url is not None:
        yield from check_url("privacy.regulator_url", privacy.regulator_url, development=broker.development)
    for i, gap in enumerate(broker.accessibility.gaps):
        yield from check_texts(f"accessibility.gaps[{i}]", gap, broker.languages)
    for i, change in enumerate(broker.decisions):
        yield from check_texts(f"decisions[{i}].what", change.what, broker.languages)
        yield from check_texts(f"decisions[{i}].why", change.why, broker.languages)
