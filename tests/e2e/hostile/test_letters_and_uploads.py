"""Hostile acts: the code of a letter that is guessed, and a citizen who withdraws while a photograph comes in."""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import replace
from unittest.mock import patch

from broker.actions.files.erasing import sweep
from broker.assisted.case_states import CaseState
from broker.model.evidence_file import Photo, UploadFault
from broker.platform.image_child import ImageReencoder
from broker.wiring.assisted_wiring import file_context
from tests.e2e.assisted_http import Centre, HelpedCitizen
from tests.e2e.hostile.acts import TRIES, audited
from tests.e2e.hostile.test_guessing import forty
from tests.e2e.raw_client import Forms
from tests.e2e.relying_service import strolls
from tests.support.media import photo
from tests.support.upload_stage import form, token

S = CaseState
HOME = "Ada Marchetti\n1 Quay Row\nAberlan AB1 2CD"


async def by_letter(product: Centre) -> HelpedCitizen:
    """A citizen of a service that asks for little, whose case stands approved: the code comes by post."""
    service = strolls(product.folder, product.issuer)
    citizen = HelpedCitizen(product.sender, replace(service, now=product.clock.now))
    await citizen.begin()
    product.asked += 1
    fields = Forms((await citizen.visit(f"{citizen.page}/help")).expect().body).found[f"{citizen.page}/help"]
    sent = {**fields, "way": "phone", "phone": f"+447700900{product.asked:03}", "channel": "phone_and_post"}
    (await citizen.submit(f"{citizen.page}/help", sent)).expect(303)
    case, later = await product.case(citizen), product.clock.now() + 7 * 86_400
    details = replace(case.details, claims={"address": HOME})
    approved = replace(case, state=S.APPROVED, deadline=later, version=case.version + 1, details=details)
    assert await product.parts.connections.sql_stores.cases.save(approved, ())
    return citizen


async def test_parallel_guesses_of_the_code_of_a_letter_are_compared_as_often_as_allowed(product: Centre) -> None:
    citizen = await by_letter(product)
    right, case = await product.code(citizen), await product.case(citizen)
    [letter] = [one for one in await product.notices() if one.case == case.id and one.fields.get("code") == right]
    assert (letter.way, letter.address) == ("post", HOME)
    wrong = "000000" if right != "000000" else "111111"
    await forty(citizen, "bind", code=wrong)
    case = await product.case(citizen)
    assert (case.state, case.binding) == (S.HELD, None)
    assert await product.parts.connections.sql_stores.cases.attempts(case.id, f"bind:{case.queue_round}") == TRIES
    await citizen.press("bind", code=right)
    assert (await product.case(citizen)).state is S.HELD


async def test_the_code_of_a_letter_binds_once_where_little_is_asked(product: Centre) -> None:
    citizen = await by_letter(product)
    await forty(citizen, "bind", code=await product.code(citizen))
    case = await product.case(citizen)
    assert case.state is S.BOUND
    assert await audited(product, case, "case_bound") == 1


async def test_a_photograph_of_a_citizen_who_withdraws_meanwhile_is_not_kept(product: Centre) -> None:
    citizen = await product.helped()
    case, path = await product.case(citizen), f"{citizen.page}/send"
    page = (await citizen.visit(path)).expect().body.decode()
    content, headers = form({"token": token(page)}, photo(1200, 900))
    headers |= {**citizen.jar.line(path), "Origin": citizen.issuer}
    reencode = ImageReencoder.reencode

    async def withdrawn_meanwhile(self: ImageReencoder, pieces: AsyncIterable[bytes]) -> Photo | UploadFault:
        (await citizen.press("withdraw")).expect(303)
        return await reencode(self, pieces)

    with patch.object(ImageReencoder, "reencode", withdrawn_meanwhile):
        reply = await product.sender.upload(f"{citizen.issuer}{path}/photo", content, headers)
    assert reply.status in (303, 404, 422)
    assert (await product.load(case.id)).state is S.WITHDRAWN
    assert await audited(product, case, "evidence_file_received") == 0
    files = file_context(product.parts)
    assert files is not None
    await sweep(files)
    records = product.parts.connections.sql_stores.evidence_files
    assert await records.of_case(case.id, product.clock.now()) == []
    kept = product.folder / ".demo" / "evidence"
    assert not kept.exists() or await asyncio.to_thread(lambda: list(kept.iterdir())) == []
