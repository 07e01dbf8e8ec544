"""Random answers of a provider and random callbacks never raise an exception and never count as an outage."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.model.identity import Identity
from broker.platform.system import System
from broker.provider import ProviderFailure
from tests.support.system import FakeClock, FakeRandom
from tests.unit.providers.wire import AMINA, JWE, Wire, answer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.one_of(
    st.binary(),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(sorted([*AMINA, "email", "address", "acr"])), JSON).map(
        lambda found: json.dumps({**AMINA, **found}).encode()
    ),
    st.sampled_from([b'{"sub": "amina", "sub": "amina"}', b'{"sub": "amina", "name": "\\udc00"}', JWE.encode()]),
)
TYPES = st.sampled_from(["application/json", "application/jwt", "text/html", "application/json; charset=latin1", ""])
CLAIMS = ["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "auth_time", "acr", "amr", "at_hash", "name"]


def still() -> System:
    """A fixed clock, and random bytes from Hypothesis."""
    return System(FakeClock().now, FakeRandom().draw)


def never_an_outage(outcome: Identity | ProviderFailure) -> None:
    assert isinstance(outcome, Identity) or not outcome.outage, outcome


@given(body=BODIES, media_type=TYPES, status=st.sampled_from([200, 201, 204, 400, 401, 403, 404, 451]))
async def test_no_body_at_userinfo_is_an_outage_or_an_exception(body: bytes, media_type: str, status: int) -> None:
    wire = Wire(still(), userinfo=answer(body, status, media_type))
    never_an_outage(await wire.sign_in(wire.provider()))


@given(claims=st.dictionaries(st.sampled_from(CLAIMS), JSON))
async def test_no_claim_of_an_id_token_is_an_outage_or_an_exception(claims: dict[str, Any]) -> None:
    wire = Wire(still(), payload=json.dumps(claims).encode(), header={"typ": "JWT"})
    never_an_outage(await wire.sign_in(wire.provider()))
    wire = Wire(still(), claims=json.loads(json.dumps(claims).replace("NaN", "0").replace("Infinity", "1")))
    never_an_outage(await wire.sign_in(wire.provider(), fresh=True))


@given(payload=st.binary())
async def test_no_payload_of_an_id_token_is_an_outage_or_an_exception(payload: bytes) -> None:
    wire = Wire(still(), payload=payload, header={"typ": "JWT"})
    never_an_outage(await wire.sign_in(wire.provider()))


@given(body=BODIES, media_type=TYPES, status=st.sampled_from([200, 204, 400, 403, 413, 422]))
async def test_no_body_at_the_token_endpoint_is_an_outage_or_an_exception(
    body: bytes, media_type: str, status: int
) -> None:
    wire = Wire(still(), token=answer(body, status, media_type))
    never_an_outage(await wire.sign_in(wire.provider()))


@given(members=st.dictionaries(st.sampled_from(["id_token", "access_token", "token_type", "error"]), JSON))
async def test_no_member_of_a_token_response_is_an_outage_or_an_exception(members: dict[str, Any]) -> None:
    wire = Wire(still(), tokens=members)
    never_an_outage(await wire.sign_in(wire.provider()))


@given(parameters=st.dictionaries(st.sampled_from(["code", "error", "iss", "state"]), st.text(), min_size=1))
async def test_no_parameter_of_a_callback_is_an_outage_or_an_exception(parameters: dict[str, str]) -> None:
    wire = Wire(still(), token=answer({"error": "invalid_grant"}, 400))
    never_an_outage(await wire.sign_in(wire.provider(), parameters))
