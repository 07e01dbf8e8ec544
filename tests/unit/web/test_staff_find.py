"""Staff console: find a case or a failed sign-in, and the look-ups that leads and auditors read."""

import re
from dataclasses import replace

import pytest

from broker.actions.assisted.contact import fingerprint_text
from broker.assisted.case_records import Contact, ContactMethod
from broker.model.sign_in_failure import SignInFailure
from tests.unit.web.staff import ADA, CARYS, RHYS, StaffClient, Stage

pytestmark = pytest.mark.store

REASON = "citizen_called"


async def find(client: StaffClient, by: str, text: str, reason: str = REASON) -> str:
    """Looks something up; returns the page that the look-up leads to."""
    led = await client.send("/find", "/find", {"by": by, "text": text, "reason": reason})
    assert text not in led.headers["location"]
    return (await client.get(led.headers["location"])).text


async def failed(stage: Stage, reference: str = "WXYZ-2345") -> None:
    """A sign-in failed."""
    failure = SignInFailure(reference, stage.system.now() - 60, "provider_down", "", "northbank", "library", "req-77")
    await stage.facts.sign_in_failures.record(failure, ())


async def test_a_failed_sign_in_is_found_by_its_reference_with_what_to_advise(stage: Stage) -> None:
    await failed(stage)
    page = await find(await stage.sign_in(CARYS), "reference", "wxyz 2345")
    for text in ("Riverside Library", "northbank", "req-77", "What to advise"):
        assert text in page


async def test_a_reference_of_a_failed_sign_in_and_its_case_shows_both_and_opens_the_case(stage: Stage) -> None:
    case = await stage.case(reference="WXYZ2345")
    await failed(stage)
    agent = await stage.sign_in(CARYS)
    page = await find(agent, "reference", "WXYZ2345")
    assert "req-77" in page
    assert "In line" in page
    assert "+441632960001" not in page
    opened = await agent.send("/open", "/found", {"reference": "WXYZ 2345", "reason": REASON})
    assert opened.headers["location"] == f"/cases/{case.id}"


@pytest.mark.parametrize(
    ("by", "text"), [("phone", "01632 960001"), ("phone", "+44 1632 960001"), ("email", "ADA@example.org")]
)
async def test_a_case_is_found_by_the_address_or_number_that_the_caller_gives(stage: Stage, by: str, text: str) -> None:
    way = ContactMethod.PHONE if by == "phone" else ContactMethod.EMAIL
    address = "+441632960001" if by == "phone" else "ada@example.org"
    mark = stage.context.fingerprint(fingerprint_text(Contact(way, address)))
    await stage.case()
    case = await stage.case()
    marked = replace(case, version=2, fingerprints=(mark,))
    assert await stage.facts.cases.save(marked, ())
    page = await find(await stage.sign_in(CARYS), by, text)
    assert "BCDF 0002" in page
    assert "BCDF 0001" not in page
    assert address not in page


async def test_a_case_is_found_by_the_number_of_a_document(stage: Stage) -> None:
    case = await stage.case()
    number = stage.context.fingerprint("passport.number:X123")
    assert await stage.facts.cases.save(replace(case, version=2, fingerprints=(number,)), ())
    assert "BCDF 0001" in await find(await stage.sign_in(CARYS), "document", "x 123")


@pytest.mark.parametrize(
    ("by", "text"), [("reference", "ZZZZ9999"), ("email", "not an address"), ("phone", "12"), ("document", "---")]
)
async def test_a_look_up_that_finds_nothing_says_so_and_is_recorded_without_the_text(
    stage: Stage, by: str, text: str
) -> None:
    await stage.case()
    assert "Nothing was found" in await find(await stage.sign_in(CARYS), by, text)
    [row] = [row for _, row in await stage.facts.audit.read(0, 50) if row.kind == "case_looked_up"]
    assert dict(row.details) == {"reason": REASON, "by": by, "cases": "0", "sign_ins": "0"}
    assert row.actor == "staff:carys"


async def test_a_reason_is_required_and_none_is_preset(stage: Stage) -> None:
    await stage.case()
    agent = await stage.sign_in(CARYS)
    page = (await agent.get("/find")).text
    select = page[page.index('id="reason"') :]
    assert re.search(r"<option[^>]*>", select)[0] == '<option value="">'  # type: ignore[index]
    for reason in ("", "curiosity"):
        assert "Pick at least one reason" in await find(agent, "reference", "BCDF0001", reason)
    assert (await stage.sign_in(ADA)).headers
    refused = await (await stage.sign_in(ADA)).get("/find")
    assert refused.status_code == 403


async def test_the_result_is_for_its_member_of_staff_alone(stage: Stage) -> None:
    await stage.case()
    await find(await stage.sign_in(CARYS), "reference", "BCDF0001")
    other = await (await stage.sign_in(RHYS)).get("/found")
    assert other.headers["location"] == "/find"


async def test_leads_see_look_ups_without_work_and_auditors_what_a_member_did(stage: Stage) -> None:
    first, second = await stage.case(), await stage.case()
    agent, lead = await stage.sign_in(CARYS), await stage.sign_in(RHYS)
    await agent.send("/open", "/", {"reference": first.reference, "reason": "follow_up"})
    await agent.send("/open", "/", {"reference": second.reference, "reason": REASON})
    await agent.send(f"/cases/{second.id}/flag", f"/cases/{second.id}", {"reason": "coached"})
    idle = (await lead.get("/look-ups")).text
    assert (first.id in idle, second.id in idle) == (True, False)
    assert second.id in (await lead.get("/look-ups?all=yes")).text
    assert (await agent.get("/look-ups")).status_code == 403
    acts = await lead.send("/acts", "/look-ups", {"member": "carys", "reason": "audit"})
    assert "flagged" in acts.text
    assert "Carys Bevan" in acts.text
    refused = await lead.send("/acts", "/look-ups", {"member": "carys", "reason": ""})
    assert refused.headers["location"] == "/look-ups?problem=reason"
    read = [row for _, row in await stage.facts.audit.read(0, 99) if row.kind == "staff_read"]
    assert [row.details["member"] for row in read] == ["carys"]
