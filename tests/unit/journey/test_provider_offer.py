"""Provider offer: options, their order, and the next steps after a failure."""

import hashlib
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.journey.provider_offer import (
    LEFT_SHOWN,
    Candidate,
    Offer,
    OfferPolicy,
    UnavailableProvider,
    goes_elsewhere,
    measure_first_places,
    offer,
)
from broker.journey.transaction import FailedAttempt, QueuePlace, Transaction, TransactionState
from broker.model.assurance import Level
from broker.model.backchannel_request import BackchannelRequestRef
from broker.model.failures import FailureClass
from broker.model.kill_switches import KillSwitches, KillSwitchKind, ProviderPause
from broker.model.provider_policy import DisplayOrder, Overflow, ProviderPolicy
from broker.model.service import Service
from tests.unit.journey.examples import (
    NOTHING_OFF,
    NOW,
    THREE,
    after,
    begun,
    candidate,
    offered,
    request,
    service,
    standing,
)


def ids(given_offer: Offer) -> list[str]:
    """The ids of the options in the order of the page."""
    return [option.card.id for option in given_offer.options]


@pytest.mark.parametrize(
    ("other", "asking", "switches"),
    [
        (candidate("beta", staff_only=True), service(), NOTHING_OFF),
        (candidate("beta", services=("libraries",)), service(), NOTHING_OFF),
        (candidate("beta", accept_sign_in_until=NOW - LEFT_SHOWN), service(), NOTHING_OFF),
        (candidate("beta", highest=Level.LOW), service(), NOTHING_OFF),
        (candidate("beta"), service(providers=("alpha",)), NOTHING_OFF),
    ],
)
def test_a_provider_that_this_service_cannot_use_at_this_level_is_not_there_at_all(
    other: Candidate, asking: Service, switches: KillSwitches
) -> None:
    both = offered((candidate("alpha"), other), asking=asking, switches=switches)
    assert (ids(both), both.not_working, both.reachable) == (["alpha"], (), True)
    alone = offered((other,), asking=asking, switches=switches)
    assert (alone.options, alone.no_route) == ((), True)


@pytest.mark.parametrize(
    ("other", "switches"),
    [
        (candidate("beta", enabled=False), NOTHING_OFF),
        (candidate("beta"), KillSwitches(2, {(KillSwitchKind.PROVIDER, "beta"): "broken"})),
    ],
)
def test_a_provider_that_is_turned_off_is_named_and_cannot_be_chosen(other: Candidate, switches: KillSwitches) -> None:
    found = offered((candidate("alpha"), other), switches=switches)
    assert (ids(found), found.not_working) == (["alpha"], (UnavailableProvider(other.card, off=True),))
    assert not found.has("beta")
    alone = offered((other,), switches=switches)
    assert (alone.options, alone.no_route) == ((), False)


def test_a_provider_that_left_is_named_with_its_date_and_is_no_route() -> None:
    gone = candidate("beta", accept_sign_in_until=NOW - 60)
    assert offered((candidate("alpha"), gone)).not_working == (UnavailableProvider(gone.card, left=NOW - 60),)
    assert offered((gone,)).no_route


def test_a_pause_by_command_is_told_in_its_words_and_ends_by_itself() -> None:
    beta = candidate("beta")
    pause = ProviderPause({"en": "A fault there"}, NOW + 60)
    found = offered((beta,), switches=KillSwitches(2, pauses={"beta": pause}))
    assert found.not_working == (UnavailableProvider(beta.card, why={"en": "A fault there"}, until=NOW + 60),)
    ended = KillSwitches(2, pauses={"beta": replace(pause, until=NOW)})
    assert ids(offered((beta,), switches=ended)) == ["beta"]


def test_a_soft_launch_shows_a_provider_to_the_services_it_names() -> None:
    assert ids(offered((candidate("alpha", services=("parking",)),))) == ["alpha"]


def test_a_share_of_a_soft_launch_is_always_offered_to_the_same_browsers_and_grows() -> None:
    browsers = [replace(begun(), order_seed=seed) for seed in range(400)]

    def launched(share: int) -> set[int]:
        beta = candidate("beta", share=share)
        return {one.order_seed for one in browsers if offered((candidate("alpha"), beta), one).has("beta")}

    few, more = launched(10), launched(30)
    assert (len(launched(0)), len(launched(100))) == (0, 400)
    assert few < more
    assert 20 <= len(few) <= 60
    assert 85 <= len(more) <= 155
    outside = next(one for one in browsers if one.order_seed not in few)
    assert offered((candidate("alpha"), candidate("beta", share=10)), outside).not_working == ()


