"""Partner desks over HTTP, on SQLite and on PostgreSQL: one visit from the reference to the review, and attacks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from broker.actions.assisted.context import update_case
from broker.assisted import events as ev
from broker.assisted.case_records import Decision
from broker.assisted.case_states import CaseState
from tests.security.desk_stage import Desk, DeskStage, checks, desk_stage, passport, problem
from tests.unit.actions.assisted.case_harness import SAFE

pytestmark = pytest.mark.store

ZONE = "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
"""Second line of the passport of ICAO Doc 9303."""

UUID = "8d3a4d5e-3c1b-4a6f-9d2e-0f4b7c6a1e90"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
async def desks(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DeskStage]:
    """One broker for the tests of a database."""
    folder = tmp_path_factory.mktemp("desks")
    if request.param == "sqlite":
        async with desk_stage(folder, None) as stage:
            yield stage
        return
    server = request.getfixturevalue("postgres_server")
    server.start()
    with server.database() as url:
        async with desk_stage(folder, url) as stage:
            yield stage


async def test_a_visit_ends_in_a_review_and_the_desk_never_learns_the_outcome(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    found = await post.find(made.reference)
    assert found.status_code == 200, found.text
    assert found.json() == {
        "id": made.id,
        "state": "open",
        "level": "substantial",
        "language": "en",
        "remaining_attempts": 3,
    }
    await post.visit(made)
    state = (await post.get(f"/desk/v1/cases/{made.id}")).json()
    assert state["state"] == "at_desk"
    assert state["remaining_attempts"] == 2
    assert state["visit"]["enough"] is True
    assert state["visit"]["answer_word"] == made.phrase.second
    done = await post.result(made.id, "approve")
    assert done.status_code == 202
    assert done.json()["state"] == "with_staff"
    stored = await desks.nothing_half_done(made.id)
    assert (stored.state, stored.requester) == (CaseState.REVIEW, "desk:land-register:clerk-7")
    assert "desk" in stored.second_review_reasons
    await desks.reviews(made)
    assert (await desks.nothing_half_done(made.id)).state is CaseState.APPROVED
    closed = (await post.get(f"/desk/v1/cases/{made.id}")).json()
    assert closed == {**found.json(), "state": "closed", "remaining_attempts": 2}
    assert [one["event"] for one in await desks.sent("land-register")] == ["case.closed"]


async def test_a_decline_is_reviewed_as_well_and_reads_the_same(desks: DeskStage) -> None:
    made, post = await desks.asks(ready=False), desks.post
    assert (await post.accept(made.id)).status_code == 200
    problem(await post.result(made.id, "decline"), 422, "invalid_reasons")
    problem(await post.result(made.id, "approve", reasons=["face_differs"]), 422, "invalid_reasons")
    assert (await post.result(made.id, "decline", reasons=["face_differs"])).status_code == 202
    await desks.reviews(made, Decision.DECLINE)
    assert (await desks.nothing_half_done(made.id)).state is CaseState.DECLINED
    assert (await post.get(f"/desk/v1/cases/{made.id}")).json()["state"] == "closed"
    assert [one["event"] for one in await desks.sent("land-register")] == ["case.closed"]


async def test_another_desk_and_another_location_find_nothing(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    assert (await post.accept(made.id)).status_code == 200
    unknown = problem(await desks.library.find("ZZZZ-ZZZZ"), 404, "case_not_found")
    assert problem(await desks.library.find(made.reference), 404, "case_not_found") == unknown
    for reply in (
        await desks.library.get(f"/desk/v1/cases/{made.id}"),
        await desks.library.accept(made.id),
        await desks.library.record(made.id, **passport()),
        await desks.library.result(made.id, "approve"),
        await desks.library.get("/desk/v1/cases/case-of-no-one"),
    ):
        assert problem(reply, 404, "case_not_found") == unknown
    station = Desk(desks.line, post.service, "station", token=post.token)
    assert problem(await station.record(made.id, **passport()), 404, "case_not_found") == unknown
    assert problem(await station.result(made.id, "approve"), 404, "case_not_found") == unknown
    nowhere = Desk(desks.line, post.service, "harbour", token=post.token)
    problem(await nowhere.record(made.id, **passport()), 422, "invalid_input")
    assert len((await desks.nothing_half_done(made.id)).evidence) == 0
    rows = await desks.parts.connections.sql_stores.audit.read(0, 100_000)
    assert [event.details["location"] for _, event in rows if event.kind == "desk_not_found"][-2:] == ["harbour"] * 2
    tried = [event for event in await desks.events(made.id) if event.kind == "desk_refused"]
    assert [(event.client_id, event.details["location"], event.details["code"]) for event in tried] == [
        *[("rides", "harbour", "case_not_found")] * 3,
        *[("land-register", "station", "case_not_found")] * 2,
    ]


async def test_nothing_is_recorded_without_a_visit_and_after_the_result(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    problem(await post.record(made.id, **passport()), 404, "case_not_found")
    await post.visit(made)
    assert (await post.result(made.id, "approve", final_attempt=True)).status_code == 202
    before = await desks.case(made.id)
    problem(await post.record(made.id, **passport()), 409, "not_now")
    problem(await post.result(made.id, "approve", final_attempt=True), 409, "not_now")
    problem(await post.accept(made.id), 409, "not_now")
    assert await desks.nothing_half_done(made.id) == before
    tried = [event for event in await desks.events(made.id) if event.kind == "desk_refused"]
    assert [event.details["code"] for event in tried] == ["case_not_found", *["not_now"] * 3]
    assert before.desk is not None
    assert before.desk.final
    assert (await post.get(f"/desk/v1/cases/{made.id}")).json()["remaining_attempts"] == 0


async def test_an_approval_needs_words_details_and_the_level(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    assert (await post.accept(made.id)).status_code == 200
    problem(await post.result(made.id, "approve"), 409, "level_not_reached")
    for reply in (
        await post.record(made.id, **passport()),
        await post.record(made.id, piece="person", checks=checks(SAFE)),
    ):
        assert reply.status_code == 200, reply.text
    problem(await post.result(made.id, "approve"), 409, "details_missing")
    assert (await post.record(made.id, piece="details", given_name="Ada", birthdate="1990-01-02")).status_code == 200
    problem(await post.result(made.id, "approve"), 409, "words_missing")
    assert (await desks.nothing_half_done(made.id)).verdict is None


async def test_a_suspicion_is_silent(desks: DeskStage) -> None:
    (calm, odd), post = (await desks.asks(), await desks.asks()), desks.post
    answers = []
    for made, suspected in ((calm, False), (odd, True)):
        await post.visit(made, number="SUSPICION")
        done = await post.result(made.id, "approve", suspected_fraud=suspected)
        answers += [{**done.json(), "id": ""}, {**(await post.get(f"/desk/v1/cases/{made.id}")).json(), "id": ""}]
    assert answers[:2] == answers[2:]
    stored = await desks.nothing_half_done(odd.id)
    assert [(flag.by, flag.reason) for flag in stored.flags] == [("desk:land-register:clerk-7", "fraud_signals")]
    assert "flagged" in stored.second_review_reasons
    assert (await desks.nothing_half_done(calm.id)).flags == ()


async def test_a_repeated_call_gets_the_same_answer_and_changes_nothing(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    first = await post.accept(made.id, "accept-1")
    stored = await desks.case(made.id)
    again = await post.accept(made.id, "accept-1")
    assert (again.status_code, again.content) == (first.status_code, first.content) == (200, first.content)
    assert await desks.nothing_half_done(made.id) == stored
    problem(await post.record(made.id, "accept-1", **passport()), 422, "idempotency_key_reused")
    other = Desk(desks.line, post.service, post.location, "clerk-8", post.token)
    problem(await other.accept(made.id, "accept-1"), 422, "idempotency_key_reused")
    problem(await desks.library.accept(made.id, "accept-1"), 404, "case_not_found")
    refused = await post.record(made.id, "wrong-1", **passport(expires="2001-02-30"))
    assert problem(refused, 422, "invalid_input")["errors"] == [{"pointer": "/piece/expires", "code": "not_a_date"}]
    assert (await post.record(made.id, "wrong-1", **passport(expires="2001-02-30"))).content == refused.content
    assert await desks.nothing_half_done(made.id) == stored


async def test_one_call_made_twenty_times_at_once_is_one_move(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    replies = await asyncio.gather(*(post.accept(made.id, "at-once") for _ in range(20)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.content for reply in replies}) == 1
    stored = await desks.nothing_half_done(made.id)
    assert [move.event for move in stored.history].count("desk_accepted") == 1


async def test_two_desks_accept_at_once_and_one_gets_the_case(desks: DeskStage) -> None:
    made = await desks.asks()
    both = await asyncio.gather(desks.post.accept(made.id), desks.library.accept(made.id))
    assert sorted(reply.status_code for reply in both) == [200, 404]
    await desks.nothing_half_done(made.id)


async def test_a_colleague_at_the_same_desk_continues_and_each_is_named(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    colleague = Desk(desks.line, post.service, post.location, "clerk-8", post.token)
    assert (await post.accept(made.id)).status_code == 200
    assert (await colleague.record(made.id, **passport(number="P-SHARED"))).status_code == 200
    assert (await colleague.result(made.id, "decline", reasons=["face_differs"])).status_code == 202
    moves = [(move.event, move.who) for move in (await desks.nothing_half_done(made.id)).history[-3:]]
    first, second = "desk:land-register:clerk-7", "desk:land-register:clerk-8"
    assert moves == [("desk_accepted", first), ("evidence_recorded", second), ("recommended", second)]


async def test_a_machine_readable_zone_fills_the_document_and_must_agree_with_it(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    assert (await post.accept(made.id)).status_code == 200
    zone = f"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\n{ZONE}"
    other = await post.record(made.id, **passport(zone=zone, number="X7654321", country="UTO", expires=""))
    assert problem(other, 422, "invalid_input")["errors"] == [{"pointer": "/piece/number", "code": "mrz_differs"}]
    broken = await post.record(made.id, **passport(zone=zone[:-1] + "1", number="", country="", expires=""))
    assert problem(broken, 422, "invalid_input")["errors"][0]["code"].startswith("mrz_")
    assert (await desks.nothing_half_done(made.id)).evidence == ()


async def test_the_citizens_word_is_counted_before_it_is_compared(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    assert (await post.accept(made.id)).status_code == 200
    tried = [post.record(made.id, piece="words", first=f"wrong-{number}") for number in range(20)]
    codes = [reply.json()["code"] for reply in await asyncio.gather(*tried)]
    assert sorted(codes) == ["invalid_input"] * 3 + ["no_tries_left"] * 17
    problem(await post.record(made.id, piece="words", first=made.phrase.first), 409, "no_tries_left")
    assert not (await desks.nothing_half_done(made.id)).phrase_verified


async def test_a_case_is_accepted_as_often_as_the_limit_says(desks: DeskStage) -> None:
    made, post = await desks.asks(), desks.post
    for _ in range(3):
        assert (await post.accept(made.id)).status_code == 200
        assert (await post.result(made.id, "incomplete", reasons=["citizen_left"])).json()["state"] == "open"
    assert (await post.find(made.reference)).json()["remaining_attempts"] == 0
    limited = await desks.library.accept(made.id)
    problem(limited, 429, "case_limit")
    assert 0 < int(limited.headers["Retry-After"]) <= 30 * 86400
    await desks.nothing_half_done(made.id)


async def test_a_document_is_used_in_as_many_cases_as_the_limit_says_over_all_desks(desks: DeskStage) -> None:
    for number in range(6):
        made, desk = await desks.asks(), (desks.post, desks.library)[number % 2]
        assert (await desk.accept(made.id)).status_code == 200
        reply = await desk.record(made.id, **passport(number="P-LIMIT"))
        if number < 5:
            assert reply.status_code == 200, reply.text
            corrected = {**passport(number="p limit"), "id": "e1"}
            assert (await desk.record(made.id, **corrected)).status_code == 200
    problem(reply, 429, "document_limit")
    assert "Retry-After" in reply.headers
    assert (await desks.nothing_half_done(made.id)).evidence == ()


async def test_a_lapsed_visit_and_a_withdrawn_case_take_nothing_more(desks: DeskStage) -> None:
    made, gone, post = await desks.asks(), await desks.asks(), desks.post
    for one in (made, gone):
        assert (await post.accept(one.id)).status_code == 200
    await update_case(desks.cases, gone.id, ev.Withdrawn())
    problem(await post.record(gone.id, **passport()), 409, "not_now")
    assert (await post.get(f"/desk/v1/cases/{gone.id}")).json()["state"] == "cancelled"
    assert [(one["event"], one["case"]) for one in await desks.sent("land-register")] == [("case.cancelled", gone.id)]
    await desks.lapse(made)
    problem(await post.record(made.id, **passport()), 409, "not_now")
    assert (await desks.nothing_half_done(made.id)).state is CaseState.QUEUED


async def test_a_token_of_another_key_or_without_one_opens_nothing(desks: DeskStage) -> None:
    path = "/desk/v1/cases/any"
    without = await desks.line.get(path)
    problem(without, 401, without.json()["code"])
    assert "DPoP" in without.headers["WWW-Authenticate"]
    stolen = await desks.line.get(path, headers=desks.library.head("GET", path, desks.post.token))
    problem(stolen, 401, "invalid_token")
    bearer = await desks.line.get(path, headers={"Authorization": f"Bearer {desks.post.token}"})
    problem(bearer, 401, "invalid_token")
    head = desks.post.head("GET", path)
    problem(await desks.line.get(path, headers=head), 404, "case_not_found")
    problem(await desks.line.get(path, headers=head), 401, "invalid_dpop_proof")


async def test_headers_and_messages_are_checked(desks: DeskStage) -> None:
    post, path = desks.post, "/desk/v1/cases:find"
    echoed = await post.post(path, head={"X-Correlation-ID": UUID}, reference="ZZZZ-ZZZZ")
    assert echoed.headers["X-Correlation-ID"] == UUID
    odd = await post.post(path, head={"X-Correlation-ID": "<script>"}, reference="ZZZZ-ZZZZ")
    assert len(odd.headers["X-Correlation-ID"]) == 36
    head = post.head("POST", path)
    problem(await desks.line.post(path, json={}, headers=head), 400, "idempotency_key_missing")
    sent = {**post.head("POST", path), "Idempotency-Key": "k-1", "Content-Type": "application/json"}
    problem(await desks.line.post(path, content=b'{"a":1,"a":2}', headers=sent), 400, "invalid_json")
    sent = {**post.head("POST", path), "Idempotency-Key": "k-1", "Content-Type": "text/plain"}
    problem(await desks.line.post(path, content=b"{}", headers=sent), 415, "unsupported_media_type")
    found = problem(await post.post(path, reference="ZZZZ-ZZZZ", name="Ada Example"), 422, "invalid_input")
    assert found["errors"][0]["code"] == "invalid"
    wrong = problem(await post.post(path, reference=7), 422, "invalid_input")
    assert wrong["errors"] == [{"pointer": "/reference", "code": "invalid"}]


async def test_a_desk_that_guesses_references_is_stopped(desks: DeskStage) -> None:
    replies = [await desks.library.find(f"ZZZZ-{number:04}") for number in range(121)]
    problem(replies[-1], 429, "temporarily_unavailable")
    assert int(replies[-1].headers["Retry-After"]) > 0
    made = await desks.asks()
    problem(await desks.library.find(made.reference), 429, "temporarily_unavailable")
    assert (await desks.post.find(made.reference)).status_code == 200
