"""A provider that fails or misbehaves: the failure for the journey, and whether it counts against the provider."""

import asyncio
from dataclasses import replace

import pytest

from broker.model.assurance import Level
from broker.model.failures import FailureClass, from_reason
from broker.model.identity import Identity
from broker.platform.system import System
from broker.provider import CallbackParameters, FailureCause, ProviderFailure, ProviderFailureReason, UpstreamRedirect
from providers.circuit_breaker import LEAST
from providers.monitored_provider import MonitoredProvider
from providers.simulator.outcomes import OUTCOMES, Group
from tests.support.system import FakeClock
from tests.unit.providers.citizen import Stuck, walk
from tests.unit.providers.stage import ASK, CALLBACK, Stage


async def failing(here: Stage, outcome: str, **changes: object) -> ProviderFailure:
    """The failure of a sign-in for which the simulator misbehaves as configured."""
    result = await here.sign_in(f"outcome:{outcome}", **changes)
    assert isinstance(result, ProviderFailure), result
    return result


# --- the provider returns an error ---


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("cancelled", ProviderFailureReason.CANCELLED),
        ("declined_sharing", ProviderFailureReason.DECLINED),
        ("could_not_sign_in", ProviderFailureReason.NOT_RECOGNISED),
        ("not_verified", ProviderFailureReason.NOT_VERIFIED),
        ("level_too_low", ProviderFailureReason.TOO_WEAK),
        ("paused", ProviderFailureReason.PAUSED),
        ("cannot_use", ProviderFailureReason.SUSPENDED),
        ("provider_down", ProviderFailureReason.UNAVAILABLE),
        ("provider_busy", ProviderFailureReason.BUSY),
    ],
)
async def test_an_error_of_the_provider_maps_to_a_reason_and_is_no_outage(
    here: Stage, outcome: str, reason: ProviderFailureReason
) -> None:
    failure = await failing(here, outcome)
    assert (failure.reason, failure.outage) == (reason, False)


async def test_a_provider_that_never_sends_the_citizen_back_just_shows_its_page(here: Stage) -> None:
    departure = await here.depart("outcome:took_too_long")
    with pytest.raises(Stuck):
        await walk(departure.url, CALLBACK)


async def test_a_reply_without_a_needed_claim_is_incomplete(here: Stage) -> None:
    assert (await failing(here, "incomplete_reply")).reason is ProviderFailureReason.INCOMPLETE


async def test_a_reply_without_acr_is_incomplete(here: Stage) -> None:
    assert (await failing(here, "missing_acr")).reason is ProviderFailureReason.INCOMPLETE


async def test_a_reply_with_an_unknown_acr_is_worth_nothing(here: Stage) -> None:
    assert (await failing(here, "unknown_acr")).reason is ProviderFailureReason.TOO_WEAK


async def test_a_level_below_the_requested_one_is_returned_unchanged(here: Stage) -> None:
    identity = await here.sign_in("outcome:lower_level", level=Level.HIGH)
    assert isinstance(identity, Identity)
    assert identity.level is Level.SUBSTANTIAL


# --- untrustworthy responses ---

BY_ITS_CONTENT = [
    "no_signature",
    "shared_secret_signature",
    "expired",
    "from_the_future",
    "old_token",
    "other_issuer",
    "wrong_audience",
    "second_audience",
    "wrong_party",
    "wrong_access_token",
    "missing_subject",
    "other_subject",
    "no_id_token",
    "junk",
    "huge_answer",
    "odd_name",
    "doubled_member",
    "number_subject",
    "number_subject_signed",
    "text_time",
    "userinfo_signed",
    "id_token_encrypted",
]


@pytest.mark.parametrize("outcome", ["unsafe_reply", "wrong_signature", "unknown_key"])
async def test_a_signature_that_no_published_key_made_is_unsafe_and_counts_against_the_provider(
    here: Stage, outcome: str
) -> None:
    failure = await failing(here, outcome)
    assert (failure.reason, failure.cause, failure.outage) == (ProviderFailureReason.UNSAFE, FailureCause.KEYS, True)


