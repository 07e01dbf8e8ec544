"""Public statements: they follow from settings, from the retention table, and from what the product states."""

from datetime import date
from pathlib import Path

import pytest

from broker.assisted.profiles import default_profiles
from broker.model.statements import KeptKind, PolicySubject
from broker.settings.texts import READY
from broker.stores.sql.retention import AGES
from broker.web.public.statements_pages import packaged
from broker.wiring.public_statements import ENDED, statements
from tests.support.configuration import Configuration, examples

DAY = 86_400
NOT_OF_CITIZENS = {
    "client_tokens",
    "used_jtis",
    "kept_identities",
    "passkeys",
    "freeze_links",
    "desk_answers",
    "desk_counts",
    "staff_attempts",
    "staff_drafts",
    "quality_samples",
    "exercises",
    "incident_jobs",
    "measured_cases",
    "staff_sessions",
    "staff_people",
    "staff_changes",
    "access_reviews",
    "audit_exports",
    "disruptions",
    "status_notes",
    "saved_views",
}
"""Tables about staff, services and providers, about cases without their data, or whose rows end with their expiry."""


@pytest.fixture
def config(tmp_path: Path) -> Configuration:
    """The examples."""
    return examples(tmp_path)


def test_the_privacy_notice_has_a_time_for_every_table_of_the_retention_table_that_is_about_citizens() -> None:
    told = {*ENDED, "sign_in_failures", "bookings", "notifications", "feedback"}
    assert set(AGES) == told | NOT_OF_CITIZENS
    assert not told & NOT_OF_CITIZENS


def test_the_times_follow_from_the_settings(config: Configuration) -> None:
    found = statements(config.settings(prepared=False))
    assert set(found.kept) == set(KeptKind)
    assert found.kept[KeptKind.FAILED] == 90 * DAY
    assert found.kept[KeptKind.ENDED] == 7 * DAY
    config.change("broker.toml", "assisted.redress", "12 days")
    config.change("broker.toml", "sessions", {"absolute": "2 hours"})
    config.change("broker.toml", "assisted.files", None)
    changed = statements(config.settings(prepared=False)).kept
    assert (changed[KeptKind.HELP], changed[KeptKind.SIGNED_IN]) == (12 * DAY, 7200)
    assert KeptKind.FILES not in changed


def test_the_rules_of_now_are_those_in_use(config: Configuration) -> None:
    policy = statements(config.settings(prepared=False)).policy
    assert (policy.version, policy.own) == (default_profiles().version, False)
    assert policy.levels == ("low", "substantial", "high")


def test_each_version_of_the_evidence_profiles_has_an_entry_of_what_changed_and_why() -> None:
    changes = [one for one in packaged().decisions if one.about is PolicySubject.PROFILES]
    assert max(changes, key=lambda change: (change.day, change.version)).version == default_profiles().version
    assert len({one.version for one in changes}) == len(changes)


def test_what_the_product_states_of_itself_exists_in_every_language() -> None:
    stated = packaged()
    texts = [*stated.gaps, *(text for one in stated.decisions for text in (one.what, one.why))]
    assert all(set(text) == set(READY) and all(text.values()) for text in texts)


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("privacy.controller", {"en": "A"}, "broker.toml: privacy.controller"),
        ("privacy.contact", "nobody", "broker.toml: privacy.contact"),
        ("privacy.regulator_url", "ftp://x", "broker.toml: privacy.regulator_url"),
        ("accessibility", {"gaps": [{"en": "A"}]}, "broker.toml: accessibility.gaps[0]"),
        ("accessibility", {"tested": "yesterday"}, "broker.toml: accessibility.tested"),
        (
            "decisions",
            [{"day": date(2026, 11, 1), "what": {"en": "A", "cy": "B"}, "why": {"en": "A"}}],
            "broker.toml: decisions[0].why",
        ),
    ],
)
def test_a_statement_that_not_everybody_could_read_is_refused(
    config: Configuration, path: str, value: object, place: str
) -> None:
    config.change("broker.toml", path, value)
    assert place in {problem.path for problem in config.problems(prepared=False)}
