"""The sample desk of the demonstration: a clerk at a counter, and a citizen who reads from their page."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from broker.actions.assisted.context import audit_rows, update_case
from broker.assisted import events as ev
from broker.assisted.case import Case
from broker.assisted.case_records import Channel, Contact, ContactMethod
from broker.assisted.case_states import CaseState
from broker.assisted.transitions import advance
from broker.model.handle import new_user_code
from broker.model.store_results import CreateCaseResult
from broker.wiring.assisted_wiring import case_context
from tests.e2e.app_harness import Stage
from tests.unit.assisted.cases import draft

PASSPORT = {"number": "DEMO-DESK", "country": "GBR", "expires": "2035-01-01"}
PERSON = {"given_name": "Ada", "family_name": "Example", "birthdate": "1990-01-02"}


@pytest.fixture
async def clerk(shared_stage: Stage) -> AsyncIterator[httpx.AsyncClient]:
    """The clerk's browser, without scripts."""
    async with httpx.AsyncClient(base_url=shared_stage.service, follow_redirects=True) as line:
        await line.post("/desk/leave")
        yield line


async def asks(stage: Stage) -> Case:
    """A citizen asks for help; the case as it is stored."""
    context = case_context(stage.parts)
    now, policy, name = context.system.now(), context.rules.policy, f"counter-{new_user_code(context.system, 8)}"
    begun = replace(
        draft(),
        id=name,
        transaction=name,
        reference=new_user_code(context.system, 8),
        continuation=name,
        created=now,
        changed=now,
        deadline=now + policy.draft,
        expires=now + policy.max_duration,
    )
    asked = ev.Submitted(Contact(ContactMethod.EMAIL, "ada@example.org"), Channel.IN_PERSON)
    begun = replace(advance(begun, asked, now, policy), version=1)
    assert await context.stores.cases.create(begun, audit_rows(begun)) is CreateCaseResult.DONE
    return begun


async def test_a_visit_at_the_sample_desk_ends_with_staff(shared_stage: Stage, clerk: httpx.AsyncClient) -> None:
    made = await asks(shared_stage)
    wrong = await clerk.post("/desk/find", data={"reference": "ZZZZ-ZZZZ"})
    assert "case_not_found" in wrong.text
    found = await clerk.post("/desk/find", data={"reference": made.reference})
    assert "at desk" in found.text
    assert "wrong_word" in (await clerk.post("/desk/words", data={"first": "nonsense"})).text
    right = await clerk.post("/desk/words", data={"first": made.phrase.first})
    assert f"<strong>{made.phrase.second}</strong>" in right.text
    recorded = await clerk.post("/desk/document", data={**PASSPORT, **PERSON})
    assert "supports the level" in recorded.text, recorded.text
    done = await clerk.post("/desk/result", data={"recommendation": "approve"})
    assert "with staff" in done.text
    stored = await shared_stage.parts.connections.sql_stores.cases.load(made.id)
    assert stored is not None
    assert (stored.state, stored.requester) == (CaseState.REVIEW, "desk:post-office:clerk-7")


async def test_the_sample_desk_shows_a_signed_event_and_no_other(shared_stage: Stage, clerk: httpx.AsyncClient) -> None:
    made = await asks(shared_stage)
    await clerk.post("/desk/find", data={"reference": made.reference})
    await update_case(case_context(shared_stage.parts), made.id, ev.Withdrawn())
    assert (await clerk.post("/desk/events", content=b"eyJhbGciOiJub25lIn0.e30.")).status_code == 400
    async with asyncio.timeout(30):
        while f"case.cancelled {made.id}" not in (shown := await clerk.get("/desk")).text:
            await asyncio.sleep(0.1)
    assert re.search(rf"<li>case\.cancelled {re.escape(made.id)}</li>", shown.text)
    assert "cancelled, level" in shown.text
