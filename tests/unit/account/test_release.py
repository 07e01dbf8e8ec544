"""Release of claims: only what was requested, registered and consented to."""

from collections.abc import Collection, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.account.release import consent_items, consent_required, missing_claims, released_claims
from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.model.request import AuthorizationRequest
from broker.model.service import ClaimPurpose, Service
from tests.support.services import make_service

CLAIMS = ("name", "birthdate", "email", "address", "phone_number")
SOME = st.lists(st.sampled_from(CLAIMS), unique=True)
VALUES = st.dictionaries(st.sampled_from(CLAIMS), st.sampled_from(["x", "", None, {"formatted": "1 Way"}]))


def service(*claims: str, optional: Collection[str] = ()) -> Service:
    """A service registered for these claims, some of which can be left out."""
    data = tuple(ClaimPurpose(claim, {"en": f"for {claim}"}, claim in optional) for claim in claims)
    return make_service(
        client_id="library",
        names={"en": "Library"},
        redirect_uris=("https://s.example/",),
        home="https://s.example/",
        claims=data,
    )


def request(*asked: str) -> AuthorizationRequest:
    """A request for these claims."""
    return AuthorizationRequest("library", "https://s.example/", ("openid",), Level.LOW, requested_claims=asked)


def identity(claims: Mapping[str, Any]) -> Identity:
    """Identity with these claims."""
    return Identity("p", "https://p.example", "s", Level.LOW, ("pwd",), 0, claims)


@given(VALUES, SOME, SOME)
def test_only_known_requested_and_registered_claims_are_released(
    known: dict[str, Any], asked: list[str], registered: list[str]
) -> None:
    released = released_claims(identity(known), request(*asked), service(*registered), ())
    assert set(released) == {c for c in known if c in asked and c in registered and known[c] not in (None, "")}
    assert all(released[claim] == known[claim] for claim in released)


def test_each_claim_stands_in_the_order_of_the_registration_with_the_services_reason() -> None:
    items = consent_items(
        identity({"birthdate": "1990-01-02", "name": "Ada"}), request(*CLAIMS), service("name", "birthdate")
    )
    assert [(item.claim, item.value, item.use.reason["en"]) for item in items] == [
        ("name", "Ada", "for name"),
        ("birthdate", "1990-01-02", "for birthdate"),
    ]


@pytest.mark.parametrize(
    ("before", "known", "asked_again"),
    [
        (None, {}, True),
        (None, {"name": "Ada"}, True),
        ((), {}, False),
        ((), {"name": "Ada"}, True),
        (("name",), {"name": "Ada"}, False),
        (("name",), {"name": "Ada", "email": "a@example.org"}, True),
        (("name", "email"), {"name": "Ada"}, False),
        (("name",), {"name": "Ada", "email": ""}, False),
    ],
)
def test_a_citizen_is_asked_the_first_time_and_whenever_more_would_go_out(
    before: tuple[str, ...] | None, known: dict[str, str], *, asked_again: bool
) -> None:
    assert consent_required(before, identity(known), request("name", "email"), service("name", "email")) is asked_again


@given(VALUES, SOME, SOME)
def test_after_agreeing_once_the_same_request_asks_no_more(
    known: dict[str, Any], asked: list[str], registered: list[str]
) -> None:
    who, wanted, whom = identity(known), request(*asked), service(*registered)
    assert not consent_required(tuple(released_claims(who, wanted, whom, ())), who, wanted, whom)


@given(VALUES, SOME, SOME, SOME, SOME)
def test_an_optional_claim_goes_out_only_if_it_was_chosen(
    known: dict[str, Any], asked: list[str], registered: list[str], optional: list[str], chosen: list[str]
) -> None:
    who, wanted, whom = identity(known), request(*asked), service(*registered, optional=optional)
    everything = released_claims(who, wanted, service(*registered), ())
    released = released_claims(who, wanted, whom, chosen)
    assert released == {name: everything[name] for name in everything if name not in optional or name in chosen}
    # asked once, and never again for what was left out
    assert not consent_required(tuple(released), who, wanted, whom)


@given(VALUES, SOME, SOME)
def test_what_the_identity_does_not_have_is_named(
    known: dict[str, Any], asked: list[str], registered: list[str]
) -> None:
    who, wanted, whom = identity(known), request(*asked), service(*registered)
    missing = missing_claims(who, wanted, whom)
    assert set(missing) | set(released_claims(who, wanted, whom, ())) == set(asked) & set(registered)
    assert not set(missing) & set(released_claims(who, wanted, whom, ()))