def test_a_provider_that_is_down_is_listed_as_unavailable_and_cannot_be_chosen() -> None:
    down = candidate("beta", working=False)
    found = offered((candidate("alpha"), down))
    assert ids(found) == ["alpha"]
    assert found.not_working == (UnavailableProvider(down.card, since=NOW - 60, checked=NOW - 5),)
    assert not found.has("beta")


def test_with_every_provider_down_the_offer_still_has_a_route() -> None:
    found = offered((candidate(working=False),))
    assert (found.options, found.no_route) == ((), False)


def test_a_paused_provider_is_listed_with_the_operators_reason_and_its_end() -> None:
    paused = candidate("beta", paused={"en": "Maintenance"}, paused_until=NOW + 60)
    assert offered((paused,)).not_working == (
        UnavailableProvider(paused.card, why={"en": "Maintenance"}, until=NOW + 60),
    )


def test_a_pause_ends_by_itself() -> None:
    assert ids(offered((candidate("beta", paused={"en": "Maintenance"}, paused_until=NOW),))) == ["beta"]


def test_a_provider_that_leaves_the_scheme_is_offered_with_its_date() -> None:
    going = candidate("beta", accept_new_until=NOW - 1, accept_sign_in_until=NOW + 900)
    (_, option) = offered((candidate("alpha"), going)).options
    assert (option.card.id, option.closed, option.leaves) == ("beta", True, NOW + 900)


def test_the_end_of_accepting_new_users_is_announced_before_it_comes() -> None:
    (option,) = offered((candidate("beta", accept_new_until=NOW + 900),)).options
    assert (option.closed, option.closes) == (False, NOW + 900)


def test_the_providers_languages_are_listed_only_if_the_citizens_is_missing() -> None:
    welsh, both = candidate("alpha", languages=("cy",)), candidate("beta", languages=("cy", "en"))
    assert [option.languages for option in offered((welsh, both)).options] == [("cy",), ()]


def test_the_usual_time_now_goes_with_an_option() -> None:
    assert offered((candidate(),)).options[0].seconds == 40.0


def test_the_order_by_name_and_the_order_by_weight_are_what_they_say() -> None:
    some = (candidate("gamma", weight=1), candidate("beta", weight=2), candidate("alpha", weight=2))
    assert ids(offered(some, order=DisplayOrder.ALPHABETICAL)) == ["alpha", "beta", "gamma"]
    assert ids(offered(some, order=DisplayOrder.CONFIGURED)) == ["gamma", "alpha", "beta"]


@given(st.integers(), st.permutations(["a", "b", "c", "d", "e"]), st.sampled_from("abcde"))
def test_chance_orders_by_the_seed_alone_and_a_provider_that_goes_moves_no_other(
    seed: int, names: list[str], gone: str
) -> None:
    transaction = replace(begun(), order_seed=seed)
    some = [candidate(name) for name in names]
    whole = ids(offered(some, transaction, order=DisplayOrder.SHUFFLED))
    fewer = ids(offered([c for c in some if c.card.id != gone], transaction, order=DisplayOrder.SHUFFLED))
    assert whole == ids(offered(sorted(some, key=lambda c: c.card.id), transaction, order=DisplayOrder.SHUFFLED))
    assert fewer == [name for name in whole if name != gone]


def test_by_chance_every_provider_comes_first_about_as_often() -> None:
    firsts = [
        ids(offered(THREE, replace(begun(), order_seed=seed), order=DisplayOrder.SHUFFLED))[0] for seed in range(600)
    ]
    assert all(150 < firsts.count(name) < 250 for name in ("alpha", "beta", "gamma"))


SHARES = (candidate("alpha"), candidate("beta", fallback_share=300), candidate("gamma", fallback_share=0))
"""Two providers that take the place of a third one that fails in different shares."""


