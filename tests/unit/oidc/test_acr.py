"""`acr_values`, the essential `acr` claim and `default_acr_values`: the minimum level of an authorization request."""

import json

import pytest

from broker.model.assurance import Level
from tests.unit.oidc.examples import plain, refused, service


# Levels
def essential(*values: str) -> str:
    return json.dumps({"id_token": {"acr": {"essential": True, "values": list(values)}}})


@pytest.mark.parametrize(
    ("acr_values", "minimum"),
    [
        (None, Level.LOW),
        ("low", Level.LOW),
        ("substantial", Level.SUBSTANTIAL),
        ("high", Level.HIGH),
        ("high substantial", Level.SUBSTANTIAL),
        ("substantial high", Level.SUBSTANTIAL),
        ("unknown", Level.LOW),
        ("unknown high", Level.HIGH),
        ("HIGH", Level.LOW),
    ],
)
def test_the_lowest_known_acr_value_is_the_minimum(acr_values: str | None, minimum: Level) -> None:
    assert plain(acr_values=acr_values).min_level is minimum


def test_a_preference_for_a_level_is_no_minimum() -> None:
    assert plain(service(acr_is_preference=True), acr_values="high").min_level is Level.LOW
    assert plain(service(acr_is_preference=True), claims=essential("high")).min_level is Level.HIGH


def test_the_level_of_the_services_file_is_the_floor() -> None:
    careful = service(level=Level.SUBSTANTIAL)
    assert plain(careful).min_level is Level.SUBSTANTIAL
    assert plain(careful, acr_values="low").min_level is Level.SUBSTANTIAL
    assert plain(careful, acr_values="high").min_level is Level.HIGH
    assert plain(careful, claims=essential("low")).min_level is Level.SUBSTANTIAL


def test_an_essential_acr_is_the_minimum_whatever_acr_values_say() -> None:
    assert plain(claims=essential("high", "substantial", "unknown")).min_level is Level.SUBSTANTIAL
    single = json.dumps({"id_token": {"acr": {"essential": True, "value": "high"}}})
    assert plain(claims=single, acr_values="low").min_level is Level.HIGH
    assert plain(service(acr_is_preference=True), claims=single).min_level is Level.HIGH


def test_an_essential_acr_of_unknown_values_is_refused_as_unmet() -> None:
    assert refused(claims=essential("platinum")).code == "unmet_authentication_requirements"


def test_an_essential_acr_without_a_value_demands_no_level() -> None:
    assert plain(claims=json.dumps({"id_token": {"acr": {"essential": True}}})).min_level is Level.LOW


def test_an_acr_that_is_not_essential_is_a_wish() -> None:
    wish = json.dumps({"id_token": {"acr": {"values": ["high"]}}})
    assert plain(claims=wish).min_level is Level.HIGH
    assert plain(service(acr_is_preference=True), claims=wish).min_level is Level.LOW
    assert plain(claims=json.dumps({"id_token": {"acr": {"values": ["platinum"]}}})).min_level is Level.LOW