@pytest.mark.parametrize("outcome", BY_ITS_CONTENT)
async def test_a_reply_whose_content_is_wrong_is_unsafe_and_is_no_outage(here: Stage, outcome: str) -> None:
    failure = await failing(here, outcome)
    assert (failure.reason, failure.cause, failure.outage) == (ProviderFailureReason.UNSAFE, FailureCause.REPLY, False)


@pytest.mark.parametrize("outcome", ["missing_nonce", "other_nonce", "mix_up", "missing_issuer", "replayed_code"])
async def test_a_reply_that_the_citizen_could_have_altered_is_unsafe_and_no_outage(here: Stage, outcome: str) -> None:
    failure = await failing(here, outcome)
    assert (failure.reason, failure.outage) == (ProviderFailureReason.UNSAFE, False)


@pytest.mark.parametrize("outcome", ["mix_up", "missing_issuer"])
async def test_an_answer_in_the_name_of_another_issuer_or_of_none_does_not_belong(here: Stage, outcome: str) -> None:
    departure = await here.depart(f"outcome:{outcome}")
    assert not here.provider.matches_callback(departure.provider_state, await walk(departure.url, CALLBACK))


async def test_a_callback_without_iss_matches_a_provider_that_announces_none(here: Stage) -> None:
    departure = await here.depart()
    note = {name: value for name, value in departure.provider_state.items() if name != "iss"}
    answer = await walk(departure.url, CALLBACK)
    silent = CallbackParameters(
        {name: value for name, value in answer.parameters.items() if name != "iss"}, answer.callback
    )
    assert here.provider.matches_callback(note, silent)
    assert not here.provider.matches_callback(departure.provider_state, silent)


async def test_iss_is_demanded_where_the_configuration_announces_it(here: Stage) -> None:
    provider = here.another(iss_parameter_supported=True)
    departure = await here.depart()
    assert not provider.matches_callback(departure.provider_state, CallbackParameters({"code": "a"}, CALLBACK))


async def test_an_old_sign_in_is_refused_if_a_fresh_one_was_requested(here: Stage) -> None:
    assert isinstance(await here.sign_in("outcome:stale_sign_in"), Identity)
    failure = await failing(here, "stale_sign_in", fresh=True)
    assert (failure.reason, failure.outage) == (ProviderFailureReason.UNSAFE, False)


@pytest.mark.parametrize(("oldest", "believed"), [(3600, False), (2 * 86_400, True)])
async def test_a_sign_in_may_be_as_old_as_was_allowed_and_no_older(here: Stage, oldest: int, *, believed: bool) -> None:
    result = await here.sign_in("outcome:stale_sign_in", max_age=oldest)
    assert isinstance(result, Identity) is believed


# --- providers that do not answer as they must ---


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("slow", ProviderFailureReason.UNAVAILABLE),
        ("gone", ProviderFailureReason.UNAVAILABLE),
        ("token_500", ProviderFailureReason.UNAVAILABLE),
        ("token_429", ProviderFailureReason.BUSY),
        ("userinfo_500", ProviderFailureReason.UNAVAILABLE),
        ("redirects", ProviderFailureReason.UNAVAILABLE),
        ("huge_keys", ProviderFailureReason.UNAVAILABLE),
    ],
)
async def test_a_provider_that_does_not_answer_as_it_must_is_unavailable_or_busy(
    here: Stage, outcome: str, reason: ProviderFailureReason
) -> None:
    assert isinstance(await here.sign_in(), Identity)
    failure = await failing(here, outcome)
    assert (failure.reason, failure.outage) == (reason, True)


async def test_userinfo_that_refuses_one_person_is_incomplete_and_no_outage(here: Stage) -> None:
    failure = await failing(here, "userinfo_401")
    assert (failure.reason, failure.cause, failure.outage) == (
        ProviderFailureReason.INCOMPLETE,
        FailureCause.REPLY,
        False,
    )


@pytest.mark.parametrize("outcome", ["key_replaced", "full_header"])
async def test_a_key_under_an_old_kid_and_a_header_full_of_others_sign_in(here: Stage, outcome: str) -> None:
    assert isinstance(await here.sign_in(), Identity)
    assert isinstance(await here.sign_in(f"outcome:{outcome}"), Identity)


