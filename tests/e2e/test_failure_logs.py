"""Log and metrics of a failed attempt and of a stray callback: a line, a count, no personal data."""

import asyncio
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from broker.actions.attempt_log import StrayReason
from broker.demo.narrator import narrated
from broker.model.failures import FailureClass
from broker.platform.logging_setup import JsonLines
from broker.provider import OUTAGES
from providers.openid.errors import RULES, UpstreamFault
from providers.simulator.personas import simulated_issuers
from tests.e2e.app_harness import Script, Stage, staged
from tests.e2e.raw_client import HARBOUR, NORTHBANK, HttpSender, RawCitizen
from tests.e2e.relying_service import RIDES_SERVICE, rides

F, C = UpstreamFault, FailureClass


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The whole product."""
    script = Script(files={"services/rides.toml": RIDES_SERVICE})
    async with staged(tmp_path_factory.mktemp("traces"), script) as running:
        yield running


@pytest.fixture
def raw_citizen(stage: Stage, line: HttpSender, caplog: pytest.LogCaptureFixture) -> RawCitizen:
    """A citizen with a fresh browser who signs in at the service; all later log records are captured."""
    caplog.set_level(logging.DEBUG)
    return RawCitizen(line, rides(stage.folder, stage.issuer))


def count(stage: Stage, name: str, **labels: str) -> float:
    """The sum of a counter over all that has these labels."""
    lines = stage.parts.monitoring.metrics.text().decode().splitlines()
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    found = (line for line in lines if line.startswith(f"{name}{{") and all(label in line for label in wanted))
    return sum(float(line.rpartition(" ")[2]) for line in found)


def logged(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    """The lines of an event, as they are written."""
    return [json.loads(JsonLines().format(record)) for record in caplog.records if record.message == event]


def private() -> set[str]:
    """Every text about a simulated person, except those that could be part of any line."""

    def texts(value: object) -> set[str]:
        if isinstance(value, dict):
            return {text for inner in value.values() for text in texts(inner)}
        return {value} if isinstance(value, str) and len(value) > 3 else set()

    return {
        text for issuer in simulated_issuers({}) for persona in issuer.personas for text in texts(dict(persona.claims))
    }


@pytest.mark.parametrize(
    ("outcome", "fault", "failure"),
    [
        ("cancelled", F.ANSWER_ERROR, C.CANCELLED),
        ("not_verified", F.ANSWER_ERROR, C.NOT_VERIFIED),
        ("odd_name", F.USERINFO_UNREADABLE, C.UNSAFE_REPLY),
        ("doubled_member", F.USERINFO_UNREADABLE, C.UNSAFE_REPLY),
        ("userinfo_signed", F.USERINFO_SIGNED, C.UNSAFE_REPLY),
        ("userinfo_401", F.USERINFO_REFUSED, C.INCOMPLETE_REPLY),
        ("id_token_encrypted", F.ID_TOKEN_ENCRYPTED, C.UNSAFE_REPLY),
        ("other_subject", F.USERINFO_SUBJECT, C.UNSAFE_REPLY),
        ("other_nonce", F.ID_TOKEN_NONCE, C.UNSAFE_REPLY),
        ("expired", F.ID_TOKEN_TIME, C.UNSAFE_REPLY),
        ("unknown_acr", F.LEVEL_UNKNOWN, C.LEVEL_TOO_LOW),
        ("replayed_code", F.TOKEN_CODE, C.UNSAFE_REPLY),
        ("token_500", F.TOKEN_STATUS, C.PROVIDER_DOWN),
    ],
)
async def test_a_failed_attempt_is_logged_with_what_it_failed_of_and_counted(
    stage: Stage,
    raw_citizen: RawCitizen,
    caplog: pytest.LogCaptureFixture,
    outcome: str,
    fault: UpstreamFault,
    failure: FailureClass,
) -> None:
    rule = RULES[fault]
    labels = {"provider": NORTHBANK, "cause": rule.cause.value, "fault": fault.value}
    before = count(stage, "portico_provider_failures_total", **labels)
    calls = count(stage, "portico_operator_calls_total", failure=failure, provider=NORTHBANK)
    await raw_citizen.begin(f"outcome:{outcome};persona:amina")
    (await raw_citizen.choose()).expect(303)
    callback = await raw_citizen.away()
    reply = (await raw_citizen.visit(callback)).expect(303)
    [entry] = logged(caplog, "attempt_failed")
    page = (await raw_citizen.visit(raw_citizen.page)).body.decode()
    [reference] = re.findall(r"[2-9A-Z]{4} [2-9A-Z]{4}", page)
    assert entry["failure"] == failure
    assert entry["fault"] == fault
    assert entry["cause"] == rule.cause
    assert (entry["provider"], entry["client_id"], entry["part"]) == (NORTHBANK, "rides", "portico.providers")
    assert (entry["reference"], entry["request_id"]) == (reference, reply.headers["X-Request-Id"])
    [found] = await stage.parts.connections.sql_stores.sign_in_failures.by_reference(reference, time.time())
    assert (found.failure, found.provider, found.client_id) == (failure, NORTHBANK, "rides")
    assert (found.reason, found.request_id) == (entry["reason"], entry["request_id"])
    assert entry["level"] == ("warning" if rule.cause in OUTAGES or failure is C.UNSAFE_REPLY else "info")
    assert isinstance(entry["detail"], str)
    assert len(entry["detail"]) > 10
    assert count(stage, "portico_provider_failures_total", **labels) == before + 1
    unsafe = failure is C.UNSAFE_REPLY
    assert count(stage, "portico_operator_calls_total", failure=failure, provider=NORTHBANK) == calls + unsafe
    assert [one["level"] for one in logged(caplog, "operator_called")] == ["error"] * unsafe
    code = parse_qs(urlsplit(callback).query).get("code", [callback])[0]
    # the server's own line for each request is never written: see broker.platform.logging_setup
    for record in (record for record in caplog.records if record.name != "uvicorn.access"):
        text = JsonLines().format(record)
        assert code not in text
        for secret in private():
            assert secret not in text


class Written(logging.Handler):
    """Formats each record when it is logged, as the log's own handler does."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonLines())
        self.lines: list[dict[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture) -> Iterator[Written]:
    """Every line of the broker's log, as it is written."""
    caplog.set_level(logging.DEBUG)
    handler, logger = Written(), logging.getLogger("portico")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


async def test_every_line_of_a_sign_in_has_the_ids_of_its_request_client_and_transaction(
    written: Written, raw_citizen: RawCitizen
) -> None:
    await raw_citizen.begin("outcome:odd_name;persona:amina")
    (await raw_citizen.choose()).expect(303)
    callback = await raw_citizen.away()
    failed = (await raw_citizen.visit(callback)).expect(303)
    page = (await raw_citizen.visit(raw_citizen.page)).body.decode()
    [reference] = re.findall(r"[2-9A-Z]{4} [2-9A-Z]{4}", page)
    again = (await raw_citizen.visit(callback)).expect(303)
    token = await raw_citizen.redeem("unknown-code")
    userinfo = await raw_citizen.userinfo("unknown-token")
    answers = {"attempt_failed": failed, "operator_called": failed, "stray_callback": again}
    for line in written.lines:
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["at"]), line
        assert line["request_id"], line
    for event, reply in answers.items():
        [line] = [line for line in written.lines if line["event"] == event]
        assert line["request_id"] == reply.headers["X-Request-Id"]
        assert (line["client_id"], line["reference"]) == ("rides", reference)
    refused = [(line["request_id"], line.get("client_id")) for line in written.lines if line["event"] == "refused"]
    assert refused == [(token.headers["X-Request-Id"], "rides"), (userinfo.headers["X-Request-Id"], None)]


