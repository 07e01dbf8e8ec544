"""Next steps after a failure: what its row lists and what the offer holds."""

from dataclasses import replace

import pytest

from broker.journey.next_steps import next_steps
from broker.journey.transaction import FailedAttempt, TransactionState
from broker.model.failures import FAILURES, FailureClass, NextStep
from broker.model.service import OtherWay
from broker.provider import Prerequisite
from tests.unit.journey.examples import NOW, THREE, after, candidate, offered, service, standing

RICH = service(contact="call us", other_ways=(OtherWay({"en": "By post"}),))


BETA = candidate("beta")


FULL = (
    candidate("alpha", contact="ask alpha"),
    replace(BETA, card=replace(BETA.card, prerequisites=(Prerequisite.PASSPORT,))),
    candidate("gamma"),
)


@pytest.mark.parametrize("failure", FailureClass)
def test_with_everything_there_each_failure_offers_all_that_its_row_lists(failure: FailureClass) -> None:
    case = "case" if failure is FailureClass.HELP_WAITING else None
    ended = "case" if failure is FailureClass.HELP_DECLINED else None
    transaction = after((failure, "alpha"), case=case, ended_case=ended)
    found = offered(FULL, transaction, RICH)
    assert next_steps(transaction, found, transaction.failures[-1]) == FAILURES[failure].next


@pytest.mark.parametrize("failure", FailureClass)
def test_without_providers_no_failure_offers_an_unavailable_step(failure: FailureClass) -> None:
    transaction = after((failure, "alpha"))
    transaction = replace(transaction, request=replace(transaction.request, requested_claims=()))
    nothing = offered((), transaction, service(assisted=False, single_sign_on=False, initiate_login_uri=None))
    always = {NextStep.START_AGAIN, NextStep.USE_CODE, NextStep.HOME, NextStep.OWN_SERVICES}
    found = set(next_steps(transaction, nothing, transaction.failures[-1]))
    assert found <= always
    assert found or not FAILURES[failure].page


def test_what_the_citizen_has_is_asked_only_if_a_provider_on_offer_needs_something() -> None:
    transaction = after((FailureClass.NOT_VERIFIED, "alpha"))
    for candidates, asked in ((FULL, True), (THREE, False)):
        steps = next_steps(transaction, offered(candidates, transaction), transaction.failures[-1])
        assert (NextStep.WHAT_YOU_HAVE in steps) == asked


def test_retry_is_not_offered_for_a_provider_that_is_down() -> None:
    transaction = after((FailureClass.PROVIDER_DOWN, "alpha"))
    found = offered((candidate("alpha", working=False), candidate("beta")), transaction)
    steps = next_steps(transaction, found, transaction.failures[-1])
    assert steps == (NextStep.ANOTHER, NextStep.HELP, NextStep.LATER)


def test_another_provider_is_not_offered_if_only_the_failed_one_is_left() -> None:
    transaction = after((FailureClass.CANCELLED, "alpha"))
    steps = next_steps(transaction, offered((candidate("alpha"),), transaction), transaction.failures[-1])
    assert steps == (NextStep.RETRY, NextStep.HELP, NextStep.LATER)


def test_with_an_open_case_its_status_replaces_the_offer_of_help() -> None:
    transaction = after((FailureClass.CANCELLED, "alpha"), case="case")
    steps = next_steps(transaction, offered(THREE, transaction), transaction.failures[-1])
    assert steps == (NextStep.RETRY, NextStep.ANOTHER, NextStep.STATUS, NextStep.LATER)


def test_an_ended_transaction_offers_no_resuming() -> None:
    ended = standing(TransactionState.EXPIRED)
    steps = next_steps(ended, offered(THREE, ended), FailedAttempt(FailureClass.CANCELLED, NOW, "alpha"))
    assert NextStep.LATER not in steps