@pytest.mark.parametrize("outcome", [*BY_ITS_CONTENT, "userinfo_401"])
async def test_one_citizen_with_odd_data_closes_no_provider(here: Stage, system: System, outcome: str) -> None:
    watched = MonitoredProvider(here.provider, system)
    for _ in range(2 * LEAST):
        departure = await watched.begin(replace(ASK, hint=f"outcome:{outcome}"))
        assert isinstance(departure, UpstreamRedirect)
        result = await watched.complete(departure.provider_state, await walk(departure.url, CALLBACK))
        assert isinstance(result, ProviderFailure)
    assert watched.current_health.working
    assert isinstance(await watched.begin(ASK), UpstreamRedirect)


async def test_a_slow_provider_is_given_up_in_time(here: Stage) -> None:
    async with asyncio.timeout(50):
        assert (await failing(here, "slow")).reason is ProviderFailureReason.UNAVAILABLE


async def test_a_provider_out_of_order_is_unavailable_from_the_start(here: Stage) -> None:
    await here.outgoing.client("operator").post(f"{here.base}/eid/order", {})
    failure = await here.provider.begin(ASK)
    assert isinstance(failure, ProviderFailure)
    assert (failure.reason, failure.outage) == (ProviderFailureReason.UNAVAILABLE, True)


async def test_a_key_rotated_overnight_is_fetched_and_the_sign_in_goes_on(here: Stage) -> None:
    assert isinstance(await here.sign_in(), Identity)
    assert isinstance(await here.sign_in("outcome:key_rotated"), Identity)


async def test_many_sign_ins_at_once_survive_a_key_that_was_rotated(here: Stage) -> None:
    await here.sign_in()
    departures = [await here.depart() for _ in range(8)]
    rotated = await here.depart("outcome:key_rotated")
    answers = [await walk(one.url, CALLBACK) for one in (*departures, rotated)]
    outcomes = await asyncio.gather(
        *(
            here.provider.complete(one.provider_state, back)
            for one, back in zip((*departures, rotated), answers, strict=True)
        )
    )
    assert [type(outcome) for outcome in outcomes] == [Identity] * 9


async def test_a_provider_recovers_from_huge_keys_by_itself(here: Stage, clock: FakeClock) -> None:
    await here.sign_in()
    await failing(here, "huge_keys")
    clock.advance(31)
    assert isinstance(await here.sign_in(), Identity)


# --- the table of failures ---


def test_the_simulator_plays_every_reason_of_the_contract_and_a_citizen_who_never_returns() -> None:
    said = {from_reason(reason) for reason in ProviderFailureReason} | {FailureClass.TOOK_TOO_LONG}
    said -= {FailureClass.PASSKEY_UNUSABLE}  # of the broker's own kind
    assert {outcome.failure for outcome in OUTCOMES.values() if outcome.group is Group.HONEST} == said


async def test_every_outcome_ends_in_the_class_that_its_page_means(here: Stage, clock: FakeClock) -> None:
    await here.sign_in()
    # the slow one never returns; level and stray answers are matters of the journey
    elsewhere = {"took_too_long", "lower_level", "mix_up", "missing_issuer", "other_state"}
    ended: dict[str, FailureClass | None] = {}
    for name in OUTCOMES.keys() - elsewhere:
        result = await here.sign_in(f"outcome:{name}", fresh=True)
        ended[name] = from_reason(result.reason) if isinstance(result, ProviderFailure) else None
        clock.advance(31)
    assert ended == {name: outcome.failure for name, outcome in OUTCOMES.items() if name not in elsewhere}


# --- what a sign-in costs ---


async def test_a_warm_sign_in_opens_no_connection_imports_no_key_and_fetches_nothing_twice(here: Stage) -> None:
    await here.sign_in()
    client = here.outgoing.clients["provider:eid"]
    opened, keys, metadata = client.opened, await here.provider._keys.get(), await here.provider._metadata.get()
    for _ in range(5):
        assert isinstance(await here.sign_in(), Identity)
    assert client.opened == opened
    assert await here.provider._keys.get() is keys
    assert await here.provider._metadata.get() is metadata
    assert (await here.provider.health()).working
    assert await here.provider._keys.get() is keys
