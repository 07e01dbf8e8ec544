"""Provider settings: levels of assurance that services can reach, and the policy of a provider."""

from datetime import date

from broker.assisted.deadlines import CasePolicy
from broker.assisted.opening import BusinessHours
from broker.model.provider_policy import ProviderPolicy
from tests.support.configuration import Configuration
from tests.unit.settings.examples import BANK


def test_without_staff_help_must_be_turned_off(config: Configuration) -> None:
    (config.folder / "staff.toml").unlink()
    assert [problem.path for problem in config.problems()] == ["broker.toml: assisted.enabled"]
    config.change("broker.toml", "assisted.enabled", value=False)
    assert config.settings().staff is None


def test_a_level_that_no_provider_reaches_is_a_problem_unless_help_is_offered(config: Configuration) -> None:
    config.change("services/travel-office.toml", "providers", ["bank", "harbour"])
    config.change(BANK, "id", "bank")
    assert config.settings()
    config.change("services/travel-office.toml", "assisted", value=False)
    assert [problem.path for problem in config.problems()] == ["services/travel-office.toml: level"]
    config.change("services/travel-office.toml", "providers", ["bank", "eid"])
    assert config.settings()
    for change in ({"enabled": False}, {"staff_only": True}, {"services": ["demo-service"]}):
        config.change("providers/eid.toml", "policy", change)
        assert [problem.path for problem in config.problems()] == ["services/travel-office.toml: level"]


def test_the_listing_of_a_provider_arrives_with_its_dates_in_seconds(config: Configuration) -> None:
    config.change(
        BANK,
        "policy",
        {
            "enabled": False,
            "services": ["demo-service"],
            "accept_new_until": date(2027, 3, 31),
            "accept_sign_in_until": date(2027, 6, 30),
            "paused": {"en": "Works", "cy": "Gwaith"},
            "paused_until": date(2027, 1, 1),
            "languages": ["en"],
            "weight": 3,
            "staff_only": True,
            "contact": "here",
        },
    )
    assert config.settings().providers["northbank"].policy == ProviderPolicy(
        enabled=False,
        services=("demo-service",),
        accept_new_until=1806451200.0,
        accept_sign_in_until=1814313600.0,
        paused={"en": "Works", "cy": "Gwaith"},
        paused_until=1798761600.0,
        languages=("en",),
        weight=3,
        staff_only=True,
        contact="here",
    )


def test_the_table_assisted_is_the_policy_of_cases_with_its_defaults_and_business_hours(config: Configuration) -> None:
    london = BusinessHours(time_zone="Europe/London")
    shown = config.settings().broker.assisted
    own = {"correction": shown.correction, "channels": shown.channels, "offices": shown.offices, "files": shown.files}
    own |= {"video_rooms": shown.video_rooms}
    assert shown == CasePolicy(hours=london, **own)
    config.change("broker.toml", "assisted.lease", "10 minutes")
    config.change("broker.toml", "assisted.hours.days", ["sat", "sun"])
    hours = BusinessHours(("sat", "sun"), time_zone="Europe/London")
    assert config.settings().broker.assisted == CasePolicy(lease=600, hours=hours, **own)


def test_shares_of_a_failing_provider_need_an_order_by_chance(config: Configuration) -> None:
    config.change(BANK, "policy", {"fallback_share": 30, "overflow": "others"})
    assert config.settings()
    config.change("broker.toml", "picker", {"order": "alphabetical"})
    assert [problem.path for problem in config.problems()] == [f"{BANK}: policy.fallback_share"]
    config.change(BANK, "policy", {"overflow": "others"})
    assert config.settings()


def test_moving_after_the_end_needs_the_pages_of_the_account(config: Configuration) -> None:
    moving = {"accept_sign_in_until": date(2027, 1, 1), "accept_moving_until": date(2027, 6, 1)}
    config.change(BANK, "policy", moving)
    assert config.settings()
    config.change("broker.toml", "accounts", {"enabled": False})
    assert [problem.path for problem in config.problems()] == [f"{BANK}: policy.accept_moving_until"]


def test_passkeys_need_no_file_beside_their_own_and_are_there_once(config: Configuration) -> None:
    entry = config.settings().providers["passkey"]
    assert (entry.kind, entry.card.names["en"], list(entry.files())) == ("passkey", "Passkey", [])
    (config.folder / "providers" / "keys.toml").write_text('kind = "passkey"\npreset = "passkey"\n', "utf-8")
    assert [problem.path for problem in config.problems()] == [
        "providers/keys.toml: kind",
        "providers/passkey.toml: kind",
    ]
