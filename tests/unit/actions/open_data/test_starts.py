"""Started sign-ins are counted in memory and written as audit rows; a row about a sign-in says when it started."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.actions.open_data.starts import StartCounter
from broker.journey.figures import SignInPath, figure_details, request_details
from broker.journey.transaction import FailedAttempt, Transaction, TransactionState
from broker.model.account import Errand, ErrandKind
from broker.model.audit import AuditEvent
from broker.model.failures import FailureClass
from broker.model.identity import HELP
from broker.model.store_results import StoreUnavailable
from tests.unit.journey.examples import NOW, standing

DAY = "2027-01-15"


class _Audit:
    """Keeps what is written; refuses while it is down."""

    def __init__(self) -> None:
        self.written: list[AuditEvent] = []
        self.down = False

    async def write(self, events: Sequence[AuditEvent]) -> None:
        """Keeps the rows."""
        if self.down:
            raise StoreUnavailable("down")
        self.written += events


@pytest.fixture
def begun() -> Transaction:
    """A transaction whose citizen has not chosen yet."""
    return standing(TransactionState.CHOOSING)


async def test_starts_are_written_once_with_their_day_and_language(begun: Transaction) -> None:
    observed: list[str] = []
    starts, audit = StartCounter(observed.append), _Audit()
    for language in ("en", "cy", "en"):
        starts.count(replace(begun, language=language))
    await starts.write(audit, NOW)
    await starts.write(audit, NOW)
    assert [(row.kind, row.client_id, dict(row.details)) for row in audit.written] == [
        ("sign_ins_started", "parking", {"started": DAY, "en": "2", "cy": "1"})
    ]
    assert observed == ["parking"] * 3


async def test_starts_wait_for_a_database_that_is_away(begun: Transaction) -> None:
    starts, audit = StartCounter(lambda _: None), _Audit()
    starts.count(begun)
    audit.down = True
    with pytest.raises(StoreUnavailable):
        await starts.write(audit, NOW)
    starts.count(begun)
    audit.down = False
    await starts.write(audit, NOW)
    assert audit.written[0].details[begun.language] == "2"


async def test_silent_requests_and_pages_of_the_account_are_not_sign_ins(begun: Transaction) -> None:
    starts, audit = StartCounter(lambda _: None), _Audit()
    silent = replace(begun, request=replace(begun.request, prompt=("none",)))
    account = replace(begun, request=replace(begun.request, errand=Errand(ErrandKind.ACCOUNT)))
    for one in (silent, account):
        starts.count(one)
        assert figure_details("service_answered", one) == {}
        assert request_details(one) == {}
    await starts.write(audit, NOW)
    assert not audit.written


def test_a_row_says_how_the_sign_in_came_to_its_identity() -> None:
    proven = standing(TransactionState.IDENTIFIED)
    assert proven.identity is not None
    provider, failed = proven.identity.provider, FailedAttempt(FailureClass.CANCELLED, NOW, "bank")

    def path(**changes: object) -> str:
        plain = replace(proven, account=None, failures=(), first_choice=provider)
        return figure_details("service_answered", replace(plain, **changes))["path"]  # type: ignore[arg-type]

    assert path() == path(first_choice=None) == SignInPath.FIRST_CHOICE
    assert path(first_choice=HELP) == SignInPath.OTHER_CHOICE
    assert path(failures=(failed,)) == SignInPath.AFTER_FAILURE
    assert path(account="a") == SignInPath.SESSION


def test_only_the_first_request_for_a_person_of_a_sign_in_is_counted(begun: Transaction) -> None:
    assert request_details(begun) == {"started": DAY}
    assert request_details(replace(begun, ended_case="before")) == {}
    assert figure_details("given_up", replace(begun, ended_case="before"))["helped"] == "yes"
    assert "helped" not in figure_details("given_up", begun)


def test_other_rows_carry_no_figures(begun: Transaction) -> None:
    assert figure_details("sharing_declined", begun) == {}
