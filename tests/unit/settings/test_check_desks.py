"""Checks of partner desks: their counters, their tokens, and where their events go."""

from typing import Any

import pytest

from tests.support.configuration import Configuration
from tests.unit.settings.examples import DEMO, FAPI

SHOWN = {"id": "Station.2", "names": {"en": "Station"}, "address": "1 Square", "hours": {"en": "Every day"}}
DESK = {
    "own_scopes": ["desk"],
    "desk_locations": [{"id": "market-street"}, SHOWN],
    "desk_skills": ["chip"],
    "desk_events_uri": "https://post.example/events",
}


@pytest.fixture
def desk(config: Configuration) -> Configuration:
    """The examples with a partner desk."""
    config.change("broker.toml", "desk", {"enabled": True})
    for name, value in DESK.items():
        config.change(FAPI, name, value)
    return config


def test_a_desk_has_counters_skills_and_an_address_for_events(desk: Configuration) -> None:
    settings = desk.settings()
    own = settings.services["land-register"].own
    assert own.is_desk
    assert (own.location_ids, own.desk_skills) == ({"market-street", "Station.2"}, ("chip",))
    assert own.desk_events_uri == "https://post.example/events"
    assert (settings.broker.desk.lease, settings.broker.desk.per_case, settings.broker.desk.per_document) == (
        3600,
        3,
        5,
    )


@pytest.mark.parametrize(
    ("name", "value", "place", "what"),
    [
        ("desk_locations", None, "desk_locations", "at least one counter"),
        ("desk_locations", [{"id": "a"}, {"id": "b"}, {"id": "a"}], "desk_locations[2].id", "listed twice"),
        ("desk_locations", [{"id": "a b"}], "desk_locations[0].id", "cannot be the name"),
        ("desk_locations", [{"id": "a"}, {"id": "x" * 65}], "desk_locations[1].id", "cannot be the name"),
        ("desk_locations", [SHOWN | {"hours": {}}], "desk_locations[0].names", "address and the hours"),
        ("desk_events_uri", "ftp://post.example/", "desk_events_uri", ""),
    ],
)
def test_a_desk_that_could_not_work_is_a_problem(
    desk: Configuration, name: str, value: Any, place: str, what: str
) -> None:
    desk.change(FAPI, name, value)
    [problem] = desk.problems()
    assert problem.path == f"{FAPI}: {place}"
    assert what in problem.what


def test_a_desk_needs_the_api(desk: Configuration) -> None:
    desk.change("broker.toml", "desk.enabled", value=False)
    found = {(problem.path, problem.what) for problem in desk.problems()}
    assert (f"{FAPI}: own_scopes", "partner desks are turned off") in found


def test_a_desk_has_no_bearer_tokens(desk: Configuration) -> None:
    desk.change(DEMO, "own_scopes", ["desk"])
    desk.change(DEMO, "desk_locations", [{"id": "a"}])
    [problem] = desk.problems()
    assert problem.path == f"{DEMO}: own_scopes"
    assert "bound to a key" in problem.what


def test_only_a_desk_has_the_settings_of_one(desk: Configuration) -> None:
    desk.change(FAPI, "own_scopes", None)
    assert {problem.path for problem in desk.problems()} == {
        f"{FAPI}: {name}" for name in ("desk_locations", "desk_skills", "desk_events_uri")
    }
