"""Marks of telephone numbers and addresses: one number is found again, also in cases of an older release."""

from dataclasses import replace
from typing import Any

import pytest

from broker.actions.assisted.evidence_input import all_fingerprints
from broker.actions.results import ContinuationIssued
from broker.assisted.case import Case
from broker.assisted.case_records import Contact, ContactMethod
from broker.assisted.separation_of_duties import SecondReviewReason
from broker.model.assurance import Level
from broker.model.store_results import CreateCaseResult
from tests.unit.actions.assisted.case_harness import ANN, ME, WANTED, Stage
from tests.unit.assisted.cases import draft


async def asks_by_phone(stage: Stage, typed: str) -> Case:
    """A new case of a citizen who typed this telephone number."""
    handle = await stage.arrives(Level.LOW)
    made = await stage.citizen.ask_help(handle, ME, replace(WANTED, way="phone", address=typed))
    assert isinstance(made, ContinuationIssued)
    return await stage.case(handle)


async def of_release_0_1(stage: Stage, case_id: str, typed: str, **more: Any) -> Case:
    """A case as release 0.1 wrote it: the mark is that of what was typed, without separators."""
    marks = (stage.context.fingerprint(f"phone:{typed}"),)
    named: dict[str, Any] = {
        "id": case_id,
        "transaction": f"transaction-{case_id}",
        "reference": f"{case_id}-2345",
        "continuation": f"code-{case_id}",
    }
    made = replace(draft(), **named, fingerprints=marks, **more)
    assert await stage.facts.cases.create(made, ()) is CreateCaseResult.DONE
    return made


async def test_a_telephone_number_is_found_again_however_it_was_typed(stage: Stage) -> None:
    first = await asks_by_phone(stage, "07700 900982")
    for typed in ("+44 7700 900982", "+44 (0)7700 900982", "\u202d٠٧٧٠٠\u2011٩٠٠٩٨٢\u202c"):
        assert (await asks_by_phone(stage, typed)).fingerprints == first.fingerprints
    other = await asks_by_phone(stage, "07700 900983")
    assert set(other.fingerprints).isdisjoint(first.fingerprints)
    looked_by = all_fingerprints(first, stage.context.rules.region, stage.context.fingerprint)
    assert await stage.facts.cases.count_similar(looked_by, first.id) == 3


@pytest.mark.parametrize("typed", ["+447700900982", "07700900982", "+4407700900982"])
async def test_marks_that_an_older_release_made_of_a_number_are_still_found(stage: Stage, typed: str) -> None:
    """Release 0.1 made the mark of what was typed; after erasure nothing is left to make another mark of."""
    fingerprint = stage.context.fingerprint
    await of_release_0_1(stage, "erased", typed, erased=True)
    new = await asks_by_phone(stage, "07700 900982")
    assert await stage.facts.cases.count_similar(all_fingerprints(new, "GB", fingerprint), new.id) == 1
    waiting = await of_release_0_1(stage, "waiting", typed, contact=Contact(ContactMethod.PHONE, typed))
    assert await stage.facts.cases.count_similar(all_fingerprints(waiting, "GB", fingerprint), waiting.id) == 2
    abroad = await asks_by_phone(stage, "+33 7 70 09 00 98")
    assert await stage.facts.cases.count_similar(all_fingerprints(abroad, "GB", fingerprint), abroad.id) == 0


def test_marks_that_an_older_release_made_of_an_address_are_still_looked_for() -> None:
    found = all_fingerprints(
        replace(draft(), contact=Contact(ContactMethod.EMAIL, "ada@xn--bcher-kva.example")), "GB", str
    )
    assert found == ("email:ada@xn--bcher-kva.example", "email:ada@bücher.example")


async def test_the_third_case_on_one_number_needs_a_second_person_however_it_was_typed(stage: Stage) -> None:
    handle = await stage.arrives(Level.LOW)
    for case_id, typed in (("erased", "07700900982"), ("other", "+4407700900982")):
        await of_release_0_1(stage, case_id, typed)
    await stage.asks(handle, replace(WANTED, way="phone", address="+44\u20117700\u2011900982"))
    await stage.approves(ANN)
    assert SecondReviewReason.SEEN_BEFORE in (await stage.case(handle)).second_review_reasons
