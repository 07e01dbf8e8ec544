"""Events for partner desks: what happened to a case, signed, and never its outcome."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import jwt
import pytest

from broker.actions.assisted.context import update_case
from broker.actions.outbox.desk_events import DeskEventSender
from broker.actions.outbox.worker import send_due
from broker.assisted import events as ev
from broker.assisted.case_records import Decision
from broker.assisted.case_states import CaseState
from broker.model.outbound_delivery import DeliveryKind
from broker.wiring.desk_wiring import desk_event_sender
from tests.security.desk_stage import DeskStage, desk_stage
from tests.security.set_receiver import set_receiver

POST = "land-register"


@pytest.fixture(scope="module")
async def desks(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DeskStage]:
    """One broker for all tests."""
    async with desk_stage(tmp_path_factory.mktemp("events"), None) as stage:
        yield stage


def sender(desks: DeskStage, url: str | None) -> DeskEventSender:
    """What sends events, to a desk that receives them at a URL."""
    made = desk_event_sender(desks.parts)
    service = made.services[POST]
    return replace(made, services={POST: replace(service, own=replace(service.own, desk_events_uri=url))})


async def deliver(desks: DeskStage, url: str | None) -> int:
    """Sends what is due now. Returns the number of attempts."""
    lane = desks.parts.connections.sql_stores.deliveries.lane(DeliveryKind.DESK_EVENT, POST)
    return await send_due(lane, sender(desks, url), desks.parts.system)


async def reviewed(desks: DeskStage, recommendation: str, *, agrees: bool = True) -> str:
    """A case that a desk met and a member of staff reviewed. Returns its id."""
    made = await desks.asks()
    await desks.post.visit(made)
    reasons = [] if recommendation == "approve" else ["face_differs"]
    assert (await desks.post.result(made.id, recommendation, reasons=reasons)).status_code == 202
    await desks.reviews(made, Decision(recommendation), agrees=agrees)
    return made.id


async def test_a_desk_gets_a_signed_event_that_is_the_same_for_each_outcome(desks: DeskStage) -> None:
    told: list[dict[str, Any]] = []
    async with set_receiver() as server:
        for recommendation in ("approve", "decline"):
            case = await reviewed(desks, recommendation)
            server.answers.append((503, {}))
            assert await deliver(desks, server.url) == 1
            lane = desks.parts.connections.sql_stores.deliveries.lane(DeliveryKind.DESK_EVENT, POST)
            later = desks.parts.system.now() + 7200
            [again] = await lane.claim(later, later, 5)
            outcome, _ = await sender(desks, server.url).send(again)
            assert outcome.value == "delivered"
            await lane.mark_sent(again.id, later)
            (headers, first), (_, second) = server.came[-2:]
            assert headers["Content-Type"] == "application/desk-event+jwt"
            head = jwt.get_unverified_header(first)
            assert head["typ"] == "desk-event+jwt"
            keys = {key["kid"]: key for key in (await desks.line.get("/jwks")).json()["keys"]}
            public = jwt.PyJWK(keys[head["kid"]]).key
            claims, repeated = (
                jwt.decode(token, public, [head["alg"]], audience=POST, issuer=desks.post.service.issuer)
                for token in (first, second)
            )
            assert claims == repeated
            assert claims["case"] == case
            told.append({name: claims[name] for name in claims.keys() - {"case", "jti", "iat", "exp"}})
    assert told[0] == told[1]
    assert told[0]["event"] == "case.closed"


async def test_a_case_that_goes_back_to_the_citizen_is_an_event_and_the_desk_may_meet_them_again(
    desks: DeskStage,
) -> None:
    case = await reviewed(desks, "approve", agrees=False)
    assert (await desks.case(case)).state is CaseState.HELD
    assert await desks.sent(POST) == []
    assert (await desks.post.get(f"/desk/v1/cases/{case}")).json()["state"] == "with_staff"
    await update_case(desks.cases, case, ev.HoldEnded("lea", "new_evidence"))
    assert [(one["event"], one["case"]) for one in await desks.sent(POST)] == [("case.more", case)]
    again = await desks.post.accept(case)
    assert again.status_code == 200, again.text
    assert again.json()["visit"].get("answer_word") is None


async def test_an_event_for_a_desk_without_an_address_is_dropped(desks: DeskStage) -> None:
    made = await desks.asks()
    assert (await desks.post.accept(made.id)).status_code == 200
    await update_case(desks.cases, made.id, ev.Withdrawn())
    assert await deliver(desks, None) == 1
    assert await desks.sent(POST) == []


async def test_a_case_that_no_desk_met_is_no_event(desks: DeskStage) -> None:
    made = await desks.asks()
    await update_case(desks.cases, made.id, ev.Withdrawn())
    assert await desks.sent(POST) == []