def test_measured_first_places_are_those_of_the_offers_and_about_even() -> None:
    names = ("alder", "birch", "cedar", "drift")
    found = measure_first_places(names, 1_000)
    assert sum(found.values()) == 1_000
    assert all(190 < count < 310 for count in found.values()), found
    first = Counter[str]()
    for number in range(1_000):
        seed = int.from_bytes(hashlib.sha256(f"browser {number}".encode()).digest()[:6])
        first[ids(shuffled(seed, *(candidate(name) for name in names)))[0]] += 1
    assert first == Counter(found)


def shuffled(seed: int, *candidates: Candidate, **changes: Any) -> Offer:
    """The offer for the browser of a seed, in the order by chance."""
    asked = replace(begun(), order_seed=seed, **changes)
    return offered(candidates, asked, order=DisplayOrder.SHUFFLED)


def test_the_turns_of_a_provider_that_does_not_work_go_to_the_others_by_share_and_no_other_turn_moves() -> None:
    down = candidate("delta", working=False)
    firsts: Counter[str] = Counter()
    for seed in range(1200):
        normal, now = shuffled(seed, *SHARES, candidate("delta")), shuffled(seed, *SHARES, down)
        displaced = ids(normal)[0] == "delta"
        assert now.fallback is displaced
        if displaced:
            firsts[ids(now)[0]] += 1
            assert [one for one in ids(normal) if one not in ("delta", ids(now)[0])] == ids(now)[1:]
        else:
            assert ids(now) == [one for one in ids(normal) if one != "delta"]
    assert firsts["gamma"] == 0
    assert 2.3 < firsts["beta"] / firsts["alpha"] < 3.9


@pytest.mark.parametrize("failure", [FailureClass.PROVIDER_DOWN, FailureClass.PROVIDER_BUSY])
def test_a_citizen_whom_a_busy_or_failing_provider_rejected_is_offered_the_others_by_share(
    failure: FailureClass,
) -> None:
    failures = (FailedAttempt(failure, NOW, "delta"),)
    found = [shuffled(seed, *SHARES, candidate("delta"), failures=failures) for seed in range(300)]
    assert all(one.fallback and ids(one)[0] != "gamma" and ids(one)[-1] == "delta" for one in found)
    cancelled = (FailedAttempt(FailureClass.CANCELLED, NOW, "delta"),)
    assert not shuffled(1, *SHARES, candidate("delta"), failures=cancelled).fallback


def test_a_citizen_in_line_is_offered_the_others_by_share() -> None:
    place = QueuePlace("delta", NOW, NOW + 60, 1.0)
    found = [shuffled(seed, *SHARES, candidate("delta"), queue=place) for seed in range(100)]
    assert all(one.fallback and ids(one)[0] in ("alpha", "beta") for one in found)


@pytest.mark.parametrize(
    ("candidates", "order"),
    [
        ((candidate("alpha"), candidate("beta"), candidate("delta", working=False)), DisplayOrder.SHUFFLED),
        ((*SHARES, candidate("delta", working=False)), DisplayOrder.ALPHABETICAL),
        ((*SHARES, candidate("delta", accept_sign_in_until=NOW - 1)), DisplayOrder.SHUFFLED),
    ],
)
def test_equal_shares_a_fixed_order_or_a_provider_that_left_change_nothing(
    candidates: tuple[Candidate, ...], order: DisplayOrder
) -> None:
    for seed in range(50):
        found = offered(candidates, replace(begun(), order_seed=seed), order=order)
        whole = offered(candidates[:-1], replace(begun(), order_seed=seed), order=order)
        assert (found.fallback, ids(found)) == (False, ids(whole))


@pytest.mark.parametrize(
    ("transaction", "candidates", "elsewhere"),
    [
        (begun(), THREE, True),
        (begun(), THREE[:1], False),
        (after((FailureClass.PROVIDER_BUSY, "alpha")), THREE, False),
        (after((FailureClass.PROVIDER_BUSY, "beta")), THREE, True),
        (after((FailureClass.CANCELLED, "beta"), (FailureClass.CANCELLED, "gamma")), THREE, False),
        (after((FailureClass.CANCELLED, "alpha")), THREE, True),
    ],
)
def test_beyond_a_rate_a_citizen_is_sent_to_the_others_once_and_only_if_there_are_any(
    transaction: Transaction, candidates: tuple[Candidate, ...], *, elsewhere: bool
) -> None:
    found = offered(candidates, transaction)
    assert goes_elsewhere(transaction, ProviderPolicy(overflow=Overflow.OTHERS), found, "alpha") is elsewhere
    assert not goes_elsewhere(transaction, ProviderPolicy(), found, "alpha")


