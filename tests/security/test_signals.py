"""The transmitter of security events: what the foundation's plans play, and attacks (SSF 1.0, RFC 8935, RFC 8936)."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import jwt
import pytest

from broker.actions.outbox.logout_tokens import logout_fan_out
from broker.model.audit import AuditEvent
from tests.e2e.app_harness import Stage
from tests.e2e.raw_client import NORTHBANK, HttpSender, RawCitizen, Reply
from tests.e2e.relying_service import Service, land_register, rides
from tests.security.endpoint_client import Endpoints, Victim
from tests.security.own_tokens import call, own_token
from tests.security.set_receiver import POLL, push_to, set_receiver

CAEP: Final = "https://schemas.openid.net/secevent/caep/event-type/"
SESSION_REVOKED: Final = f"{CAEP}session-revoked"
VERIFICATION: Final = "https://schemas.openid.net/secevent/ssf/event-type/verification"
NO_SUBJECT: Final[Mapping[str, object]] = {"format": "iss_sub", "iss": "", "sub": "nobody"}


class Receiver:
    """A service that manages its stream."""

    def __init__(self, endpoints: Endpoints, token: str) -> None:
        self.endpoints = endpoints
        self.token = token
        self.stream: dict[str, Any] = {}

    async def call(self, method: str, path: str, content: object = None) -> Reply:
        """A call with its token."""
        return await call(self.endpoints, method, path, self.token, content)

    async def create(self, **members: object) -> dict[str, Any]:
        """Creates its stream in place of an earlier one."""
        for old in self.listed(await self.call("GET", "/ssf/streams")):
            (await self.call("DELETE", f"/ssf/streams?stream_id={old['stream_id']}")).expect(204)
        self.stream = (await self.call("POST", "/ssf/streams", members)).expect(201).json
        return self.stream

    @staticmethod
    def listed(reply: Reply) -> list[dict[str, Any]]:
        """The streams in a response."""
        found: list[dict[str, Any]] = json.loads(reply.body)
        return found

    async def verify(self, **members: object) -> Reply:
        """Asks for a verification event."""
        return await self.call("POST", "/ssf/verify", {"stream_id": self.stream["stream_id"], **members})

    async def poll(self, **members: object) -> dict[str, Any]:
        """Polls its stream."""
        path = self.stream["delivery"]["endpoint_url"].removeprefix(self.endpoints.issuer)
        return (await self.call("POST", path, {"returnImmediately": True, **members})).expect().json

    async def claims(self, token: str) -> dict[str, Any]:
        """The claims of a token, verified with the published keys."""
        metadata = (await self.endpoints.send("GET", "/.well-known/ssf-configuration")).expect().json
        jwks = (await self.endpoints.send("GET", metadata["jwks_uri"].removeprefix(self.endpoints.issuer))).json
        head = jwt.get_unverified_header(token)
        assert (head["typ"], head["alg"]) == ("secevent+jwt", "RS256")
        [key] = [one for one in jwks["keys"] if one["kid"] == head["kid"]]
        found: dict[str, Any] = jwt.decode(
            token, jwt.PyJWK(key).key, ["RS256"], audience="rides", issuer=metadata["issuer"]
        )
        assert found.keys().isdisjoint({"sub", "exp"})
        assert len(found["events"]) == 1
        return found


@pytest.fixture
async def receiver(endpoints: Endpoints, stage: Stage) -> AsyncIterator[Receiver]:
    """A service with the scope to manage its stream."""
    made = Receiver(endpoints, await own_token(endpoints, rides(stage.folder, stage.issuer)))
    yield made
    for old in made.listed(await made.call("GET", "/ssf/streams")):
        (await made.call("DELETE", f"/ssf/streams?stream_id={old['stream_id']}")).expect(204)


async def end_sessions(stage: Stage, subject: str) -> None:
    """An operator ends the sessions of the citizen whom the service knows by this `sub`."""
    sql, services = stage.parts.connections.sql_stores, stage.parts.configuration.registry.services
    account = await sql.questions.account(services["rides"].sector, subject)
    assert account is not None
    now = stage.parts.system.now()
    await sql.sessions.end_all(account, AuditEvent("session_ended", now, "olu"), logout_fan_out(services, now))


async def sign_in(line: HttpSender, service: Service) -> str:
    """A citizen signs in at the service. Returns their `sub` there."""
    citizen = RawCitizen(line, service)
    tokens = (await citizen.redeem(await citizen.code(NORTHBANK))).expect().json
    sub: str = jwt.decode(tokens["id_token"], options={"verify_signature": False})["sub"]
    return sub


async def test_the_metadata_say_where_and_how(endpoints: Endpoints) -> None:
    reply = (await endpoints.send("GET", "/.well-known/ssf-configuration")).expect()
    metadata = reply.json
    assert metadata["spec_version"] == "1_0"
    assert metadata["issuer"] == endpoints.issuer
    assert metadata["delivery_methods_supported"] == ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"]
    assert metadata["authorization_schemes"] == [{"spec_urn": "urn:ietf:rfc:6749"}]
    assert metadata["default_subjects"] == "ALL"
    for name in ("configuration", "status", "add_subject", "remove_subject", "verification"):
        assert metadata[f"{name}_endpoint"].startswith(f"{endpoints.issuer}/ssf/")


async def test_a_stream_is_created_read_changed_replaced_and_deleted(receiver: Receiver) -> None:
    made = await receiver.create(delivery=POLL, events_requested=[SESSION_REVOKED, "urn:unknown"], description="ours")
    stream_id = made["stream_id"]
    assert (made["iss"], made["aud"]) == (receiver.endpoints.issuer, "rides")
    assert made["events_delivered"] == made["events_requested"] == [SESSION_REVOKED]
    assert made["delivery"]["endpoint_url"] == f"{receiver.endpoints.issuer}/ssf/poll/{stream_id}"
    assert (await receiver.call("GET", f"/ssf/streams?stream_id={stream_id}")).expect().json == made
    assert receiver.listed(await receiver.call("GET", "/ssf/streams")) == [made]
    (await receiver.call("POST", "/ssf/streams", {"delivery": POLL})).expect(409)
    changed = (await receiver.call("PATCH", "/ssf/streams", {**made, "description": "new"})).expect().json
    assert changed == {**made, "description": "new"}
    pushed = {"stream_id": stream_id, "delivery": push_to("http://localhost:9/", "Bearer x"), "iss": made["iss"]}
    replaced = (await receiver.call("PUT", "/ssf/streams", pushed)).expect().json
    assert "description" not in replaced
    assert replaced["delivery"] == push_to("http://localhost:9/")
    assert replaced["events_delivered"] == replaced["events_supported"]
    (await receiver.call("DELETE", f"/ssf/streams?stream_id={stream_id}")).expect(204)
    (await receiver.call("GET", f"/ssf/streams?stream_id={stream_id}")).expect(404)
    assert receiver.listed(await receiver.call("GET", "/ssf/streams")) == []


async def test_the_status_of_a_stream_is_read_and_set(receiver: Receiver) -> None:
    stream_id = (await receiver.create(delivery=POLL))["stream_id"]
    for status in ("paused", "disabled", "enabled"):
        told = {"stream_id": stream_id, "status": status, "reason": "we said so"}
        assert (await receiver.call("POST", "/ssf/status", told)).expect().json == told
        assert (await receiver.call("GET", f"/ssf/status?stream_id={stream_id}")).expect().json == told


async def test_a_verification_event_is_polled_until_it_is_acknowledged(receiver: Receiver) -> None:
    stream_id = (await receiver.create(delivery=POLL))["stream_id"]
    (await receiver.verify(state="abc")).expect(204)
    (await receiver.verify(state="too soon")).expect(429)
    found = await receiver.poll(maxEvents=10)
    [(name, token)] = found["sets"].items()
    assert found["moreAvailable"] is False
    claims = await receiver.claims(token)
    assert claims["jti"] == name
    assert claims["events"] == {VERIFICATION: {"state": "abc"}}
    assert claims["sub_id"] == {"format": "opaque", "id": stream_id}
    assert (await receiver.poll())["sets"].keys() == {name}
    assert (await receiver.poll(maxEvents=0, ack=[name]))["sets"] == {}
    assert (await receiver.poll())["sets"] == {}


async def test_the_end_of_a_session_reaches_the_service_by_a_poll_unless_the_citizen_was_removed(
    receiver: Receiver, line: HttpSender, stage: Stage
) -> None:
    service = rides(stage.folder, stage.issuer)
    stream_id = (await receiver.create(delivery=POLL))["stream_id"]
    subject = await sign_in(line, service)
    named = {"format": "iss_sub", "iss": receiver.endpoints.issuer, "sub": subject}
    await end_sessions(stage, subject)
    found = await receiver.poll()
    ended = [await receiver.claims(token) for token in found["sets"].values()]
    assert [claims["sub_id"]["user"] for claims in ended] == [named] * len(ended)
    assert ended[-1]["events"][SESSION_REVOKED]["initiating_entity"] == "user"
    await receiver.poll(maxEvents=0, setErrs={name: {"err": "invalid_key"} for name in found["sets"]})
    # the broker is shared: other tests may have left this citizen more sessions than one poll takes
    while more := (await receiver.poll())["sets"]:
        assert not more.keys() & found["sets"].keys()
        await receiver.poll(maxEvents=0, ack=[*more])

    about = {"stream_id": stream_id, "subject": named}
    (await receiver.call("POST", "/ssf/subjects/remove", about)).expect(204)
    await sign_in(line, service)
    await end_sessions(stage, subject)
    assert (await receiver.poll())["sets"] == {}
    (await receiver.call("POST", "/ssf/subjects/add", about)).expect(200)
    await sign_in(line, service)
    await end_sessions(stage, subject)
    assert len((await receiver.poll())["sets"]) == 1


async def test_events_are_pushed_in_their_order_and_wait_for_a_paused_stream(receiver: Receiver) -> None:
    async with set_receiver() as server:
        made = await receiver.create(delivery=push_to(server.url, "Bearer of-the-receiver"))
        about = {"stream_id": made["stream_id"]}
        server.answers.append((503, {}))
        (await receiver.verify(state="first")).expect(204)
        [(headers, token)] = await server.next()
        assert headers["Content-Type"] == "application/secevent+jwt"
        assert headers["Accept"] == "application/json"
        assert headers["Authorization"] == "Bearer of-the-receiver"
        assert (await receiver.claims(token))["events"] == {VERIFICATION: {"state": "first"}}
        (await receiver.call("POST", "/ssf/status", {**about, "status": "paused"})).expect()
        assert len(server.came) == 1
        poll = await receiver.call("POST", f"/ssf/poll/{made['stream_id']}", {"returnImmediately": True})
        assert poll.expect(400).json["error"] == "invalid_request"


async def test_a_push_without_a_header_has_none_and_a_refused_one_is_not_repeated(receiver: Receiver) -> None:
    async with set_receiver() as server:
        await receiver.create(delivery=push_to(server.url))
        server.answers.append((400, {"err": "invalid_audience", "description": "not ours"}))
        (await receiver.verify()).expect(204)
        [(headers, token)] = await server.next()
        assert "Authorization" not in headers
        assert (await receiver.claims(token))["events"] == {VERIFICATION: {}}


async def test_events_of_a_disabled_or_deleted_stream_are_dropped(receiver: Receiver) -> None:
    stream_id = (await receiver.create(delivery=POLL))["stream_id"]
    (await receiver.verify(state="lost")).expect(204)
    (await receiver.call("POST", "/ssf/status", {"stream_id": stream_id, "status": "disabled"})).expect()
    (await receiver.call("POST", "/ssf/status", {"stream_id": stream_id, "status": "enabled"})).expect()
    assert (await receiver.poll())["sets"] == {}
    await receiver.create(delivery=POLL)
    (await receiver.verify(state="lost")).expect(204)
    await receiver.create(delivery=POLL)
    assert (await receiver.poll())["sets"] == {}


CALLS: Final = (
    ("GET", "/ssf/streams", None),
    ("POST", "/ssf/streams", {"delivery": POLL}),
    ("PATCH", "/ssf/streams", {"stream_id": "x"}),
    ("PUT", "/ssf/streams", {"stream_id": "x"}),
    ("DELETE", "/ssf/streams?stream_id=x", None),
    ("GET", "/ssf/status?stream_id=x", None),
    ("POST", "/ssf/status", {"stream_id": "x", "status": "paused"}),
    ("POST", "/ssf/subjects/add", {"stream_id": "x", "subject": NO_SUBJECT}),
    ("POST", "/ssf/subjects/remove", {"stream_id": "x", "subject": NO_SUBJECT}),
    ("POST", "/ssf/verify", {"stream_id": "x"}),
    ("POST", "/ssf/poll/x", {"returnImmediately": True}),
)
"""Each call of the API, about a stream that does not exist."""


@pytest.mark.parametrize(("method", "path", "content"), CALLS)
async def test_a_call_without_a_token_or_with_a_bad_one_is_rejected(
    endpoints: Endpoints, held: Victim, method: str, path: str, content: object
) -> None:
    for token in (None, "own_" + "A" * 32, held.access, "x", ""):
        reply = await call(endpoints, method, path, token, content)
        assert reply.status == 401, (token, reply.status)
        assert reply.json["error"] == "invalid_token"
        assert "WWW-Authenticate" in reply.headers


async def test_a_token_that_may_read_changes_nothing(endpoints: Endpoints, receiver: Receiver, stage: Stage) -> None:
    made = await receiver.create(delivery=POLL)
    reads = await own_token(endpoints, rides(stage.folder, stage.issuer), "ssf.read")
    for method, path, content in CALLS:
        may = method == "GET" or path.startswith("/ssf/poll")
        reply = await call(endpoints, method, path, reads, content)
        assert reply.status in ((200, 404) if may else (403,)), (method, path, reply.status)
    assert receiver.listed(await receiver.call("GET", "/ssf/streams")) == [made]


@pytest.mark.parametrize(("method", "path", "content"), CALLS[2:])
async def test_a_stream_that_is_unknown_or_of_another_service_is_not_found(
    receiver: Receiver, method: str, path: str, content: object
) -> None:
    await receiver.create(delivery=POLL)
    assert (await receiver.call(method, path, content)).expect(404).json["error"] == "not_found"


HOSTILE_DELIVERIES: Final[Mapping[str, object]] = {
    "no object": "urn:ietf:rfc:8935",
    "no method": {},
    "an unknown method": {"method": "urn:ietf:rfc:9999"},
    "a list as method": {"method": ["urn:ietf:rfc:8935"]},
    "push to nowhere": {"method": "urn:ietf:rfc:8935"},
    "push to a number": {"method": "urn:ietf:rfc:8935", "endpoint_url": 7},
    "push to a file": push_to("file:///etc/passwd"),
    "push to another scheme": push_to("gopher://receiver.example/"),
    "push to no host": push_to("https:///x"),
    "credentials in the URL": push_to("https://a:b@receiver.example/"),
    "a fragment": push_to("https://receiver.example/#x"),
    "a space": push_to("https://receiver.example/a b"),
    "a line break": push_to("https://receiver.example/\r\nHost: x"),
    "a bracket that does not close": push_to("https://[::1/"),
    "a long URL": push_to("https://receiver.example/" + "a" * 3000),
    "letters beyond ASCII": push_to("https://r\u00e9ceiver.example/"),
    "a header with a line break": push_to("https://receiver.example/", "Bearer x\r\nX: y"),
    "an empty header": push_to("https://receiver.example/", ""),
    "a long header": push_to("https://receiver.example/", "B" * 2000),
    "a header that is none": {**push_to("https://receiver.example/"), "authorization_header": 7},
    "a poll elsewhere": {**POLL, "endpoint_url": "https://receiver.example/"},
}


async def test_a_stream_with_a_hostile_delivery_is_not_created(receiver: Receiver) -> None:
    for name, delivery in HOSTILE_DELIVERIES.items():
        reply = await receiver.call("POST", "/ssf/streams", {"delivery": delivery})
        assert (reply.status, reply.json["error"]) == (400, "invalid_request"), name
    assert receiver.listed(await receiver.call("GET", "/ssf/streams")) == []


HOSTILE_MEMBERS: Final[tuple[Mapping[str, object], ...]] = (
    {"iss": "https://other.example"},
    {"aud": "library"},
    {"aud": ["rides", "library"]},
    {"events_supported": []},
    {"events_delivered": [f"{CAEP}device-compliance-change"]},
    {"min_verification_interval": 0},
    {"events_requested": "all"},
    {"events_requested": [7]},
    {"description": 7},
    {"description": "a\nb"},
    {"description": "a" * 2000},
    {"delivery": None},
)


async def test_members_of_the_transmitter_cannot_be_changed_nor_others_be_malformed(receiver: Receiver) -> None:
    made = await receiver.create(delivery=POLL, events_requested=[SESSION_REVOKED])
    for members in HOSTILE_MEMBERS:
        for method in ("PATCH", "PUT"):
            reply = await receiver.call(method, "/ssf/streams", {"stream_id": made["stream_id"], **members})
            assert (reply.status, reply.json["error"]) == (400, "invalid_request"), (method, members)
    assert receiver.listed(await receiver.call("GET", "/ssf/streams")) == [made]


@pytest.mark.parametrize(
    "raw",
    [b"", b";{ broken", b"[]", b"7", b'{"a":1,"a":2}', b"\xff", b'{"a":NaN}', b"[" * 5000, b'{"delivery":"\\ud800"}'],
)
async def test_a_body_that_is_no_object_is_rejected(receiver: Receiver, raw: bytes) -> None:
    await receiver.create(delivery=POLL)
    for method, path, _ in CALLS:
        if method in ("POST", "PATCH", "PUT"):
            reply = await call(receiver.endpoints, method, path, receiver.token, raw=raw)
            assert (reply.status, reply.json["error"]) == (400, "invalid_request"), (method, path)


HOSTILE_SUBJECTS: Final[tuple[object, ...]] = (
    None,
    "sub",
    {},
    {"format": "email", "email": "a@example.org"},
    {"format": "iss_sub", "sub": "x"},
    {"format": "iss_sub", "iss": "https://other.example", "sub": "x"},
    {"format": "iss_sub", "iss": "ISSUER", "sub": 7},
    {"format": "iss_sub", "iss": "ISSUER", "sub": "x" * 256},
    {"format": "complex", "session": {"format": "opaque", "id": "x"}},
)


async def test_a_subject_of_another_issuer_or_format_is_rejected_and_an_unknown_one_is_silent(
    receiver: Receiver,
) -> None:
    stream_id = (await receiver.create(delivery=POLL))["stream_id"]
    issuer = receiver.endpoints.issuer
    for path, status in (("/ssf/subjects/add", 200), ("/ssf/subjects/remove", 204)):
        for given in HOSTILE_SUBJECTS:
            subject = {**given, "iss": issuer} if isinstance(given, dict) and given.get("iss") == "ISSUER" else given
            (await receiver.call("POST", path, {"stream_id": stream_id, "subject": subject})).expect(400)
        unknown = {"format": "iss_sub", "iss": issuer, "sub": "nobody"}
        (await receiver.call("POST", path, {"stream_id": stream_id, "subject": unknown})).expect(status)
    columns = await receiver.call("GET", f"/ssf/status?stream_id={stream_id}")
    assert columns.expect().json == {"stream_id": stream_id, "status": "enabled"}


@pytest.mark.parametrize("status", [None, 7, "on", ["paused"], {"status": "paused"}, "PAUSED"])
async def test_an_unknown_status_is_rejected(receiver: Receiver, status: object) -> None:
    stream_id = (await receiver.create(delivery=POLL))["stream_id"]
    (await receiver.call("POST", "/ssf/status", {"stream_id": stream_id, "status": status})).expect(400)


@pytest.mark.parametrize(
    "request_members",
    [
        {"maxEvents": -1},
        {"maxEvents": "7"},
        {"maxEvents": True},
        {"returnImmediately": "yes"},
        {"ack": "jti"},
        {"ack": [7]},
        {"ack": ["event:x"]},
        {"ack": ["x"] * 2000},
        {"setErrs": []},
        {"setErrs": {"a b": {}}},
    ],
)
async def test_a_malformed_poll_is_rejected(receiver: Receiver, request_members: Mapping[str, object]) -> None:
    stream_id = (await receiver.create(delivery=POLL))["stream_id"]
    reply = await receiver.call("POST", f"/ssf/poll/{stream_id}", {"returnImmediately": True, **request_members})
    assert reply.expect(400).json["error"] == "invalid_request"


async def test_an_event_of_another_service_can_be_neither_polled_nor_acknowledged(
    receiver: Receiver, endpoints: Endpoints, stage: Stage
) -> None:
    await receiver.create(delivery=POLL)
    (await receiver.verify(state="ours")).expect(204)
    [name] = (await receiver.poll())["sets"]
    other = land_register(stage.folder, stage.issuer, stage.service)
    reply = await endpoints.post("/token", {"grant_type": "client_credentials", **other.assertion()})
    assert reply.status == 400
    assert (await receiver.poll(ack=["A" * 32]))["sets"].keys() == {name}
