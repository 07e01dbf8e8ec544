"""kill -9 of the broker while a partner desk gives its result, sends a photograph, or is sent an event: the repeated
call and the repeated event find what was written, whole or not at all.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import jwt
import pytest

from broker.actions.assisted.context import update_case
from broker.actions.files.erasing import sweep
from broker.actions.outbox.desk_events import DeskEventSender
from broker.actions.outbox.worker import DeliveryOutcome
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_states import CaseState
from broker.assisted.case_work import NO_WORK, CaseWork
from broker.model.audit import AuditEvent
from broker.model.evidence_file import FileState
from broker.model.outbound_delivery import DeliveryKind, OutboundDelivery
from broker.wiring.assisted_wiring import file_context
from broker.wiring.desk_wiring import desk_event_sender
from tests.security.desk_stage import DeskStage, desk_stage
from tests.security.set_receiver import set_receiver
from tests.support.media import photo
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.store

BEFORE, AFTER = "before the commit", "after the commit"
POST = "land-register"
PHOTO = photo()
CLAIM = 15.0
"""For how many seconds a process claims an event."""


def die() -> NoReturn:
    """As the operating system does to a process that has used too much."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def dies_at(desks: DeskStage, event: str, point: str) -> None:
    """From now on this process kills itself when it saves a case whose last event is this one."""
    cases = desks.parts.connections.sql_stores.cases
    save = cases.save

    async def dying(case: Case, events: Sequence[AuditEvent], work: CaseWork = NO_WORK) -> bool:
        if case.history[-1].event == event and point == BEFORE:
            die()
        saved = await save(case, events, work)
        if case.history[-1].event == event:
            die()
        return saved

    cases.save = dying  # type: ignore[method-assign]


Live = Callable[[DeskStage, Path, str], Awaitable[None]]
"""What happens on a stage: its folder, and the point of death."""


async def on_stage(folder: Path, database: str | None, act: Live, point: str, *, again: bool) -> None:
    """Opens a stage, the first time or again, and acts on it."""
    async with desk_stage(folder, database, again=again) as desks:
        await act(desks, folder, point)


def survives(folder: Path, database: str | None, acts: tuple[Live, Live], point: str) -> None:
    """Runs the first act in a forked process, which must end by the signal, and then the second one."""
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(on_stage(folder, database, acts[0], point, again=False))
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    asyncio.run(on_stage(folder, database, acts[1], point, again=True))


def remember(folder: Path, made: Case) -> None:
    """Writes down what the next process has to know of a case."""
    (folder / "case").write_text(made.id)


async def gives_result(desks: DeskStage, folder: Path, point: str) -> None:
    """A desk gives its result, in which the broker dies."""
    made = await desks.asks()
    await desks.post.visit(made)
    remember(folder, made)
    dies_at(desks, "recommended", point)
    await desks.post.result(made.id, "approve", "the-result")


async def repeats_result(desks: DeskStage, folder: Path, point: str) -> None:
    """The desk repeats the call, and a member of staff decides."""
    case = await desks.nothing_half_done((folder / "case").read_text())
    assert case.state is (CaseState.REVIEW if point == AFTER else CaseState.IN_SESSION)
    again = await desks.post.result(case.id, "approve", "the-result")
    assert (again.status_code, again.json()["state"]) == (202, "with_staff")
    done = await desks.nothing_half_done(case.id)
    assert (done.state, done.verdict is not None) == (CaseState.REVIEW, True)
    assert [move.event for move in done.history].count("recommended") == 1
    assert (await desks.post.result(case.id, "approve", "another")).status_code == 409
    await desks.reviews(done)
    assert [one["event"] for one in await desks.sent(POST)] == ["case.closed"]


async def sends_photograph(desks: DeskStage, folder: Path, point: str) -> None:
    """A desk sends a photograph, in whose write the broker dies."""
    made = await desks.asks()
    await desks.post.accept(made.id)
    remember(folder, made)
    dies_at(desks, "desk_file_received", point)
    await desks.post.send_file(made.id, PHOTO, "the-photograph")


