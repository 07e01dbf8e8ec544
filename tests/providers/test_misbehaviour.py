"""A provider that fails or misbehaves: what the journey is told, and whether it counts against the provider."""

import asyncio
from dataclasses import replace

import pytest

from broker.ambient import Ambient
from broker.model.assurance import Level
from broker.model.failures import FailureClass, from_reason
from broker.model.identity import Identity
from broker.provider import Answer, Cause, Departure, Failure, Reason
from providers.breaker import LEAST
from providers.simulator.outcomes import OUTCOMES, Group
from providers.watch import Watched
from tests.machine.ambient import FakeClock
from tests.providers.citizen import Stuck, walk
from tests.providers.stage import ASK, CALLBACK, Stage


async def failing(here: Stage, outcome: str, **changes: object) -> Failure:
    """What becomes of a sign-in that the simulator was told to spoil."""
    result = await here.sign_in(f"outcome:{outcome}", **changes)
    assert isinstance(result, Failure), result
    return result


# --- the provider says what is the matter ---


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("cancelled", Reason.CANCELLED),
        ("declined_sharing", Reason.DECLINED),
        ("could_not_sign_in", Reason.NOT_RECOGNISED),
        ("not_verified", Reason.NOT_VERIFIED),
        ("level_too_low", Reason.TOO_WEAK),
        ("paused", Reason.PAUSED),
        ("cannot_use", Reason.SUSPENDED),
        ("provider_down", Reason.UNAVAILABLE),
        ("provider_busy", Reason.BUSY),
    ],
)
async def test_what_the_provider_says_becomes_our_reason_and_proves_no_outage(
    here: Stage, outcome: str, reason: Reason
) -> None:
    failure = await failing(here, outcome)
    assert (failure.reason, failure.outage) == (reason, False)


async def test_a_provider_that_never_sends_the_citizen_back_just_shows_its_page(here: Stage) -> None:
    departure = await here.depart("outcome:took_too_long")
    with pytest.raises(Stuck):
        await walk(departure.url, CALLBACK)


async def test_a_reply_without_a_needed_claim_is_incomplete(here: Stage) -> None:
    assert (await failing(here, "incomplete_reply")).reason is Reason.INCOMPLETE


async def test_a_reply_without_acr_is_incomplete(here: Stage) -> None:
    assert (await failing(here, "missing_acr")).reason is Reason.INCOMPLETE


async def test_a_reply_with_an_unknown_acr_is_worth_nothing(here: Stage) -> None:
    assert (await failing(here, "unknown_acr")).reason is Reason.TOO_WEAK


async def test_a_lower_level_than_was_asked_for_is_told_as_it_is(here: Stage) -> None:
    identity = await here.sign_in("outcome:lower_level", level=Level.HIGH)
    assert isinstance(identity, Identity)
    assert identity.level is Level.SUBSTANTIAL


# --- replies nobody can trust ---

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
    assert (failure.reason, failure.cause, failure.outage) == (Reason.UNSAFE, Cause.KEYS, True)


@pytest.mark.parametrize("outcome", BY_ITS_CONTENT)
async def test_a_reply_whose_content_is_wrong_is_unsafe_and_is_no_outage(here: Stage, outcome: str) -> None:
    failure = await failing(here, outcome)
    assert (failure.reason, failure.cause, failure.outage) == (Reason.UNSAFE, Cause.REPLY, False)


@pytest.mark.parametrize("outcome", ["missing_nonce", "other_nonce", "mix_up", "missing_issuer", "replayed_code"])
async def test_a_reply_that_a_citizen_could_have_bent_is_unsafe_and_counts_against_nobody(
    here: Stage, outcome: str
) -> None:
    failure = await failing(here, outcome)
    assert (failure.reason, failure.outage) == (Reason.UNSAFE, False)


@pytest.mark.parametrize("outcome", ["mix_up", "missing_issuer"])
async def test_an_answer_in_the_name_of_another_issuer_or_of_none_does_not_belong(here: Stage, outcome: str) -> None:
    departure = await here.depart(f"outcome:{outcome}")
    assert not here.provider.belongs(departure.note, await walk(departure.url, CALLBACK))


async def test_an_answer_without_iss_belongs_where_nobody_announced_one(here: Stage) -> None:
    departure = await here.depart()
    note = {name: value for name, value in departure.note.items() if name != "iss"}
    answer = await walk(departure.url, CALLBACK)
    silent = Answer({name: value for name, value in answer.parameters.items() if name != "iss"}, answer.callback)
    assert here.provider.belongs(note, silent)
    assert not here.provider.belongs(departure.note, silent)


async def test_iss_is_demanded_where_the_configuration_announces_it(here: Stage) -> None:
    provider = here.another(iss_parameter_supported=True)
    departure = await here.depart()
    assert not provider.belongs(departure.note, Answer({"code": "a"}, CALLBACK))


async def test_a_sign_in_of_yesterday_does_not_do_where_a_fresh_one_was_asked_for(here: Stage) -> None:
    assert isinstance(await here.sign_in("outcome:stale_sign_in"), Identity)
    failure = await failing(here, "stale_sign_in", fresh=True)
    assert (failure.reason, failure.outage) == (Reason.UNSAFE, False)


