"""Contract of every kind of provider, for any protocol. A test file of a kind inherits `ProviderContract`."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

from broker.model.assurance import Level
from broker.model.identity import Identity
from broker.provider import (
    CallbackParameters,
    EndsSessions,
    LogoutRedirect,
    Provider,
    ProviderFailure,
    ProviderFailureReason,
    UpstreamRedirect,
    UpstreamRequest,
)

Walk = Callable[[str], Awaitable[CallbackParameters]]


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A provider and the other side of it.

    `modest` is the same one, registered for the lowest level only; `gone` is one whose other side is not there.
    `approve` and `refuse` walk from a departure's URL to the answer as one and the same citizen; `leave` ends the
    other side. `keeps_state_on_refusal` is false for an other side that forgets the state when a citizen cancels.
    `pushed` is true if the request is not in the departure's URL; `states` are states that the other side accepts.
    `ends_sessions` is false for one that has no logout, `takes_state_at_logout` for one whose logout takes no state;
    `refusal` is what it says of a citizen who goes back. `codes_work_once` is false for one that takes a code twice,
    against RFC 6749 4.1.2: the broker's own record of attempts refuses a replay before it gets there. `elsewhere` is
    false for one at the broker itself, which cannot be away.
    """

    provider: Provider
    modest: Provider
    gone: Provider
    ask: UpstreamRequest
    approve: Walk
    refuse: Walk
    leave: Callable[[], Awaitable[None]]
    keeps_state_on_refusal: bool = True
    pushed: bool = False
    refusal: ProviderFailureReason = ProviderFailureReason.CANCELLED
    ends_sessions: bool = True
    takes_state_at_logout: bool = True
    codes_work_once: bool = True
    elsewhere: bool = True
    states: tuple[str, ...] = ("s", "a.b_c-d~e", "x" * 300, "&=+%?#/ é")


RUBBISH: tuple[dict[str, str], ...] = (
    {},
    {"code": ""},
    {"code": "no-such-code"},
    {"code": "x" * 100_000},
    {"code": "\x00\r\n é \U0001f600"},
    {"error": ""},
    {"error": "<script>alert(1)</script>"},
    {"error": "no_such_error", "code": "a"},
    {"iss": "https://elsewhere.example", "code": "a"},
    {"iss": "", "code": "a"},
    {"state": "a", "id_token": "b", "access_token": "c"},
)