async def repeats_photograph(desks: DeskStage, folder: Path, point: str) -> None:
    """The desk repeats the call. Later the sweep erases what the dead process left."""
    context, place = file_context(desks.parts), desks.parts.settings.broker.assisted.files.folder
    assert context is not None
    assert place is not None
    case = await desks.nothing_half_done((folder / "case").read_text())
    assert case.desk is not None
    before = await context.records.of_case(case.id, 0.0)
    ready = [file.id for file in before if file.state is FileState.READY]
    assert (len(before), len(ready), list(case.desk.files)) == (1, point == AFTER, ready)
    again = await desks.post.send_file(case.id, PHOTO, "the-photograph")
    assert again.status_code == 200, again.text
    [file] = again.json()["visit"]["files"]
    later = replace(context.cases.system, now=lambda: desks.parts.system.now() + 7200)
    while await sweep(replace(context, cases=replace(context.cases, system=later))):
        pass
    assert [one.id for one in await context.records.of_case(case.id, 0.0)] == [file]
    assert [path.name for path in place.iterdir()] == [f"{file}-kept"]


async def sends_event(desks: DeskStage, folder: Path, point: str) -> None:
    """The citizen takes the request back; the broker dies as it sends the event, before it leaves or after it came."""
    made = await desks.asks()
    await desks.post.accept(made.id)
    remember(folder, made)
    await update_case(desks.cases, made.id, ev.Withdrawn())
    async with set_receiver() as server:

        async def dying(message: OutboundDelivery) -> tuple[DeliveryOutcome, str]:
            if point == AFTER:
                await aimed(desks, server.url).send(message)
                [(_, token)] = server.came
                (folder / "came").write_text(token)
            return die()

        await deliver(desks, dying, 0)


async def sends_event_again(desks: DeskStage, folder: Path, point: str) -> None:
    """Another process finds the event, and sends it with the same id."""
    async with set_receiver() as server:
        assert await deliver(desks, aimed(desks, server.url).send, CLAIM + 1) == 1
        [claims] = [read(token) for _, token in server.came]
        assert (claims["event"], claims["case"]) == ("case.cancelled", (folder / "case").read_text())
        if point == AFTER:
            assert read((folder / "came").read_text())["jti"] == claims["jti"]
        assert await deliver(desks, aimed(desks, server.url).send, 3 * CLAIM) == 0


def read(token: str) -> dict[str, Any]:
    """The claims of an event, whose signature other tests verify."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


ACTS: dict[str, tuple[Live, Live]] = {
    "result": (gives_result, repeats_result),
    "photograph": (sends_photograph, repeats_photograph),
    "event": (sends_event, sends_event_again),
}
"""What the broker dies in, and what happens after its start."""


def aimed(desks: DeskStage, url: str) -> DeskEventSender:
    """What sends events, to a desk that receives them at this URL."""
    made = desk_event_sender(desks.parts)
    service = made.services[POST]
    return replace(made, services={POST: replace(service, own=replace(service.own, desk_events_uri=url))})


Send = Callable[[OutboundDelivery], Awaitable[tuple[DeliveryOutcome, str]]]


async def deliver(desks: DeskStage, send: Send, after: float) -> int:
    """Sends what is due after so many seconds. Returns the number of attempts."""
    lane = desks.parts.connections.sql_stores.deliveries.lane(DeliveryKind.DESK_EVENT, POST)
    now = desks.parts.system.now() + after
    found = await lane.claim(now, now + CLAIM, 10)
    for message in found:
        assert (await send(message))[0] is DeliveryOutcome.DELIVERED
        await lane.mark_sent(message.id, now)
    return len(found)


@pytest.mark.parametrize("point", [BEFORE, AFTER])
@pytest.mark.parametrize("act", ACTS)
def test_what_a_desk_does_survives_the_death_of_the_broker_on_sqlite(tmp_path: Path, act: str, point: str) -> None:
    survives(tmp_path, None, ACTS[act], point)


@pytest.mark.parametrize(("act", "point"), [("result", BEFORE), ("photograph", AFTER), ("event", AFTER)])
def test_what_a_desk_does_survives_the_death_of_the_broker_on_postgresql(
    tmp_path: Path, postgres: PostgresServer, act: str, point: str
) -> None:
    with postgres.database() as database:
        survives(tmp_path, database, ACTS[act], point)