def test_a_failed_provider_is_listed_last_with_its_failure() -> None:
    found = offered(transaction=after((FailureClass.CANCELLED, "alpha"), (FailureClass.TOOK_TOO_LONG, "alpha")))
    assert ids(found) == ["beta", "gamma", "alpha"]
    assert found.options[-1].failed == FailedAttempt(FailureClass.TOOK_TOO_LONG, NOW, "alpha")


@pytest.mark.parametrize(
    ("failures", "there"),
    [
        ([FailureClass.CANNOT_USE], False),
        ([FailureClass.UNSAFE_REPLY], True),
        ([FailureClass.UNSAFE_REPLY, FailureClass.CANCELLED, FailureClass.UNSAFE_REPLY], False),
        ([FailureClass.CANCELLED] * 9, True),
    ],
)
def test_an_exhausted_provider_is_not_offered_again(failures: list[FailureClass], *, there: bool) -> None:
    assert offered(transaction=after(*((failure, "alpha") for failure in failures))).has("alpha") is there


def test_a_provider_hint_is_followed_only_if_permitted_and_available() -> None:
    hinting = begun(provider_hint="beta")
    found = offered(transaction=hinting, asking=service(provider_hint=True)).hint
    assert found is not None
    assert found.card.id == "beta"
    assert offered(transaction=hinting).hint is None
    down = (candidate("alpha"), candidate("beta", working=False))
    assert offered(down, hinting, service(provider_hint=True)).hint is None


def test_a_service_that_is_off_is_offered_nothing_but_its_contact() -> None:
    off = KillSwitches(2, {(KillSwitchKind.SERVICE, "parking"): "stopped"})
    found = offered(switches=off, asking=service(contact="call us"))
    assert (found.options, found.help, found.later, found.no_route) == ((), False, False, False)
    assert (found.blocked_by, found.contact) == (FailureClass.SERVICE_OFF, True)


def test_a_person_is_offered_where_the_service_allows_it_and_no_case_is_open() -> None:
    assert offered().help
    closed = offered(asking=service(assisted=False))
    assert (closed.help, closed.help_below) == (False, False)
    assert not offered(transaction=standing(TransactionState.WAITING)).help


def test_a_backchannel_request_offers_every_provider_but_no_help_and_no_resuming() -> None:
    asked = replace(begun(), request=request(redirect_uri="", question=BackchannelRequestRef("q1", "Order 17")))
    found = offered(transaction=asked)
    assert found.options == offered().options
    assert not found.help
    assert not found.later


def test_a_provider_that_alone_reaches_the_level_is_named_also_if_it_does_not_work() -> None:
    low = (candidate("alpha", Level.LOW), candidate("gamma", Level.LOW))
    for working in (True, False):
        only = offered((*low, candidate("beta", working=working))).only
        assert only is not None
        assert only.id == "beta"
    assert offered(low).only is None
    assert offered(THREE).only is None


def test_the_first_provider_of_several_hints_that_can_be_used_is_suggested() -> None:
    asking = service(provider_hint=True)
    found = offered(transaction=begun(provider_hint="unknown gamma beta"), asking=asking)
    assert found.hint is not None
    assert found.hint.card.id == "gamma"
    tried = replace(after((FailureClass.CANCELLED, "gamma")), request=request(provider_hint="gamma beta"))
    found = offered(transaction=tried, asking=asking)
    assert found.hint is not None
    assert found.hint.card.id == "beta"


@pytest.mark.parametrize(
    ("assisted", "minimum", "helped"),
    [
        (None, Level.LOW, False),
        (Level.SUBSTANTIAL, Level.LOW, True),
        (Level.SUBSTANTIAL, Level.SUBSTANTIAL, True),
        (Level.SUBSTANTIAL, Level.HIGH, False),
    ],
)
def test_a_person_is_offered_only_where_their_help_can_reach_the_level(
    assisted: Level | None, minimum: Level, *, helped: bool
) -> None:
    asked, rule = begun(min_level=minimum), DisplayOrder.CONFIGURED
    made = offer(asked, THREE, service(), NOTHING_OFF, NOW, OfferPolicy(rule, assisted))
    assert (made.help, made.help_below) == (helped, assisted is not None and not helped)
