"""The checks of an ID token, one by one and under random claims."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.jose import hash_claim
from broker.provider import ProviderFailureReason
from providers.openid.errors import UpstreamError
from providers.openid.id_token_checks import ExpectedIdToken, check_id_token
from tests.support.examples import JSON

NOW = 1_800_000_000.0
EXPECTED = ExpectedIdToken(
    issuer="https://op.example",
    client_id="portico",
    audiences=frozenset({"sister"}),
    nonce="n-1",
    departed=NOW - 60,
    now=NOW,
    skew=30,
    oldest=None,
    access_token="token",
    algorithm="ES256",
)
GOOD: dict[str, Any] = {
    "iss": "https://op.example",
    "sub": "248289761001",
    "aud": "portico",
    "exp": NOW + 300,
    "iat": NOW - 1,
    "nonce": "n-1",
    "auth_time": NOW - 20,
    "at_hash": hash_claim("token", "ES256"),
}
ABSENT = object()


def verdict(claims: dict[str, Any], expected: ExpectedIdToken = EXPECTED) -> UpstreamError | None:
    try:
        check_id_token(claims, expected)
    except UpstreamError as refused:
        return refused
    return None


def test_a_good_id_token_passes() -> None:
    assert verdict(GOOD) is None


@pytest.mark.parametrize("name", ["at_hash", "auth_time"])
def test_what_may_be_absent_may_be_absent(name: str) -> None:
    assert verdict({key: value for key, value in GOOD.items() if key != name}) is None


def test_the_hash_of_the_access_token_may_be_in_the_standard_alphabet() -> None:
    """At TARA, whose hashes have a plus or a slash in every other sign-in."""
    token = next(one for one in map(str, range(100)) if {"-", "_"} <= set(hash_claim(one, "RS256")))
    standard = hash_claim(token, "RS256").replace("-", "+").replace("_", "/") + "=="
    expected = replace(EXPECTED, access_token=token, algorithm="RS256")
    assert verdict({**GOOD, "at_hash": standard}, expected) is None
    assert verdict({**GOOD, "at_hash": standard.replace("+", "/", 1)}, expected) is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iss", "https://op.example/"),
        ("iss", ABSENT),
        ("iss", ["https://op.example"]),
        ("aud", "somebody"),
        ("aud", []),
        ("aud", ABSENT),
        ("aud", ["portico", "stranger"]),
        ("aud", ["portico", 7]),
        ("aud", {"portico": 1}),
        ("azp", "stranger"),
        ("azp", ""),
        ("exp", NOW - 30),
        ("exp", ABSENT),
        ("exp", "1900000000"),
        ("exp", True),
        ("exp", float("inf")),
        ("iat", NOW + 31),
        ("iat", NOW - 91),
        ("iat", ABSENT),
        ("nbf", NOW + 31),
        ("nonce", "n-2"),
        ("nonce", ABSENT),
        ("nonce", 1),
        ("sub", ""),
        ("sub", ABSENT),
        ("sub", 248289761001),
        ("sub", "x" * 257),
        ("sub", "é"),
        ("at_hash", hash_claim("other", "ES256")),
        ("at_hash", ""),
        ("at_hash", 1),
        ("auth_time", NOW + 31),
        ("auth_time", "yesterday"),
        ("auth_time", -1),
    ],
)
def test_an_id_token_with_a_wrong_claim_is_unsafe(name: str, value: object) -> None:
    claims = {**GOOD, name: value}
    if value is ABSENT:
        del claims[name]
    refused = verdict(claims)
    assert refused is not None
    assert refused.failure.reason is ProviderFailureReason.UNSAFE


@pytest.mark.parametrize("name", ["exp", "iat", "auth_time"])
def test_clocks_may_differ_a_little(name: str) -> None:
    for value in {"exp": [NOW - 29], "iat": [NOW + 29, NOW - 89], "auth_time": [NOW + 29]}[name]:
        assert verdict({**GOOD, name: value}) is None


def test_a_second_audience_needs_to_be_known_and_azp_to_be_us() -> None:
    assert verdict({**GOOD, "aud": ["portico", "sister"]}) is not None
    assert verdict({**GOOD, "aud": ["portico", "sister"], "azp": "sister"}) is not None
    assert verdict({**GOOD, "aud": ["portico", "sister"], "azp": "portico"}) is None
    assert verdict({**GOOD, "aud": ["sister"], "azp": "portico"}) is not None


def test_a_sign_in_older_than_asked_for_is_refused_and_one_without_a_time_is_incomplete() -> None:
    fresh = replace(EXPECTED, oldest=NOW - 60)
    assert verdict({**GOOD, "auth_time": NOW - 89}, fresh) is None
    old = verdict({**GOOD, "auth_time": NOW - 91}, fresh)
    assert old is not None
    assert old.failure.reason is ProviderFailureReason.UNSAFE
    untimed = {key: value for key, value in GOOD.items() if key != "auth_time"}
    assert verdict(untimed, replace(fresh, untimed=True)) is None
    assert verdict({**GOOD, "auth_time": NOW - 91}, replace(fresh, untimed=True)) is not None
    missing = verdict({key: value for key, value in GOOD.items() if key != "auth_time"}, fresh)
    assert missing is not None
    assert missing.failure.reason is ProviderFailureReason.INCOMPLETE


def test_the_hash_of_the_access_token_goes_by_the_algorithm_of_the_id_token() -> None:
    edwards = replace(EXPECTED, algorithm="EdDSA")
    assert verdict({**GOOD, "at_hash": hash_claim("token", "EdDSA")}, edwards) is None
    assert verdict(GOOD, edwards) is not None


@given(name=st.sampled_from(sorted(GOOD)), value=JSON)
def test_no_claim_of_any_shape_is_a_fault_and_none_of_the_binding_ones_can_be_changed(name: str, value: Any) -> None:
    refused = verdict({**GOOD, name: value})
    if name in ("iss", "nonce", "at_hash") and value is not None:
        assert (refused is None) == (value == GOOD[name])
    if name == "aud":
        assert (refused is None) == (value in ("portico", ["portico"]))


@given(st.dictionaries(st.sampled_from(sorted([*GOOD, "azp", "nbf"])), JSON, max_size=4))
def test_random_claims_never_pass(claims: dict[str, Any]) -> None:
    assert verdict(claims) is not None


def test_a_sign_in_that_was_ended_here_is_not_taken_for_a_new_one_by_the_tolerance_for_clocks() -> None:
    ended = replace(EXPECTED, oldest=NOW, after=int(NOW) - 5)
    assert verdict({**GOOD, "auth_time": int(NOW) - 4}, ended) is None
    for auth_time in (int(NOW) - 5, int(NOW) - 6):
        refused = verdict({**GOOD, "auth_time": auth_time}, ended)
        assert refused is not None
        assert refused.failure.reason is ProviderFailureReason.UNSAFE
        assert not refused.failure.outage
