"""A person who is told that somebody is them stops the identity by one press, and a lead releases it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from broker.actions.assisted.context import FREEZE_LIFE
from broker.actions.assisted.notice_settings import NoticeSettings
from broker.actions.assisted.staff_results import ActionRefused, CaseView
from broker.actions.console.lists import WorkLists
from broker.actions.freezing.freeze import FreezeContext, freeze, look, release, revoke
from broker.actions.freezing.links import PER_LINK, FreezeLinks
from broker.actions.results import RateLimited
from broker.actions.views import ConsentView, FailureView, RedirectAway
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.notices import warned_addresses
from broker.assisted.transitions import TransitionRefused
from broker.model.failures import FailureClass
from broker.model.freeze_link import LinkState
from broker.model.handle import sha256_hex
from broker.model.notification import Notification, NotificationKind
from broker.model.outbound_delivery import DeliveryKind
from broker.model.own_rights import OwnScope
from broker.model.rate_limit import RateWindow
from tests.unit.actions.assisted.case_harness import ANN, LEA, ME, SERVICE, WANTED, Stage, had

pytestmark = pytest.mark.store

TOLD = NoticeSettings("https://id.example/freeze/", "0300 123 4567", lambda _client, _language: "City Library")
HEARING = replace(SERVICE, own=replace(SERVICE.own, scopes=(OwnScope.SSF_READ,)))


@dataclass
class Frozen:
    """A bound case, the notices that its person got, and the handle of the link in them."""

    stage: Stage
    context: FreezeContext
    handle: str
    case: Case
    notices: Sequence[Notification]
    link: str

    async def now(self) -> Case:
        """The case as it stands."""
        found = await self.stage.facts.cases.load(self.case.id)
        assert found is not None
        return found


async def bound(stage: Stage, *, unsafe: bool = False, methods: frozenset[str] = frozenset({"email"})) -> Frozen:
    """A citizen is approved and binds the identity."""
    prompts = replace(stage.context.prompts, contact_methods=methods)
    context = replace(stage.context, told=TOLD, prompts=prompts)
    citizen = replace(stage.citizen_cases, context=context)
    told = replace(stage, context=context, citizen_cases=citizen, citizen=replace(stage.citizen, cases=citizen))
    handle = await told.arrives()
    await told.asks(handle, replace(WANTED, unsafe=unsafe))
    await told.approves()
    await told.binds(handle)
    notices = [one for one in await told.sent() if one.kind is NotificationKind.CHECKED]
    link = notices[0].fields["link"].removeprefix(TOLD.freeze) if notices else ""
    freezing = FreezeContext(context, stage.facts.freezes, {SERVICE.client_id: HEARING})
    return Frozen(told, freezing, handle, await told.case(handle), notices, link)


async def shared(frozen: Frozen) -> str:
    """The citizen goes on to the service; returns the authorization code."""
    view, _ = await frozen.stage.citizen.look(frozen.handle, ME)
    assert isinstance(view, ConsentView)
    await frozen.stage.citizen.share(frozen.handle, ME, agree=True)
    view, _ = await frozen.stage.citizen.look(frozen.handle, ME)
    assert isinstance(view, RedirectAway)
    return view.url.partition("code=")[2].partition("&")[0]


async def test_the_notice_says_service_time_and_whom_to_call_and_its_link_is_stored_as_a_digest(stage: Stage) -> None:
    frozen = await bound(stage)
    [notice] = frozen.notices
    assert notice.fields["service"] == "City Library"
    assert notice.fields["contact"] == "0300 123 4567"
    assert float(notice.fields["time"]) == int(stage.clock.now())
    assert len(frozen.link) >= 22, "128 bits in base64url"
    link = await stage.facts.freezes.link(sha256_hex(frozen.link), stage.clock.now())
    assert link is not None
    assert frozen.link not in repr(link)


async def test_every_address_but_the_one_just_used_is_told(stage: Stage) -> None:
    frozen = await bound(stage, methods=frozenset({"email", "post"}))
    assert [notice.way for notice in frozen.notices] == ["email"]  # the only one that is known
    case = replace(frozen.case, details=replace(frozen.case.details, claims={"address": "1 High Street\nLeeds"}))
    ways = [one.way for one in warned_addresses(case, frozenset({"email", "post"}))]
    assert ways == ["post"]
    careful = replace(case, safety=replace(case.safety, someone_with_me=True))
    assert [one.way for one in warned_addresses(careful, frozenset({"email", "post"}))] == ["email"]
    assert warned_addresses(replace(case, safety=replace(case.safety, unsafe=True)), frozenset({"email", "post"})) == ()


async def test_an_unsafe_contact_is_told_nothing(stage: Stage) -> None:
    frozen = await bound(stage, unsafe=True)
    assert frozen.notices == []


async def test_opening_the_page_changes_nothing_and_one_press_stops_the_identity(stage: Stage) -> None:
    frozen = await bound(stage)
    for _ in range(2):
        assert await look(frozen.context, frozen.link) is LinkState.USABLE
    assert (await frozen.now()).frozen is None
    assert await freeze(frozen.context, frozen.link)
    assert await look(frozen.context, frozen.link) is LinkState.USED
    assert (await frozen.now()).frozen == stage.clock.now()
    [event] = await stage.audit("case_frozen")
    assert (event.actor, event.case) == ("citizen", frozen.case.id)
    told = [notice for notice in await frozen.stage.sent() if notice.kind is NotificationKind.FROZEN]
    assert [(notice.way, notice.fields["reference"]) for notice in told] == [("email", frozen.case.reference)]


async def test_a_frozen_identity_reaches_no_service(stage: Stage) -> None:
    frozen = await bound(stage)
    assert await freeze(frozen.context, frozen.link)
    view, _ = await frozen.stage.citizen.look(frozen.handle, ME)
    assert isinstance(view, FailureView)
    assert view.failed.failure is FailureClass.HELP_REVOKED
    assert (await frozen.now()).state is CaseState.BOUND


async def test_freezing_ends_sessions_codes_and_grants_and_services_learn_of_it(stage: Stage) -> None:
    frozen = await bound(stage)
    code = await shared(frozen)
    assert (await frozen.now()).state is CaseState.RELEASED
    assert await freeze(frozen.context, frozen.link)
    stored = await stage.facts.grants.code(sha256_hex(code))
    assert stored is None or stored.redeemed
    [ended] = await stage.audit("session_ended")
    assert ended.details["why"] == "identity_frozen"
    assert (DeliveryKind.SECURITY_EVENT, SERVICE.client_id) in await stage.facts.deliveries.due(stage.clock.now())
    assert await events_sent(stage) == ["account-disabled", "session-revoked"]


async def events_sent(stage: Stage) -> list[str]:
    """The security events that wait for the service, by type."""
    now, events = stage.clock.now(), []
    lane = stage.facts.deliveries.lane(DeliveryKind.SECURITY_EVENT, SERVICE.client_id)
    while claimed := await lane.claim(now, now + 60, 10):
        for one in claimed:
            events.append(one.content["event"].rpartition("/")[2])
            await lane.mark_sent(one.id, now)
    return sorted(events)


async def test_a_lead_takes_an_identity_back_and_everything_of_its_account_ends_at_once(stage: Stage) -> None:
    frozen = await bound(stage)
    code, lead = await shared(frozen), stage.present(LEA)
    view = had(await frozen.stage.console.open_by_reference(lead, frozen.case.reference, "complaint"))
    assert await revoke(frozen.context, lead, view.ref, "no_such_reason") is ActionRefused.REASON
    taken = had(await revoke(frozen.context, lead, view.ref, "not_me"))
    assert taken.case.state is CaseState.REVOKED
    assert (await frozen.now()).state is CaseState.REVOKED
    stored = await stage.facts.grants.code(sha256_hex(code))
    assert stored is None or stored.redeemed
    [ended] = await stage.audit("session_ended")
    assert (ended.actor, ended.details["why"]) == (f"staff:{LEA.id}", "identity_revoked")
    assert await events_sent(stage) == ["account-disabled", "session-revoked", "session-revoked"]


async def test_an_identity_that_no_service_received_is_taken_back_alone(stage: Stage) -> None:
    frozen = await bound(stage)
    lead = stage.present(LEA)
    view = had(await frozen.stage.console.open_by_reference(lead, frozen.case.reference, "complaint"))
    had(await revoke(frozen.context, lead, view.ref, "not_me"))
    assert await events_sent(stage) == []
    shown, _ = await frozen.stage.citizen.look(frozen.handle, ME)
    assert isinstance(shown, FailureView)
    assert shown.failed.failure is FailureClass.HELP_REVOKED


async def test_the_link_says_that_the_identity_was_taken_back_after_it_was_stopped(stage: Stage) -> None:
    frozen = await bound(stage)
    await shared(frozen)
    assert await freeze(frozen.context, frozen.link)
    lead = stage.present(LEA)
    view = had(await stage.console.open_by_reference(lead, frozen.case.reference, "complaint"))
    had(await revoke(frozen.context, lead, view.ref, "not_me"))
    assert await look(frozen.context, frozen.link) is LinkState.REVOKED


async def test_a_link_works_once_for_thirty_days_and_an_unknown_one_never(stage: Stage) -> None:
    frozen = await bound(stage)
    await shared(frozen)
    assert await look(frozen.context, "unknown") is LinkState.GONE
    assert not await freeze(frozen.context, "unknown")
    stage.clock.advance(FREEZE_LIFE - 1)
    assert await look(frozen.context, frozen.link) is LinkState.USABLE
    pressed = await asyncio.gather(*(freeze(frozen.context, frozen.link) for _ in range(20)))
    assert sorted(pressed) == [False] * 19 + [True]
    assert len(await stage.audit("case_frozen")) == 1
    stage.clock.advance(2)
    assert await look(frozen.context, frozen.link) is LinkState.GONE


async def test_a_link_that_expired_stops_nothing(stage: Stage) -> None:
    frozen = await bound(stage)
    await shared(frozen)
    stage.clock.advance(FREEZE_LIFE)
    assert not await freeze(frozen.context, frozen.link)
    assert (await frozen.now()).frozen is None


async def test_a_lead_sees_the_frozen_case_and_releases_it(stage: Stage) -> None:
    frozen = await bound(stage)
    await shared(frozen)
    await freeze(frozen.context, frozen.link)
    lists, lead = WorkLists(frozen.context.cases), stage.present(LEA)
    rows = await lists.stopped(lead)
    assert isinstance(rows, tuple)
    assert [row.reference for row in rows] == [frozen.case.reference.replace("-", "")]
    opened = await stage.console.open_by_reference(lead, frozen.case.reference, "citizen_called")
    assert isinstance(opened, CaseView)
    assert await release(frozen.context, lead, opened.ref, "coached") is ActionRefused.REASON
    assert await release(frozen.context, stage.present(ANN), opened.ref, "cleared") is ActionRefused.NOT_ALLOWED
    assert await look(frozen.context, frozen.link) is LinkState.USED
    done = await release(frozen.context, lead, opened.ref, "citizen_called")
    assert await look(frozen.context, frozen.link) is LinkState.RELEASED
    assert isinstance(done, CaseView)
    assert (await frozen.now()).frozen is None
    assert await lists.stopped(lead) == ()
    [event] = await stage.audit("case_unfrozen")
    assert (event.actor, event.details["reason"]) == (f"staff:{LEA.id}", "citizen_called")
    again = await release(frozen.context, lead, done.ref, "citizen_called")
    assert again is TransitionRefused.NOT_NOW


async def test_every_look_and_press_is_counted_by_address_before_the_link_is_compared(stage: Stage) -> None:
    frozen = await bound(stage)
    links = FreezeLinks(frozen.context, stage.passing.rate_limits, RateWindow(2, 600))
    tried = await asyncio.gather(*(links.stop_identity(f"guess-{n}", "192.0.2.1") for n in range(10)))
    assert [one is None for one in tried].count(True) == 2
    assert isinstance(await links.stop_identity(frozen.link, "192.0.2.1"), RateLimited)
    assert (await frozen.now()).frozen is None, "the right link after too many wrong ones stopped something"
    assert await links.state_of_link("guess", "192.0.2.1") is LinkState.GONE, "looks are counted by themselves"
    assert await links.state_of_link(frozen.link, "192.0.2.2") is LinkState.USABLE
    assert await links.stop_identity(frozen.link, "192.0.2.2") is None
    assert (await frozen.now()).frozen is not None
    for _ in range(2):
        assert await links.state_of_link(frozen.link, "192.0.2.2") is LinkState.USED
    assert isinstance(await links.state_of_link(frozen.link, "192.0.2.2"), RateLimited)


async def test_one_link_is_limited_whatever_the_address(stage: Stage) -> None:
    frozen = await bound(stage)
    links = FreezeLinks(frozen.context, stage.passing.rate_limits, RateWindow(1000, 600))
    for number in range(PER_LINK.most):
        assert await links.state_of_link(frozen.link, f"192.0.2.{number}") is LinkState.USABLE
    assert isinstance(await links.state_of_link(frozen.link, "198.51.100.1"), RateLimited)
    assert await links.stop_identity(frozen.link, "198.51.100.1") is None, "a press is counted by itself"
