"""Passkey of a case: made in the asking browser, confirmed after the words, and a proof by itself on any device."""

from dataclasses import replace

import pytest

from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import IdentityBinding, Phrase
from broker.assisted.case_states import CaseState
from broker.assisted.profiles import AuthenticationRule, default_profiles
from broker.assisted.proofs import Proofs, worth
from broker.assisted.transitions import TransitionRefused
from broker.model.assurance import Level
from tests.unit.assisted.cases import (
    AGENT,
    CLAIM,
    MEET,
    NOW,
    PONDER,
    RECORD,
    SUBMIT,
    WAIT,
    draft,
    held_back,
    passkey,
    verdict,
    walked,
)

MADE = ev.PasskeyRegistered(passkey())
CONFIRMED = ev.PasskeyConfirmed(AGENT, "passkey-1")
BOUND = ev.Bound(
    IdentityBinding("s", NOW, Level.SUBSTANTIAL, ("user", "swk"), False, False, False, passkey="passkey-1")  # noqa: FBT003
)


@pytest.mark.parametrize("before", [SUBMIT, WAIT, CLAIM, MEET, PONDER])
def test_a_passkey_is_made_while_the_case_waits_or_staff_work_on_it(before: tuple[ev.Event, ...]) -> None:
    case = walked(*before)
    after = walked(MADE, case=case)
    assert after.passkey == passkey()
    assert (after.state, after.edit_version) == (case.state, case.edit_version)


def test_none_is_made_after_the_decision_or_in_another_browser() -> None:
    assert held_back(walked(*PONDER, ev.Decided(verdict())), MADE) is TransitionRefused.NOT_NOW
    assert held_back(draft(), MADE) is TransitionRefused.NOT_NOW
    other = ev.PasskeyRegistered(passkey(asker="another browser"))
    assert held_back(walked(*WAIT), other) is TransitionRefused.NOT_PROVEN


def test_it_is_confirmed_by_the_agent_after_the_words() -> None:
    met = walked(*MEET, MADE)
    assert held_back(met, CONFIRMED) is TransitionRefused.WORDS_FIRST
    said = walked(ev.WordsExchanged(AGENT), case=met)
    assert held_back(said, ev.PasskeyConfirmed("agent-2", "passkey-1")) is TransitionRefused.NOT_HOLDER
    assert held_back(said, ev.PasskeyConfirmed(AGENT, "another")) is TransitionRefused.NOT_PROVEN
    assert held_back(walked(*RECORD), CONFIRMED) is TransitionRefused.NOT_PROVEN
    confirmed = walked(CONFIRMED, case=said)
    assert confirmed.passkey == replace(passkey(), confirmed=AGENT)
    assert held_back(confirmed, MADE) is TransitionRefused.TAKEN


def test_another_one_takes_the_place_of_one_that_was_not_confirmed() -> None:
    case = walked(*RECORD, MADE, ev.PasskeyRegistered(passkey("passkey-2")))
    assert held_back(case, CONFIRMED) is TransitionRefused.NOT_PROVEN
    assert walked(ev.PasskeyConfirmed(AGENT, "passkey-2"), case=case).passkey is not None


def approved(*before: ev.Event) -> Case:
    return walked(*RECORD, *before, ev.SessionEnded(AGENT), ev.Decided(verdict()))


def test_a_confirmed_passkey_alone_binds_the_case_and_no_other_does() -> None:
    assert walked(BOUND, case=approved(MADE, CONFIRMED)).state is CaseState.BOUND
    assert held_back(approved(MADE), BOUND) is TransitionRefused.NOT_PROVEN
    assert held_back(approved(), BOUND) is TransitionRefused.NOT_PROVEN
    other = ev.Bound(replace(BOUND.binding, passkey="passkey-2"))
    assert held_back(approved(MADE, CONFIRMED), other) is TransitionRefused.NOT_PROVEN
    low = ev.Bound(replace(BOUND.binding, level=Level.LOW))
    assert held_back(approved(MADE, CONFIRMED), low) is TransitionRefused.BELOW_NEED


def test_after_a_new_round_it_must_be_confirmed_again_and_after_a_new_meeting_made_again() -> None:
    back = walked(*RECORD, MADE, CONFIRMED, ev.SessionDropped(AGENT, "line dead"))
    assert back.passkey == passkey()
    again = ev.MeetingRequested(Phrase("birch", "window"), "mark-2", ())
    assert walked(again, case=approved(MADE, CONFIRMED)).passkey is None
    assert walked(ev.Withdrawn(), case=approved(MADE, CONFIRMED)).passkey is None


def test_what_a_passkey_is_worth_is_data() -> None:

    assert worth(Proofs(passkey=True), default_profiles().authentication) is Level.SUBSTANTIAL
    assert worth(Proofs(passkey=True), AuthenticationRule(Level.LOW, Level.SUBSTANTIAL)) is Level.LOW


@pytest.mark.parametrize(
    ("own", "bound", "best"), [(None, Level.SUBSTANTIAL, Level.SUBSTANTIAL), (Level.HIGH, Level.HIGH, Level.HIGH)]
)
def test_a_passkey_that_stays_on_its_device_is_worth_more_only_if_the_profile_file_says_so(
    own: Level | None, bound: Level, best: Level
) -> None:
    rule = replace(default_profiles().authentication, passkey_device_bound=own)
    assert worth(Proofs(passkey=True, device_bound=True), rule) is bound
    assert worth(Proofs(passkey=True), rule) is Level.SUBSTANTIAL
    assert rule.best is best
    assert replace(default_profiles(), authentication=rule).highest is best
