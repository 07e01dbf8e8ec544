"""Kept identities of earlier cases: renewed by a shorter check, and bound again after the passkeys were lost."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from broker.actions.assisted.context import CaseChange, apply_events, change_case, save
from broker.actions.assisted.kept_identity import bound
from broker.actions.assisted.staff_results import ActionRefused, CaseView, EvidenceEntry
from broker.actions.browser import Browser
from broker.actions.freezing import freeze
from broker.actions.results import ProofResult
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import CasePasskey, Decision, IdentityBinding
from broker.assisted.case_states import CaseState
from broker.assisted.case_status import CaseStage
from broker.assisted.case_work import CaseWork
from broker.assisted.former import CasePurpose
from broker.assisted.transitions import TransitionRefused
from broker.model.account import Errand, ErrandKind
from broker.model.assurance import Level
from broker.model.notification import NotificationKind
from broker.model.passkey import FormerKept, Passkey
from tests.contracts.stores.full_database import passkey
from tests.unit.actions.assisted.case_harness import (
    ANN,
    BEN,
    DETAILS,
    GOOD,
    LEA,
    ME,
    PASSPORT,
    SAFE,
    STRANGER,
    WANTED,
    Stage,
    had,
    yes,
)

pytestmark = pytest.mark.store

DAY = 86_400
REBIND = replace(WANTED, address="new@example.org", purpose=CasePurpose.REBIND)


@dataclass
class Citizen:
    """Ada, whose identity is kept for 90 days since a case proved it, with one passkey."""

    stage: Stage
    key: str
    old: Passkey
    account: str
    seen: set[str] = field(default_factory=set)

    async def kept(self) -> FormerKept | None:
        """What is kept now."""
        return await self.stage.facts.former_identities.load(self.key)

    async def asks(self, browser: Browser = ME) -> str:
        """Says that the passkey is lost; gives the handle."""
        handle = await self.stage.arrives(browser=browser)
        await self.stage.asks(handle, REBIND, browser)
        return handle

    async def session(self, *, details: dict[str, str] = DETAILS, number: str = PASSPORT["number"]) -> CaseView:
        """An agent records everything; the comparison is next."""
        who, c = self.stage.present(ANN), self.stage.console
        f = await self.stage.meets(ANN)
        entry = EvidenceEntry("passport", {**PASSPORT, "number": number}, GOOD)
        f = had(await c.record_evidence(who, f.ref, entry))
        f = had(await c.record_checks(who, f.ref, SAFE))
        return had(await c.record_details(who, f.ref, details))

    async def approved(self, handle: str) -> Case:
        """An agent compares and approves, a reviewer agrees."""
        who, c = self.stage.present(ANN), self.stage.console
        f = await self.session()
        f = had(await c.compare_former(who, f.ref, stolen=False))
        f = had(await c.end_session(who, f.ref))
        had(await c.decide(who, f.ref, Decision.APPROVE, ()))
        ben = self.stage.present(BEN)
        f = had(await c.next_case(ben))
        f = had(await c.record_independent_review(ben, f.ref, Decision.APPROVE, ()))
        had(await c.review_verdict(ben, f.ref, (), agrees=True))
        return await self.stage.case(handle)

    async def notices(self) -> list[tuple[NotificationKind, str]]:
        """New notices, with their addresses."""
        sent = [one for one in await self.stage.sent() if one.id not in self.seen]
        self.seen.update(one.id for one in sent)
        return sorted((one.kind, one.address) for one in sent if one.kind is not NotificationKind.CODE)

    async def link(self) -> str:
        """The handle of the link in the newest notice that has one."""
        sent = [one for one in await self.stage.sent() if "link" in one.fields]
        return sent[-1].fields["link"].rpartition("/")[2]

    async def binds(self, handle: str, browser: Browser = ME) -> ProofResult:
        """Types in code and words."""
        await self.stage.prolongs(handle)
        words, code = (await self.stage.case(handle)).phrase, await self.stage.code(handle, browser)
        done = await self.stage.citizen.bind(handle, browser, code, f"{words.first} {words.second}")
        assert isinstance(done, ProofResult)
        return done


@pytest.fixture
async def ada(stage: Stage) -> Citizen:
    """The first case: Ada made a passkey, which the agent confirmed, and finished with code and words."""
    handle = await stage.arrives()
    await stage.asks(handle)
    made = passkey("old", case_id=(await stage.case(handle)).id)
    await _adds_passkey(stage, handle, made, 90)
    who, c = stage.present(ANN), stage.console
    f = await stage.meets(ANN)
    f = had(await c.confirm_passkey(who, f.ref, made.digest))
    f = had(await c.record_evidence(who, f.ref, EvidenceEntry("passport", PASSPORT, GOOD)))
    f = had(await c.record_checks(who, f.ref, SAFE))
    f = had(await c.record_details(who, f.ref, DETAILS))
    f = had(await c.end_session(who, f.ref))
    had(await c.decide(who, f.ref, Decision.APPROVE, ()))
    await stage.binds(handle)
    bound_case = await stage.case(handle)
    assert bound_case.binding is not None
    await stage.citizen.look(handle, ME)
    await stage.citizen.share(handle, ME, agree=True)
    await stage.citizen.look(handle, ME)
    key = bound_case.binding.kept
    assert key is not None
    found = await stage.facts.former_identities.load(key)
    assert found is not None
    assert found.account is not None
    stage.clock.advance(DAY)
    citizen = Citizen(stage, key, made, found.account)
    await citizen.notices()
    return citizen


async def _adds_passkey(stage: Stage, handle: str, made: Passkey, days: int) -> None:

    case = await stage.case(handle)
    event = ev.PasskeyRegistered(CasePasskey(made.digest, stage.clock.now(), case.asker, days * DAY))
    change = CaseChange((event,), CaseWork(passkey=replace(made, case=case.id)))
    assert isinstance(await change_case(stage.context, case, lambda _: change), Case)


async def test_a_lost_passkey_is_replaced_after_the_wait_and_the_citizen_stays_the_same(ada: Citizen) -> None:
    stage, before = ada.stage, await ada.kept()
    assert before is not None
    assert [one.digest for one in before.passkeys] == [ada.old.digest]
    handle = await ada.asks()
    case = await ada.approved(handle)
    assert case.second_review_reasons == ("rebound",)
    everyone = [(NotificationKind.REBIND, one) for one in ("ada@example.org", "new@example.org")]
    assert await ada.notices() == sorted([*everyone, (NotificationKind.RESULT, "new@example.org")])
    await stage.prolongs(handle)
    assert (await stage.status(handle)).stage is CaseStage.REPLACING
    assert await ada.binds(handle) is ProofResult.NOT_ALLOWED
    stage.clock.advance(stage.context.rules.policy.rebind_wait)
    assert await ada.binds(handle) is ProofResult.DONE
    after = await ada.kept()
    assert after is not None
    assert after.passkeys == []
    assert after.kept == before.kept
    assert after.account == before.account == ada.account
    assert {one.address for one in after.reach.recipients} == {"ada@example.org", "new@example.org"}
    case = await stage.case(handle)
    assert case.binding is not None
    assert (case.binding.subject, case.binding.kept) == (before.kept.identity.subject, ada.key)
    assert [kind for kind, _ in await ada.notices()].count(NotificationKind.CHECKED) == 2


async def test_a_stolen_passkey_ends_at_once(ada: Citizen) -> None:
    await ada.asks()
    f = await ada.session()
    had(await ada.stage.console.compare_former(ada.stage.present(ANN), f.ref, stolen=True))
    after = await ada.kept()
    assert after is not None
    assert after.passkeys == []
    assert await ada.stage.facts.passkeys.find(ada.old.digest) is None


@pytest.mark.parametrize(
    ("details", "number"),
    [
        ({**DETAILS, "given_name": "Eve"}, PASSPORT["number"]),
        ({**DETAILS, "birthdate": "1990-01-03"}, PASSPORT["number"]),
        (DETAILS, "X999"),
    ],
)
async def test_another_person_or_document_matches_nothing_and_cannot_be_approved(
    details: dict[str, str], number: str, ada: Citizen
) -> None:
    stage = ada.stage
    await ada.asks(STRANGER)
    f = await ada.session(details=details, number=number)
    who, c = stage.present(ANN), stage.console
    assert await c.compare_former(who, f.ref, stolen=True) is ActionRefused.NO_MATCH
    f = had(await c.end_session(who, f.ref))
    assert await c.decide(who, f.ref, Decision.APPROVE, ()) is TransitionRefused.FORMER_FIRST
    found = await ada.kept()
    assert found is not None
    assert len(found.passkeys) == 1


async def test_a_comparison_counts_only_for_what_was_recorded_then(ada: Citizen) -> None:
    stage = ada.stage
    await ada.asks()
    f = await ada.session()
    who, c = stage.present(ANN), stage.console
    f = had(await c.compare_former(who, f.ref, stolen=False))
    assert f.case.former is not None
    f = had(await c.record_details(who, f.ref, {**DETAILS, "given_name": "Eve"}))
    assert f.case.former is None
    f = had(await c.end_session(who, f.ref))
    assert await c.decide(who, f.ref, Decision.APPROVE, ()) is TransitionRefused.FORMER_FIRST


async def test_of_two_rebinds_at_once_the_second_is_too_late(ada: Citizen) -> None:
    first = await ada.asks()
    await ada.approved(first)
    second = await ada.asks(STRANGER)
    await ada.approved(second)
    ada.stage.clock.advance(ada.stage.context.rules.policy.rebind_wait)
    assert await ada.binds(first) is ProofResult.DONE
    assert await ada.binds(second, STRANGER) is ProofResult.NOT_ALLOWED
    assert (await ada.stage.case(second)).state is CaseState.APPROVED


async def test_the_person_stops_a_new_passkey_before_it_counts_and_a_lead_lets_it_go_on(ada: Citizen) -> None:
    stage = ada.stage
    handle = await ada.asks(STRANGER)
    await ada.approved(handle)
    link = await ada.link()
    assert await freeze.freeze(stage.freezing, link)
    told = [one for one in await ada.notices() if one[0] is NotificationKind.REBIND_STOPPED]
    assert told == [(NotificationKind.REBIND_STOPPED, one) for one in ("ada@example.org", "new@example.org")]
    stage.clock.advance(stage.context.rules.policy.rebind_wait)
    await stage.prolongs(handle)
    assert (await stage.status(handle, STRANGER)).stage is CaseStage.FROZEN
    assert await ada.binds(handle, STRANGER) is ProofResult.NOT_ALLOWED
    found = await ada.kept()
    assert found is not None
    assert (found.kept.frozen, len(found.passkeys)) == (None, 1)
    case = await stage.case(handle)
    lea, c = stage.present(LEA), stage.console
    f = had(await c.open_by_reference(lea, case.reference, "citizen_called"))
    had(await freeze.release(stage.freezing, lea, f.ref, "citizen_called"))
    assert await ada.binds(handle, STRANGER) is ProofResult.DONE


async def test_nothing_is_bound_again_that_was_frozen_or_taken_back_meanwhile(ada: Citizen) -> None:
    stage = ada.stage
    handle = await ada.asks()
    await ada.approved(handle)
    stage.clock.advance(stage.context.rules.policy.rebind_wait)
    event = (await stage.audit("case_bound"))[0]
    assert await stage.facts.kept_identities.freeze(ada.key, event, event, lambda _: ())
    assert await ada.binds(handle) is ProofResult.NOT_ALLOWED
    assert await stage.facts.kept_identities.release(ada.key, event)
    assert await stage.facts.kept_identities.revoke(ada.key, event, event, lambda _: ())
    assert await ada.binds(handle) is ProofResult.NOT_ALLOWED
    assert await ada.kept() is None
    assert (await stage.case(handle)).state is CaseState.APPROVED


async def test_the_store_refuses_a_rebind_that_was_judged_before_the_identity_was_frozen(ada: Citizen) -> None:
    stage = ada.stage
    handle = await ada.asks()
    case = await ada.approved(handle)
    stage.clock.advance(stage.context.rules.policy.rebind_wait)
    found = await ada.kept()
    first = await stage.facts.cases.load(case.id)
    assert first is not None

    binding = IdentityBinding("s", stage.clock.now(), Level.SUBSTANTIAL, ("otp",), True, True, True)  # noqa: FBT003
    change = bound(stage.context, first, binding, found)
    assert not isinstance(change, TransitionRefused)
    after = apply_events(stage.context, first, *change.events)
    assert isinstance(after, Case)
    event = (await stage.audit("case_bound"))[0]
    assert await stage.facts.kept_identities.freeze(ada.key, event, event, lambda _: ())
    assert await save(stage.context, first, after, change.work) is None
    assert (await stage.case(handle)).state is CaseState.APPROVED


async def test_a_renewal_needs_less_and_keeps_subject_account_and_passkeys(ada: Citizen) -> None:
    stage, before = ada.stage, await ada.kept()
    assert before is not None
    stage.clock.advance(60 * DAY)
    handle = await stage.arrives()
    transaction = await stage.transaction(handle)
    errand = Errand(ErrandKind.RENEW, ada.account, ada.key)
    request = replace(transaction.request, errand=errand)
    assert await stage.passing.transactions.save(
        handle, replace(transaction, request=request, version=transaction.version + 1)
    )
    await stage.asks(handle)
    assert (await stage.case(handle)).purpose is CasePurpose.RENEWAL
    who, c = stage.present(ANN), stage.console
    f = await stage.meets(ANN)
    f = had(await c.record_evidence(who, f.ref, EvidenceEntry("passport", PASSPORT, GOOD)))
    f = had(await c.record_checks(who, f.ref, yes("not_reported", "not_deceased")))
    f = had(await c.record_details(who, f.ref, DETAILS))
    assert f.assessment.level is Level.SUBSTANTIAL
    f = had(await c.compare_former(who, f.ref, stolen=False))
    f = had(await c.end_session(who, f.ref))
    had(await c.decide(who, f.ref, Decision.APPROVE, ()))
    await stage.binds(handle)
    after = await ada.kept()
    assert after is not None
    assert after.kept.identity.subject == before.kept.identity.subject
    assert after.kept.expires == after.kept.since + 90 * DAY > before.kept.expires
    assert [one.digest for one in after.passkeys] == [ada.old.digest]
    assert (after.account, after.kept.identity.level) == (ada.account, Level.SUBSTANTIAL)


async def test_only_the_account_of_an_identity_renews_it(ada: Citizen) -> None:
    stage = ada.stage
    handle = await stage.arrives(browser=STRANGER)
    transaction = await stage.transaction(handle)
    errand = Errand(ErrandKind.RENEW, "another-account", ada.key)
    request = replace(transaction.request, errand=errand)
    assert await stage.passing.transactions.save(
        handle, replace(transaction, request=request, version=transaction.version + 1)
    )
    refused: Any = await stage.citizen.ask_help(handle, STRANGER, WANTED)
    assert refused == "not_now"
