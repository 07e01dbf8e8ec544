"""Presets are read, merged and named; every provider's facts are well formed."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from broker.provider import Prerequisite
from providers import presets
from providers.presets import merge, preset_environments, preset_names, preset_table
from providers.presets.document import providers_document
from providers.presets.fact_files import FactStatus, facts, facts_names
from providers.presets.topics import REMARKS, TOPICS
from tests.unit.providers.presets.exchange import entry_of

STONE = """
kind = "openid"
"""

CASTLE = """
base = "stone"
[openid]
scopes = ["openid", "profile"]
claim_map = { name = "full_name", email = "mail" }
[environments.live.openid]
issuer = "https://id.castle.example"
[environments.test.openid]
issuer = "https://test.castle.example"
scopes = ["openid"]
claim_map = { name = "name" }
"""


@pytest.fixture
def castle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An invented preset and its family in place of the real ones."""
    (tmp_path / "castle.toml").write_text(CASTLE)
    (tmp_path / "families").mkdir()
    (tmp_path / "families" / "stone.toml").write_text(STONE)
    monkeypatch.setattr(presets, "_FOLDER", tmp_path)
    preset_names.cache_clear()
    presets._whole.cache_clear()
    yield
    preset_names.cache_clear()
    presets._whole.cache_clear()


@pytest.mark.usefixtures("castle")
def test_a_preset_is_merged_with_the_environment_of_its_provider() -> None:
    assert preset_names() == ("castle",)
    assert preset_environments("castle") == ("live", "test")
    assert preset_table("castle") == {
        "kind": "openid",
        "openid": {
            "scopes": ["openid", "profile"],
            "claim_map": {"name": "full_name", "email": "mail"},
            "issuer": "https://id.castle.example",
        },
    }
    assert preset_table("castle", "test")["openid"] == {
        "scopes": ["openid"],
        "claim_map": {"name": "name", "email": "mail"},
        "issuer": "https://test.castle.example",
    }


@pytest.mark.usefixtures("castle")
@pytest.mark.parametrize(("name", "environment"), [("tower", "live"), ("../castle", "live"), ("castle", "moon")])
def test_a_preset_or_environment_that_does_not_exist_is_a_lookup_error(name: str, environment: str) -> None:
    with pytest.raises(LookupError, match=f'"{name if name != "castle" else environment}"'):
        preset_table(name, environment)


def test_tables_merge_key_by_key_and_everything_else_as_a_whole() -> None:
    below = {"a": 1, "b": [1, 2], "c": {"d": 1, "e": {"f": 1}}, "g": {"h": 1}}
    above = {"b": [3], "c": {"e": {"i": 2}}, "g": 5, "j": {}}
    assert merge(below, above) == {"a": 1, "b": [3], "c": {"d": 1, "e": {"f": 1, "i": 2}}, "g": 5, "j": {}}
    assert below == {"a": 1, "b": [1, 2], "c": {"d": 1, "e": {"f": 1}}, "g": {"h": 1}}


@pytest.mark.parametrize("name", facts_names())
def test_facts_have_a_topic_a_source_and_a_page(name: str) -> None:
    known = facts(name)
    assert known.title
    assert len(known.country) == 2
    assert {fact.source for fact in known.facts} == set(known.sources)
    for source in known.sources.values():
        assert source.url.startswith(("https://", "docs/"))
    for fact in known.facts:
        assert fact.value != "", fact
        assert fact.page or fact.status is not FactStatus.READ, fact
    once = [fact.about for fact in known.facts if fact.about not in REMARKS]
    assert len(once) == len(set(once)), "a topic that is held against the preset stands once"


def test_a_fact_may_have_a_day_of_its_own_which_the_document_names() -> None:
    about = facts("signicat")
    assert about.sources["guide"].read == date(2026, 11, 29)
    assert {fact.read for fact in about.facts} == {date(2026, 11, 29), date(2026, 11, 30)}
    assert "| guide, identity-methods/sbid/code-examples, 2026-11-30 | read |" in providers_document()


def test_what_citizens_are_told_is_unconfirmed_unless_the_facts_say_otherwise() -> None:
    assert facts("itsme").card is FactStatus.PARTLY
    assert facts("tara").card is FactStatus.UNCONFIRMED
    assert "Both, and what citizens need: unconfirmed." in providers_document()


def test_remarks_are_topics() -> None:
    assert TOPICS.keys() > REMARKS


def test_the_page_about_each_provider_says_who_runs_it() -> None:
    for name in preset_names():
        card = preset_table(name)
        if name == "esignet":
            continue  # each deployment of eSignet has an operator of its own
        assert card["operator"].keys() == {"en", "cy", "ar"}, name
        assert card["page"].startswith("https://"), name


def test_one_document_is_enough_for_providers_that_accept_several() -> None:
    """A citizen with a passport alone can prove who they are at GOV.UK One Login, so it stands at the top for them."""
    for name in preset_names():
        card = preset_table(name)
        if card.get("one_prerequisite_suffices", False):
            assert len(card["prerequisites"]) > 1, name
    info = entry_of("gov-uk-one-login").card
    assert info.fits(frozenset({Prerequisite.PASSPORT}))
    assert not info.fits(frozenset({Prerequisite.SMARTPHONE}))