@pytest.mark.parametrize(("oldest", "believed"), [(3600, False), (2 * 86_400, True)])
async def test_a_sign_in_may_be_as_old_as_was_allowed_and_no_older(here: Stage, oldest: int, believed: bool) -> None:
    result = await here.sign_in("outcome:stale_sign_in", max_age=oldest)
    assert isinstance(result, Identity) is believed


# --- providers that do not answer as they must ---


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("slow", Reason.UNAVAILABLE),
        ("gone", Reason.UNAVAILABLE),
        ("token_500", Reason.UNAVAILABLE),
        ("token_429", Reason.BUSY),
        ("userinfo_500", Reason.UNAVAILABLE),
        ("redirects", Reason.UNAVAILABLE),
        ("huge_keys", Reason.UNAVAILABLE),
    ],
)
async def test_a_provider_that_does_not_answer_as_it_must_is_unavailable_or_busy(
    here: Stage, outcome: str, reason: Reason
) -> None:
    assert isinstance(await here.sign_in(), Identity)
    failure = await failing(here, outcome)
    assert (failure.reason, failure.outage) == (reason, True)


async def test_userinfo_that_refuses_one_person_is_incomplete_and_no_outage(here: Stage) -> None:
    failure = await failing(here, "userinfo_401")
    assert (failure.reason, failure.cause, failure.outage) == (Reason.INCOMPLETE, Cause.REPLY, False)


@pytest.mark.parametrize("outcome", ["key_replaced", "full_header"])
async def test_a_key_under_an_old_kid_and_a_header_full_of_others_sign_in(here: Stage, outcome: str) -> None:
    assert isinstance(await here.sign_in(), Identity)
    assert isinstance(await here.sign_in(f"outcome:{outcome}"), Identity)


@pytest.mark.parametrize("outcome", [*BY_ITS_CONTENT, "userinfo_401"])
async def test_one_citizen_with_odd_data_closes_no_provider(here: Stage, ambient: Ambient, outcome: str) -> None:
    watched = Watched(here.provider, ambient)
    for _ in range(2 * LEAST):
        departure = await watched.begin(replace(ASK, hint=f"outcome:{outcome}"))
        assert isinstance(departure, Departure)
        result = await watched.complete(departure.note, await walk(departure.url, CALLBACK))
        assert isinstance(result, Failure)
    assert watched.standing.working
    assert isinstance(await watched.begin(ASK), Departure)


async def test_a_slow_provider_is_given_up_in_time(here: Stage) -> None:
    async with asyncio.timeout(50):
        assert (await failing(here, "slow")).reason is Reason.UNAVAILABLE


async def test_a_provider_out_of_order_is_unavailable_from_the_start(here: Stage) -> None:
    await here.outgoing.client("operator").post(f"{here.base}/eid/order", {})
    failure = await here.provider.begin(ASK)
    assert isinstance(failure, Failure)
    assert (failure.reason, failure.outage) == (Reason.UNAVAILABLE, True)


async def test_a_key_rotated_overnight_is_fetched_and_the_sign_in_goes_on(here: Stage) -> None:
    assert isinstance(await here.sign_in(), Identity)
    assert isinstance(await here.sign_in("outcome:key_rotated"), Identity)


async def test_many_sign_ins_at_once_survive_a_key_that_was_rotated(here: Stage) -> None:
    await here.sign_in()
    departures = [await here.depart() for _ in range(8)]
    rotated = await here.depart("outcome:key_rotated")
    answers = [await walk(one.url, CALLBACK) for one in (*departures, rotated)]
    outcomes = await asyncio.gather(
        *(here.provider.complete(one.note, back) for one, back in zip((*departures, rotated), answers, strict=True))
    )
    assert [type(outcome) for outcome in outcomes] == [Identity] * 9


async def test_a_provider_recovers_from_huge_keys_by_itself(here: Stage, clock: FakeClock) -> None:
    await here.sign_in()
    await failing(here, "huge_keys")
    clock.advance(31)
    assert isinstance(await here.sign_in(), Identity)


# --- the table of failures ---


def test_the_simulator_plays_every_reason_of_the_contract_and_a_citizen_who_never_returns() -> None:
    said = {from_reason(reason) for reason in Reason} | {FailureClass.TOOK_TOO_LONG}
    assert {outcome.failure for outcome in OUTCOMES.values() if outcome.group is Group.HONEST} == said


async def test_every_outcome_ends_in_the_class_that_its_page_means(here: Stage, clock: FakeClock) -> None:
    await here.sign_in()
    # the one never comes back; what the level is worth and what to do with a stray answer is for the journey to say
    elsewhere = {"took_too_long", "lower_level", "mix_up", "missing_issuer", "other_state"}
    ended: dict[str, FailureClass | None] = {}
    for name in OUTCOMES.keys() - elsewhere:
        result = await here.sign_in(f"outcome:{name}", fresh=True)
        ended[name] = from_reason(result.reason) if isinstance(result, Failure) else None
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