async def test_the_demonstration_tells_of_a_failure_with_its_reference_and_of_a_sign_in_without_the_person(
    stage: Stage, raw_citizen: RawCitizen
) -> None:
    told: list[str] = []
    narrated(stage.parts, told.append)
    await raw_citizen.begin("outcome:cancelled;persona:amina")
    (await raw_citizen.choose()).expect(303)
    await raw_citizen.visit(await raw_citizen.away())
    page = (await raw_citizen.visit(raw_citizen.page)).body.decode()
    [reference] = re.findall(r"[2-9A-Z]{4} [2-9A-Z]{4}", page)
    assert re.fullmatch(r"  \d\d:\d\d:\d\d  .+: failed at northbank: cancelled\. .+", told[0])
    assert told[1] == f'            reference {reference}: portico transaction explain "{reference}"'
    (await raw_citizen.redeem(await raw_citizen.code())).expect()
    assert any(": signed in by northbank, level low. It gets: name" in line for line in told)
    assert any(": redeemed its code and got tokens" in line for line in told)
    for secret in private():
        assert not any(secret in line for line in told), secret


async def test_a_line_of_no_request_has_no_ids(stage: Stage, raw_citizen: RawCitizen, written: Written) -> None:
    assert stage.parts
    await raw_citizen.begin()
    logging.getLogger("portico.upkeep").info("a_chore")
    assert {"request_id", "client_id", "reference"}.isdisjoint(written.lines[-1])