class ProviderContract:
    """The suite. A subclass gives the fixture `counterpart`."""

    async def test_the_state_travels_unchanged(self, counterpart: Counterpart) -> None:
        for state in counterpart.states:
            departure = await leave(counterpart, state=state)
            query = parse_qs(urlsplit(departure.url).query)
            assert counterpart.pushed or "request" in query or query["state"] == [state]
            assert (await counterpart.approve(departure.url)).parameters["state"] == state

    async def test_a_departure_that_works_once_says_until_when(self, counterpart: Counterpart) -> None:
        assert ((await leave(counterpart)).expires is not None) is counterpart.pushed

    async def test_a_session_is_ended_at_an_address_with_the_state_and_the_way_back(
        self, counterpart: Counterpart
    ) -> None:
        """An optional ability; the tests of it are left out for a provider that lacks it."""
        if not isinstance(counterpart.provider, EndsSessions) or not isinstance(counterpart.gone, EndsSessions):
            return
        departure = await leave(counterpart)
        identity = await counterpart.provider.complete(
            departure.provider_state, await counterpart.approve(departure.url)
        )
        assert isinstance(identity, Identity)
        parting = LogoutRedirect("s.t&a=t", "https://broker.example/out", "cy", identity.subject, identity.id_token)
        target = await counterpart.provider.end_session(parting)
        assert (target is not None) is counterpart.ends_sessions
        if target is None:
            return
        query = parse_qs(urlsplit(target.url).query)
        assert query.get("state") == (["s.t&a=t"] if counterpart.takes_state_at_logout else None)
        assert query["post_logout_redirect_uri"] == ["https://broker.example/out"]
        assert await counterpart.gone.end_session(parting) is None

    async def test_a_refusal_brings_the_state_back_too(self, counterpart: Counterpart) -> None:
        departure = await leave(counterpart)
        found = (await counterpart.refuse(departure.url)).parameters.get("state")
        assert found == (STATE if counterpart.keeps_state_on_refusal else None)

    async def test_no_two_departures_share_anything_secret(self, counterpart: Counterpart) -> None:
        one, two = await leave(counterpart), await leave(counterpart)
        assert secrets_of(counterpart, one)
        assert secrets_of(counterpart, one).isdisjoint(secrets_of(counterpart, two))
        assert one.url != two.url or not counterpart.elsewhere

    async def test_a_note_survives_being_kept_as_json(self, counterpart: Counterpart) -> None:
        departure = await leave(counterpart)
        note = json.loads(json.dumps(dict(departure.provider_state)))
        assert note == departure.provider_state
        outcome = await counterpart.provider.complete(note, await counterpart.approve(departure.url))
        assert isinstance(outcome, Identity)

    async def test_a_sign_in_gives_an_identity_at_no_more_than_the_level_of_the_card(
        self, counterpart: Counterpart
    ) -> None:
        departure = await leave(counterpart)
        answer = await counterpart.approve(departure.url)
        assert counterpart.provider.matches_callback(departure.provider_state, answer)
        identity = await counterpart.provider.complete(departure.provider_state, answer)
        assert isinstance(identity, Identity), identity
        assert identity.provider == counterpart.provider.card.id
        assert identity.issuer
        assert identity.subject
        assert counterpart.ask.level <= identity.level <= counterpart.provider.card.max_level
        assert identity.auth_time > 0

    async def test_the_same_citizen_is_the_same_subject_again(self, counterpart: Counterpart) -> None:
        found = set()
        for _ in range(2):
            departure = await leave(counterpart)
            outcome = await counterpart.provider.complete(
                departure.provider_state, await counterpart.approve(departure.url)
            )
            assert isinstance(outcome, Identity)
            found.add((outcome.issuer, outcome.subject))
        assert len(found) == 1

    async def test_nothing_above_the_level_of_the_card_is_ever_believed(self, counterpart: Counterpart) -> None:
        departure = await counterpart.modest.begin(replace(counterpart.ask, level=Level.LOW))
        assert isinstance(departure, UpstreamRedirect)
        identity = await counterpart.modest.complete(departure.provider_state, await counterpart.approve(departure.url))
        assert isinstance(identity, Identity)
        assert identity.level is Level.LOW

    async def test_a_citizen_who_goes_back_has_cancelled(self, counterpart: Counterpart) -> None:
        departure = await leave(counterpart)
        outcome = await counterpart.provider.complete(departure.provider_state, await counterpart.refuse(departure.url))
        assert isinstance(outcome, ProviderFailure)
        assert outcome.reason is counterpart.refusal
        assert not outcome.outage

    async def test_an_invalid_callback_is_a_failure_and_no_outage(self, counterpart: Counterpart) -> None:
        for parameters in RUBBISH:
            departure = await leave(counterpart)
            outcome = await counterpart.provider.complete(
                departure.provider_state, CallbackParameters(parameters, counterpart.ask.callback)
            )
            assert isinstance(outcome, ProviderFailure), parameters
            assert outcome.reason in (ProviderFailureReason.UNSAFE, ProviderFailureReason.UNAVAILABLE), parameters
            assert not outcome.outage, parameters

    async def test_a_replayed_answer_fails(self, counterpart: Counterpart) -> None:
        departure = await leave(counterpart)
        answer = await counterpart.approve(departure.url)
        assert isinstance(await counterpart.provider.complete(departure.provider_state, answer), Identity)
        again = await counterpart.provider.complete(departure.provider_state, answer)
        assert isinstance(again, ProviderFailure) is counterpart.codes_work_once
        assert isinstance(again, Identity) or again.reason is ProviderFailureReason.UNSAFE

    async def test_the_answer_to_another_departure_fails(self, counterpart: Counterpart) -> None:
        mine, other = await leave(counterpart), await leave(counterpart)
        outcome = await counterpart.provider.complete(mine.provider_state, await counterpart.approve(other.url))
        assert isinstance(outcome, ProviderFailure)
        assert outcome.reason is ProviderFailureReason.UNSAFE
        assert not outcome.outage

    async def test_an_answer_at_another_callback_or_of_another_issuer_does_not_belong(
        self, counterpart: Counterpart
    ) -> None:
        departure = await leave(counterpart)
        answer = await counterpart.approve(departure.url)
        assert not counterpart.provider.matches_callback(
            departure.provider_state, replace(answer, callback=f"{answer.callback}x")
        )
        other = {**answer.parameters, "iss": "https://elsewhere.example"}
        assert not counterpart.provider.matches_callback(departure.provider_state, replace(answer, parameters=other))

    async def test_a_failure_tells_the_log_no_secret(self, counterpart: Counterpart) -> None:
        departure = await leave(counterpart)
        answer = await counterpart.approve(departure.url)
        await counterpart.provider.complete(departure.provider_state, answer)
        again = departure if counterpart.codes_work_once else await leave(counterpart)
        failure = await counterpart.provider.complete(again.provider_state, answer)
        assert isinstance(failure, ProviderFailure)
        for secret in (answer.parameters["code"], *secrets_of(counterpart, departure)):
            assert secret not in failure.detail

    async def test_a_provider_that_is_not_there_is_unavailable(self, counterpart: Counterpart) -> None:
        outcome = await counterpart.gone.begin(counterpart.ask)
        assert isinstance(outcome, ProviderFailure)
        assert (outcome.reason, outcome.outage) == (ProviderFailureReason.UNAVAILABLE, counterpart.elsewhere)
        assert (await counterpart.gone.health()).working is not counterpart.elsewhere

    async def test_a_provider_that_goes_away_meanwhile_is_unavailable(self, counterpart: Counterpart) -> None:
        assert (await counterpart.provider.health()).working
        departure = await leave(counterpart)
        answer = await counterpart.approve(departure.url)
        await counterpart.leave()
        if not counterpart.elsewhere:
            assert isinstance(await counterpart.provider.complete(departure.provider_state, answer), Identity)
            return
        outcome = await counterpart.provider.complete(departure.provider_state, answer)
        assert isinstance(outcome, ProviderFailure)
        assert (outcome.reason, outcome.outage) == (ProviderFailureReason.UNAVAILABLE, True)
        assert not (await counterpart.provider.health()).working


STATE = "b0ba" * 24
"""A state as the broker makes it: letters and digits."""


async def leave(counterpart: Counterpart, state: str = STATE) -> UpstreamRedirect:
    """A departure to the other side."""
    departure = await counterpart.provider.begin(replace(counterpart.ask, state=state))
    assert isinstance(departure, UpstreamRedirect), departure
    return departure


def secrets_of(counterpart: Counterpart, departure: UpstreamRedirect) -> set[str]:
    """The texts of a provider's stored state, except the callback, which is no secret."""
    return {value for value in departure.provider_state.values() if isinstance(value, str)} - {counterpart.ask.callback}
