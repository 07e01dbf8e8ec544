"""edit_case over real stores: one read a write, the right judged on the reading that is saved, nothing lost."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from broker.actions.assisted.editing import edit_case
from broker.actions.assisted.staff_results import ActionRefused, CaseView, EvidenceEntry, StaffAction
from broker.actions.freezing.freeze import revoke
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Decision
from broker.assisted.case_states import CaseState
from broker.crypto.seal import Sealer
from broker.model.backchannel_request import BackchannelRequest
from tests.unit.actions.assisted.case_harness import ANN, BEN, DETAILS, GOOD, LEA, ME, PASSPORT, SAFE, Stage, had

pytestmark = pytest.mark.store


@dataclass(slots=True)
class Unsealed:
    """The cases that were read from the database and unsealed, by id."""

    cases: list[str] = field(default_factory=list)

    def taken(self) -> list[str]:
        """The reads since the last call."""
        taken, self.cases = self.cases, []
        return taken


@pytest.fixture
def unsealed(monkeypatch: pytest.MonkeyPatch) -> Unsealed:
    """Counts each unsealing of a case."""
    counted, opened = Unsealed(), Sealer.open

    def counting(self: Sealer, value: bytes, place: str) -> bytes:
        kind, _, staff_id = place.partition(":")
        if kind == "cases":
            counted.cases.append(staff_id)
        return opened(self, value, place)

    monkeypatch.setattr(Sealer, "open", counting)
    return counted


async def test_each_write_of_staff_loads_and_unseals_the_case_exactly_once(stage: Stage, unsealed: Unsealed) -> None:
    await stage.asks(await stage.arrives())
    c, ann, ben, lea = stage.console, stage.present(ANN), stage.present(BEN), stage.present(LEA)
    view = had(await c.next_case(ann))
    case = view.case
    written: set[str] = set()

    async def once(write: Awaitable[object]) -> CaseView:
        unsealed.taken()
        done = await write
        assert unsealed.taken() == [case.id], write
        written.add(write.__qualname__.rpartition(".")[2])  # type: ignore[attr-defined]
        return done if isinstance(done, CaseView) else view

    view = await once(c.renew(ann, case.id))
    view = await once(c.return_to_queue(ann, view.ref, "end_of_shift"))
    view = await once(c.claim(ann, view.ref))
    view = await once(c.start_session(ann, view.ref, Channel.IN_PERSON))
    view = await once(c.verify_phrase(ann, view.ref))
    view = await once(c.record_evidence(ann, view.ref, EvidenceEntry("passport", PASSPORT, GOOD)))
    view = await once(c.remove_evidence(ann, view.ref, "e1"))
    view = await once(c.record_evidence(ann, view.ref, EvidenceEntry("passport", PASSPORT, GOOD)))
    view = await once(c.record_checks(ann, view.ref, SAFE))
    view = await once(c.record_details(ann, view.ref, DETAILS))
    await once(c.ask_citizen(ann, view.ref, "Your call with us"))
    await once(c.note(ann, case.id, "Calm."))
    await once(c.flag(ann, case.id, "coached"))
    view = await once(c.drop_session(ann, view.ref, "line_lost"))
    view = had(await stage.console.next_case(ann))
    await once(c.open_by_reference(lea, case.reference, "follow_up"))
    view = await once(c.reassign(lea, view.ref, "absent_colleague"))
    view = await once(c.hold(lea, view.ref, "doubt"))
    await once(c.end_hold(lea, view.ref, "cleared"))
    await once(c.declare_interest(lea, case.id))

    view = await stage.session(ANN)
    view = await once(c.decide(ann, view.ref, Decision.APPROVE, ()))
    view = had(await c.next_case(ben))
    view = await once(c.record_independent_review(ben, view.ref, Decision.APPROVE, ()))
    await once(c.review_verdict(ben, view.ref, (), agrees=True))
    assert written >= {"end_hold", "decide", "review_verdict", "open_by_reference", "ask_citizen"}


async def test_ending_a_session_and_settling_a_held_case_load_the_case_once_each(
    stage: Stage, unsealed: Unsealed
) -> None:
    await stage.asks(await stage.arrives())
    c, ann, lea = stage.console, stage.present(ANN), stage.present(LEA)
    view = had(await c.next_case(ann))
    view = had(await c.start_session(ann, view.ref, Channel.VIDEO))
    unsealed.taken()
    view = had(await c.end_session(ann, view.ref))
    assert unsealed.taken() == [view.case.id]
    view = had(await c.decide(ann, view.ref, Decision.REFER, ("doubt",)))
    view = had(await c.open_by_reference(lea, view.case.reference, "follow_up"))
    unsealed.taken()
    had(await c.decline_held(lea, view.ref, ("coached",)))
    assert unsealed.taken() == [view.case.id]


async def test_revoking_an_identity_loads_the_case_once(stage: Stage, unsealed: Unsealed) -> None:
    handle = await stage.arrives()
    await stage.asks(handle)
    await stage.approves()
    await stage.binds(handle)
    reference = (await stage.case(handle)).reference
    view = had(await stage.console.open_by_reference(stage.present(LEA), reference, "complaint"))
    unsealed.taken()
    had(await revoke(stage.freezing, stage.present(LEA), view.ref, "not_me"))
    assert unsealed.taken() == [view.case.id]
    await stage.citizen.look(handle, ME)


async def in_session(stage: Stage) -> CaseView:
    """A case that Ann holds in session, which Lea looked up."""
    await stage.asks(await stage.arrives())
    view = had(await stage.console.next_case(stage.present(ANN)))
    had(await stage.console.open_by_reference(stage.present(LEA), view.case.reference, "follow_up"))
    return had(await stage.console.start_session(stage.present(ANN), view.ref, Channel.IN_PERSON))


def after(meanwhile: Callable[[], Awaitable[object]], event: ev.ByStaff) -> Callable[[Case], Awaitable[ev.ByStaff]]:
    """Makes an event; between the first reading of the case and its saving something else happens."""
    happened = []

    async def make(_case: Case) -> ev.ByStaff:
        if not happened:
            happened.append(had(await meanwhile()))
        return event

    return make


async def test_a_lease_taken_between_reading_and_saving_refuses_the_write(stage: Stage) -> None:
    view = await in_session(stage)
    lea, ann = stage.present(LEA), stage.present(ANN)
    make = after(lambda: stage.console.reassign(lea, view.ref, "absent_colleague"), ev.SessionEnded(ANN.id))
    assert await edit_case(stage.context, ann, StaffAction.END_SESSION, view.ref, make) is ActionRefused.UNKNOWN
    stored = await stage.facts.cases.load(view.case.id)
    assert stored is not None
    assert (stored.state, stored.agent) == (CaseState.QUEUED, None)
    assert await stage.audit("case_session_ended") == []


async def test_a_silent_flag_between_reading_and_saving_loses_neither_write(stage: Stage) -> None:
    view = await in_session(stage)
    lea, ann = stage.present(LEA), stage.present(ANN)
    make = after(lambda: stage.console.flag(lea, view.case.id, "coached"), ev.SessionEnded(ANN.id))
    had(await edit_case(stage.context, ann, StaffAction.END_SESSION, view.ref, make))
    stored = await stage.facts.cases.load(view.case.id)
    assert stored is not None
    assert (stored.state, len(stored.flags)) == (CaseState.DECISION, 1)
    assert len(await stage.audit("case_session_ended")) == len(await stage.audit("case_flagged")) == 1


async def test_a_visitor_who_is_offered_no_note_cannot_post_one(stage: Stage) -> None:
    view = await in_session(stage)
    visitor = had(await stage.console.open_by_reference(stage.present(BEN), view.case.reference, "citizen_called"))
    assert StaffAction.NOTE not in visitor.actions
    assert await stage.console.note(stage.present(BEN), view.case.id, "Calm.") is ActionRefused.NOT_ALLOWED
    stored = await stage.facts.cases.load(view.case.id)
    assert stored is not None
    assert stored.notes == ()
    assert await stage.audit("case_noted") == []


async def test_a_refused_write_saves_no_case_and_no_audit_row(stage: Stage) -> None:
    view = await in_session(stage)
    before, rows = await stage.facts.cases.load(view.case.id), await stage.audit()
    who = stage.present(ANN)
    refused = [
        await stage.console.start_session(who, view.ref, Channel.VIDEO),
        await stage.console.drop_session(who, view.ref, "because"),
        await stage.console.remove_evidence(who, view.ref, "e7"),
        await stage.console.record_details(who, view.ref, {}),
        await stage.console.hold(who, view.ref, "doubt"),
        await stage.console.ask_citizen(who, view.ref, "Your call with us"),
    ]
    assert not any(isinstance(one, CaseView | BackchannelRequest) for one in refused)
    assert await stage.facts.cases.load(view.case.id) == before
    assert await stage.audit() == rows
