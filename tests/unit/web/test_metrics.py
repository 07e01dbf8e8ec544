"""Metrics: counters of audit rows, request metrics, and the bearer token of /metrics."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from broker.assisted.case_row import CaseCounts
from broker.assisted.measures import Key, Measure, Tally
from broker.model.audit import AuditEvent
from broker.platform.system import System
from broker.web.operations import REFUSED, RequestMetricsMiddleware, metrics_route, templates
from broker.web.operations.metrics import Metrics
from tests.support.system import FakeClock
from tests.unit.web.operations import get, value


def event(kind: str, **more: str) -> AuditEvent:
    provider = more.pop("provider", None)
    return AuditEvent(kind, 0.0, "citizen", provider=provider, client_id="shop", details=more)


@pytest.mark.parametrize(
    ("happened", "name", "labels"),
    [
        (
            event("service_answered", provider="bank", level="low"),
            "portico_sign_ins_answered_total",
            {"provider": "bank", "level": "low"},
        ),
        (
            event("attempt_failed", provider="bank", failure="cancelled"),
            "portico_failures_total",
            {"provider": "bank", "failure": "cancelled"},
        ),
        (event("given_up", failure="provider_down"), "portico_given_up_total", {"failure": "provider_down"}),
        (event("code_redeemed"), "portico_tokens_issued_total", {"by": "code"}),
        (event("grant_refreshed"), "portico_tokens_issued_total", {"by": "refresh"}),
        (event("code_replayed"), "portico_facts_total", {"kind": "code_replayed"}),
        (
            event("case_submitted", **{"from": "draft", "to": "requested"}),
            "portico_help_asked_total",
            {"client_id": "shop"},
        ),
        (
            event("case_submitted", **{"from": "draft", "to": "requested"}),
            "portico_case_moves_total",
            {"to": "requested"},
        ),
        (event("case_bound", **{"from": "approved", "to": "bound"}), "portico_case_moves_total", {"to": "bound"}),
    ],
)
def test_an_audit_event_is_counted_with_its_labels(happened: AuditEvent, name: str, labels: dict[str, str]) -> None:
    meters = Metrics(None)
    meters.recorded([happened, happened])
    assert value(meters.text(), name, **labels) == 2


def test_a_case_event_without_a_transition_is_not_counted() -> None:
    meters = Metrics(None)
    meters.recorded([event("case_noted", **{"from": "in_session", "to": "in_session"})])
    assert value(meters.text(), "portico_case_moves_total", to="in_session") is None


def test_measures_are_counted_by_the_first_word_of_their_detail() -> None:
    meters = Metrics(None)
    declined = [Key("2027-01-15", Measure.OUTCOMES, f"declined {why}", "video", "en") for why in ("coached", "doubt")]
    late = Key("2027-01-15", Measure.MISSED_DEADLINES, "contact", "phone", "cy")
    waits = [Key("2027-01-15", Measure.CONTACT_WAIT, "", "phone", "cy", bucket) for bucket in (1, 2)]
    meters.measured(dict.fromkeys([*declined, late, *waits], Tally(2, 600)))
    meters.measured({late: Tally(1)})
    counted = {
        (measure, detail, channel): value(
            meters.text(), "portico_assisted_total", measure=measure, detail=detail, channel=channel
        )
        for measure, detail, channel in (
            ("outcomes", "declined", "video"),
            ("missed_deadlines", "contact", "phone"),
            ("contact_wait", "", "phone"),
        )
    }
    assert list(counted.values()) == [4, 3, 4]


def test_access_reviews_that_are_due_have_their_number() -> None:
    meters = Metrics(None)
    meters.access_reviews(3)
    assert value(meters.text(), "portico_access_reviews_overdue") == 3
    meters.access_reviews(0)
    assert value(meters.text(), "portico_access_reviews_overdue") == 0


def test_the_cases_that_wait_have_their_numbers_and_the_longest_wait() -> None:
    meters = Metrics(None)
    meters.cases(CaseCounts(7, 3, 2, 1, 1000.0, 1000), 1090.0)
    for line, number in {"queued": 7, "reviews": 3, "late": 2, "stopped": 1}.items():
        assert value(meters.text(), "portico_cases_waiting", line=line) == number
    assert value(meters.text(), "portico_cases_oldest_seconds") == 90
    meters.cases(CaseCounts(0, 0, 0, 0, None, 1000), 1090.0)
    assert value(meters.text(), "portico_cases_oldest_seconds") == 0


def test_a_start_is_counted_for_its_service() -> None:
    meters = Metrics(None)
    meters.started("shop")
    assert value(meters.text(), "portico_sign_ins_started_total", client_id="shop") == 1


def test_a_malformed_claim_is_counted_for_its_provider_and_name() -> None:
    meters = Metrics(None)
    meters.claim_malformed("bank", "birthdate")
    assert value(meters.text(), "portico_claims_malformed_total", provider="bank", claim="birthdate") == 1


def test_a_provider_failure_is_counted_by_cause_and_a_stray_callback_by_reason() -> None:
    meters = Metrics(None)
    meters.provider_failed("bank", "unsafe", "reply", "userinfo_signed")
    meters.stray_callback("bank", "not_awaited")
    meters.operator_called("unsafe_reply", "bank")
    labels = {"provider": "bank", "reason": "unsafe", "cause": "reply", "fault": "userinfo_signed"}
    assert value(meters.text(), "portico_operator_calls_total", failure="unsafe_reply", provider="bank") == 1
    assert value(meters.text(), "portico_provider_failures_total", **labels) == 1
    assert value(meters.text(), "portico_stray_callbacks_total", provider="bank", why="not_awaited") == 1


def application(meters: Metrics, tick: Callable[[], float], clock: FakeClock) -> ASGIApp:
    async def slow(_request: Request) -> Response:
        clock.advance(0.2)
        return PlainTextResponse("done", 201)

    async def refusing(request: Request) -> Response:
        setattr(request.state, REFUSED, "invalid_grant")
        return PlainTextResponse("no", 400)

    async def broken(_request: Request) -> Response:
        raise RuntimeError("broken")

    async def files(_scope: object, _receive: object, send: Callable[[object], Awaitable[None]]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    routes = [
        Route("/journey/{handle}", slow, methods=["GET"]),
        Route("/token", refusing, methods=["POST"]),
        Route("/broken", broken),
        Mount("/static", files),
    ]
    return RequestMetricsMiddleware(Starlette(routes=routes), "public", templates(routes), meters, tick)


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/journey/abc", {"method": "GET", "route": "/journey/{handle}", "status": "201"}),
        ("GET", "/journey/xyz", {"method": "GET", "route": "/journey/{handle}", "status": "201"}),
        ("POST", "/token", {"method": "POST", "route": "/token", "status": "400"}),
        ("GET", "/token", {"method": "GET", "route": "/token", "status": "405"}),
        ("GET", "/static/a/b.css", {"method": "GET", "route": "/static/*", "status": "200"}),
        ("GET", "/broken", {"method": "GET", "route": "/broken", "status": "500"}),
        ("GET", "/wp-admin", {"method": "GET", "route": "elsewhere", "status": "404"}),
        ("PROPFIND", "/wp-admin", {"method": "other", "route": "elsewhere", "status": "404"}),
    ],
)
async def test_a_request_is_counted_by_template_and_status(
    method: str, path: str, labels: dict[str, str], clock: FakeClock
) -> None:
    meters = Metrics(None)
    await get(application(meters, clock.now, clock), path, method)
    assert value(meters.text(), "portico_request_seconds_count", door="public", **labels) == 1


async def test_a_request_is_timed_by_the_clock_it_was_given(clock: FakeClock) -> None:
    meters = Metrics(None)
    await get(application(meters, clock.now, clock), "/journey/abc")
    where = {"door": "public", "method": "GET", "route": "/journey/{handle}", "status": "201"}
    assert value(meters.text(), "portico_request_seconds_sum", **where) == pytest.approx(0.2)
    assert value(meters.text(), "portico_request_seconds_bucket", **where, le="0.1") == 0
    assert value(meters.text(), "portico_request_seconds_bucket", **where, le="0.25") == 1


async def test_a_protocol_error_is_counted_by_its_code(clock: FakeClock) -> None:
    meters = Metrics(None)
    await get(application(meters, clock.now, clock), "/token", "POST")
    assert value(meters.text(), "portico_refusals_total", door="public", error="invalid_grant") == 1


@pytest.mark.parametrize(
    ("token", "shown", "status"),
    [
        (None, {}, 200),
        ("abc", {"authorization": "Bearer abc"}, 200),
        ("abc", {"authorization": "Bearer abd"}, 401),
        ("abc", {"authorization": "Bearer äbc"}, 401),
        ("abc", {"authorization": "abc"}, 401),
        ("abc", {}, 401),
    ],
)
async def test_metrics_need_the_bearer_token_if_one_is_configured(
    token: str | None, shown: dict[str, str], status: int
) -> None:
    meters = Metrics(None)
    meters.recorded([event("code_replayed")])
    encoded = {name: value.encode("utf-8").decode("latin-1") for name, value in shown.items()}
    app = Starlette(routes=[metrics_route(meters, token)])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here.test") as client:
        answer = await client.get("/metrics", headers=[(k.encode(), v.encode("latin-1")) for k, v in encoded.items()])
    assert answer.status_code == status
    assert (b"portico_facts_total" in answer.content) == (status == 200)


def test_an_ambient_without_a_tick_of_its_own_has_one_that_never_goes_back(system: System) -> None:
    first = system.monotonic()
    assert system.monotonic() >= first
    assert replace(system, monotonic=lambda: 7.0).monotonic() == 7.0