def bent(callback: str, **parameters: str) -> str:
    """The callback with other parameters; an empty one is left out."""
    parts = urlsplit(callback)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()} | parameters
    return parts._replace(query=urlencode({name: value for name, value in asked.items() if value})).geturl()


def another_attempt(callback: str) -> str:
    """The callback of an attempt that this transaction never made."""
    state = parse_qs(urlsplit(callback).query)["state"][0]
    return bent(callback, state=state[:48] + "a" * 48)


Bend = Callable[[str], str]
STRAYS: list[tuple[StrayReason, str, Bend]] = [
    (StrayReason.UNKNOWN, NORTHBANK, lambda callback: bent(callback, state="a" * 96)),
    (StrayReason.UNKNOWN, NORTHBANK, lambda callback: bent(callback, state="")),
    (StrayReason.UNREADABLE, NORTHBANK, lambda callback: callback + "&state=twice"),
    (StrayReason.OTHER_ATTEMPT, NORTHBANK, another_attempt),
    (StrayReason.OTHER_PROVIDER, HARBOUR, lambda callback: callback.replace("/northbank", "/harbour")),
    (StrayReason.OTHER_PROVIDER, "", lambda callback: callback.replace("/northbank", "/nowhere")),
    (StrayReason.OTHER_ISSUER, NORTHBANK, lambda callback: bent(callback, iss="https://other.example")),
]


@pytest.mark.parametrize(("why", "provider", "bend"), STRAYS)
async def test_a_callback_that_does_not_belong_is_logged_and_counted(
    stage: Stage, raw_citizen: RawCitizen, caplog: pytest.LogCaptureFixture, why: StrayReason, provider: str, bend: Bend
) -> None:
    before = count(stage, "portico_stray_callbacks_total", provider=provider, why=why.value)
    await raw_citizen.begin()
    (await raw_citizen.choose()).expect(303)
    callback = await raw_citizen.away()
    reply = await raw_citizen.visit(bend(callback))
    [entry] = logged(caplog, "stray_callback")
    assert (entry["why"], entry["provider"]) == (why, provider)
    assert entry["request_id"] == reply.headers["X-Request-Id"]
    assert bool(entry["reference"]) is (why not in (StrayReason.UNKNOWN, StrayReason.UNREADABLE))
    assert count(stage, "portico_stray_callbacks_total", provider=provider, why=why.value) == before + 1
    # nothing changed by it: the true answer is still taken
    (await raw_citizen.visit(callback)).expect(303)
    assert not logged(caplog, "attempt_failed")
    caplog.clear()
    await raw_citizen.visit(callback)
    [entry] = logged(caplog, "stray_callback")
    assert entry["why"] == StrayReason.NOT_AWAITED


async def test_of_many_copies_of_one_callback_at_once_all_but_one_leave_a_trace(
    raw_citizen: RawCitizen, line: HttpSender, caplog: pytest.LogCaptureFixture
) -> None:
    await raw_citizen.begin()
    (await raw_citizen.choose()).expect(303)
    callback = await raw_citizen.away()
    copies = [RawCitizen(line, raw_citizen.service, raw_citizen.jar.copy()) for _ in range(5)]
    await asyncio.gather(*(one.visit(callback) for one in copies))
    entries = logged(caplog, "stray_callback")
    assert len(entries) == len(copies) - 1
    assert {one["why"] for one in entries} <= {StrayReason.NOT_AWAITED, StrayReason.TAKEN}
