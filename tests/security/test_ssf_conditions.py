"""Each condition of the foundation's transmitter plans (SSF 1.0, CAEP interoperability profile), checked over HTTP.

The names are those of the conditions in the conformance suite's source (August 2026). `evidence` makes the calls of its
modules once, as the suite makes them; each row then looks at what was answered or delivered.
"""

import base64
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import jwt
import pytest

from tests.e2e.app_harness import Stage
from tests.e2e.raw_client import Reply, http_sender
from tests.e2e.relying_service import rides
from tests.security.endpoint_client import Endpoints
from tests.security.own_tokens import call, own_token
from tests.security.set_receiver import POLL, push_to, set_receiver
from tests.security.test_signals import CAEP, SESSION_REVOKED, VERIFICATION, Receiver, end_sessions, sign_in

SSF: Final = "https://schemas.openid.net/secevent/ssf/event-type/"
RISC: Final = "https://schemas.openid.net/secevent/risc/event-type/"
INTEROP: Final = tuple(f"{CAEP}{name}" for name in ("session-revoked", "credential-change", "device-compliance-change"))
"""What the suite requests."""
STANDARD: Final = {
    *(f"{SSF}{name}" for name in ("verification", "stream-updated")),
    *INTEROP,
    *(f"{CAEP}{name}" for name in ("token-claims-change", "assurance-level-change", "risk-level-change")),
    *(f"{CAEP}{name}" for name in ("session-established", "session-presented")),
    *(f"{RISC}account-{name}" for name in ("credential-change-required", "purged", "disabled", "enabled")),
    *(f"{RISC}{name}" for name in ("identifier-changed", "identifier-recycled", "credential-compromise")),
    *(f"{RISC}{name}" for name in ("opt-in", "opt-out-initiated", "opt-out-cancelled", "opt-out-effective")),
    *(f"{RISC}{name}" for name in ("recovery-activated", "recovery-information-changed", "sessions-revoked")),
}
HEADER: Final = "Bearer of-the-receiver"


@dataclass
class Delivered:
    """A SET as it came: the headers of its request, if it was pushed, and the token."""

    token: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def part(self, number: int) -> dict[str, Any]:
        """The JOSE header (0) or the claims (1)."""
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(self.token.split(".")[number] + "=="))
        return found


@dataclass
class Evidence:
    """What the transmitter answered and delivered."""

    metadata: Reply
    jwks: Reply
    replies: dict[str, Reply] = field(default_factory=dict)
    statuses: dict[str, Reply] = field(default_factory=dict)
    sets: dict[str, Delivered] = field(default_factory=dict)
    polls: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def stream(self) -> dict[str, Any]:
        """The stream as it was created."""
        return self.replies["create"].json


@pytest.fixture(scope="module")
async def evidence(stage: Stage) -> AsyncIterator[Evidence]:
    """The calls of all modules."""
    service = rides(stage.folder, stage.issuer)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session, http_sender() as line:
        endpoints = Endpoints(stage.issuer, session)
        receiver = Receiver(endpoints, await own_token(endpoints, service))
        metadata = await endpoints.send("GET", "/.well-known/ssf-configuration")
        jwks = await endpoints.send("GET", metadata.json["jwks_uri"].removeprefix(stage.issuer))
        found = Evidence(metadata, jwks)
        await control(receiver, found)
        await pushed(receiver, found)
        await polled(receiver, found)
        stream_id = (await receiver.create(delivery=POLL, events_requested=list(INTEROP)))["stream_id"]
        await end_sessions(stage, await sign_in(line, service))
        *_, token = (await receiver.poll())["sets"].values()  # sessions of other tests of this broker end too
        found.sets["session-revoked"] = Delivered(token)
        token = receiver.token
        found.replies["token in the query"] = await endpoints.send("GET", f"/ssf/streams?access_token={token}")
        reads = await own_token(endpoints, service, "ssf.read")
        found.replies["may read"] = await call(endpoints, "POST", "/ssf/streams", reads, {"delivery": POLL})
        found.replies["delete"] = await receiver.call("DELETE", f"/ssf/streams?stream_id={stream_id}")
        yield found


async def control(receiver: Receiver, found: Evidence) -> None:
    """`openid-ssf-stream-control-happy-path` and `-subject-control`."""
    body = {"delivery": push_to("http://localhost:9/ssf-push", HEADER), "events_requested": list(INTEROP)}
    found.replies["create"] = await receiver.call("POST", "/ssf/streams", body)
    about = {"stream_id": found.stream["stream_id"]}
    at = f"?stream_id={about['stream_id']}"
    found.replies["again"] = await receiver.call("POST", "/ssf/streams", body)
    found.replies["read"] = await receiver.call("GET", f"/ssf/streams{at}")
    found.replies["update"] = await receiver.call("PATCH", "/ssf/streams", {**about, **body})
    found.replies["replace"] = await receiver.call("PUT", "/ssf/streams", {**about, **body})
    found.replies["status"] = await receiver.call("GET", f"/ssf/status{at}")
    subject = {"format": "iss_sub", "iss": receiver.endpoints.issuer, "sub": "nobody"}
    found.replies["add"] = await receiver.call("POST", "/ssf/subjects/add", {**about, "subject": subject})
    found.replies["remove"] = await receiver.call("POST", "/ssf/subjects/remove", {**about, "subject": subject})
    for status in ("enabled", "paused", "disabled"):
        found.statuses[status] = await receiver.call("POST", "/ssf/status", {**about, "status": status})
    found.replies["delete disabled"] = await receiver.call("DELETE", f"/ssf/streams{at}")
    found.replies["read deleted"] = await receiver.call("GET", f"/ssf/streams{at}")


async def pushed(receiver: Receiver, found: Evidence) -> None:
    """`openid-ssf-transmitter-stream-verification-push` and `-error-push-no-auth`."""
    for name, header in (("push", HEADER), ("push without header", None)):
        async with set_receiver() as server:
            await receiver.create(delivery=push_to(server.url, header))
            found.replies["verify"] = await receiver.verify(state=f"state of {name}")
            [(headers, token)] = await server.next()
            found.sets[name] = Delivered(token, headers)


async def polled(receiver: Receiver, found: Evidence) -> None:
    """`openid-ssf-transmitter-stream-verification-poll-only`, `-poll-and-ack` and `-ack-only`."""
    await receiver.create(delivery=POLL)
    found.replies["stream that is polled"] = await receiver.call("GET", "/ssf/streams")
    (await receiver.verify(state="state of poll")).expect(204)
    found.polls["poll only"] = await receiver.poll(maxEvents=10)
    (name,), (token,) = zip(*found.polls["poll only"]["sets"].items(), strict=True)
    found.sets["poll"] = Delivered(token)
    found.polls["not acknowledged"] = await receiver.poll(maxEvents=10)
    found.polls["acknowledge only"] = await receiver.poll(maxEvents=0, ack=[name])
    found.polls["after it"] = await receiver.poll(maxEvents=10)
    for name, more in (("poll and acknowledge", "ack"), ("refused", "setErrs")):
        await receiver.create(delivery=POLL)
        (await receiver.verify(state=name)).expect(204)
        (jti,) = (await receiver.poll(maxEvents=10))["sets"]
        error = {jti: {"err": "invalid_key", "description": "x"}}
        found.polls[name] = await receiver.poll(maxEvents=10, **{more: [jti] if more == "ack" else error})


def _endpoints(found: Evidence) -> list[str]:
    return [value for name, value in found.metadata.json.items() if name.endswith("_endpoint") or name == "jwks_uri"]


def _keys(found: Evidence) -> list[dict[str, Any]]:
    keys: list[dict[str, Any]] = found.jwks.json["keys"]
    return keys


def _verified(found: Evidence, one: Delivered) -> dict[str, Any]:
    (key,) = [key for key in _keys(found) if key["kid"] == one.part(0)["kid"]]
    claims: dict[str, Any] = jwt.decode(one.token, jwt.PyJWK(key).key, ["RS256"], audience=found.stream["aud"])
    return claims


def _events(one: Delivered) -> dict[str, Any]:
    events: dict[str, Any] = one.part(1)["events"]
    return events


def _texts(event: Mapping[str, Any]) -> bool:
    """`OIDSSFValidateCaepCommonOptionalFields`."""
    reasons = [event[name] for name in ("reason_admin", "reason_user") if name in event]
    texts = [text for one in reasons for text in one.values()]
    return (
        isinstance(event.get("event_timestamp", 0), int | float)
        and event.get("initiating_entity", "user") in ("admin", "user", "policy", "system")
        and all(reasons)
        and all(isinstance(text, str) for text in texts)
    )


METADATA: Final[Sequence[tuple[str, Callable[[Evidence], bool]]]] = (
    ("EnsureHttpStatusCodeIs200", lambda e: e.metadata.status == 200),
    ("EnsureContentTypeJson", lambda e: e.metadata.headers["Content-Type"].startswith("application/json")),
    ("OIDSSFCheckTransmitterMetadataIssuer", lambda e: e.metadata.json["issuer"] == e.stream["iss"]),
    (
        "OIDSSFEnsureHttpsUrlsTransmitterMetadataCheck",
        # of the issuer's scheme, which is https in production
        lambda e: {urlsplit(url).scheme for url in _endpoints(e)} == {urlsplit(e.metadata.json["issuer"]).scheme},
    ),
    ("OIDSSFRequiredFieldsTransmitterMetadataCheck", lambda e: "issuer" in e.metadata.json),
    ("OIDSSFDefaultSubjectsTransmitterMetadataCheck", lambda e: e.metadata.json["default_subjects"] in ("ALL", "NONE")),
    (
        "OIDSSFAuthorizationSchemesTransmitterMetadataCheck",
        lambda e: all(one["spec_urn"].startswith("urn:") for one in e.metadata.json["authorization_schemes"]),
    ),
    (
        "OIDSSFCaepInteropAuthorizationSchemesTransmitterMetadataCheck",
        lambda e: {"spec_urn": "urn:ietf:rfc:6749"} in e.metadata.json["authorization_schemes"],
    ),
    (
        "OIDSSFCheckSupportedDeliveryMethods",
        lambda e: set(e.metadata.json["delivery_methods_supported"]) <= {"urn:ietf:rfc:8935", "urn:ietf:rfc:8936"},
    ),
    ("OIDSSFSpecVersionTransmitterMetadataCheck", lambda e: e.metadata.json["spec_version"] == "1_0"),
    *(
        (f"OIDSSFCheckRequiredField {name}", lambda e, name=name: name in e.metadata.json)
        for name in ("jwks_uri", "configuration_endpoint", "status_endpoint", "verification_endpoint")
    ),
    (
        "OIDSSFEnsureNonEmptyArrayClaimsCheck",
        lambda e: all(value for value in e.metadata.json.values() if isinstance(value, list)),
    ),
    ("FetchServerKeys", lambda e: e.jwks.status == 200),
    ("ValidateJwksSequence kid", lambda e: len({key["kid"] for key in _keys(e)}) == len(_keys(e)) > 0),
    ("ValidateJwksSequence private", lambda e: not any({"d", "p", "q", "k"} & key.keys() for key in _keys(e))),
    (
        "ValidateJwksSequence RSA",
        lambda e: all(len(key["n"]) * 6 >= 2048 for key in _keys(e) if key["kty"] == "RSA"),
    ),
)
STREAM: Final[Sequence[tuple[str, Callable[[Evidence], bool]]]] = (
    ("create EnsureHttpStatusCodeIs201", lambda e: e.replies["create"].status == 201),
    (
        "OIDSSFCheckTransmitterMetadataIssuerMatchesIssuerInResponse",
        lambda e: all(
            e.replies[name].json["iss"] == e.metadata.json["issuer"] for name in ("create", "read", "update", "replace")
        ),
    ),
    ("OIDSSFCheckStreamAudience", lambda e: e.stream["aud"] == "rides"),
    ("OIDSSFCheckStreamDeliveryMethod", lambda e: e.stream["delivery"]["method"] == "urn:ietf:rfc:8935"),
    (
        "OIDSSFStreamRequiredFieldsCheck",
        lambda e: {"stream_id", "iss", "aud", "events_delivered", "delivery"} <= e.stream.keys(),
    ),
    (
        "OIDSSFStreamOptionalFieldsCheck",
        lambda e: isinstance(e.stream["min_verification_interval"], int) and "description" not in e.stream,
    ),
    ("OIDSSFCheckSupportedEventsForStream", lambda e: set(e.stream["events_supported"]) <= STANDARD),
    (
        "OIDSSFEnsureAtLeastOneCaepInteropEventInStreamSupportedEvents",
        lambda e: bool(set(e.stream["events_supported"]) & set(INTEROP)),
    ),
    (
        "events_delivered is what is requested and supported",
        lambda e: set(e.stream["events_delivered"]) == set(INTEROP) & set(e.stream["events_supported"]),
    ),
    ("read EnsureHttpStatusCodeIs200", lambda e: e.replies["read"].status == 200),
    ("update EnsureHttpStatusCodeIs200", lambda e: e.replies["update"].status == 200),
    ("replace EnsureHttpStatusCodeIs200", lambda e: e.replies["replace"].status == 200),
    ("create again EnsureHttpStatusCodeIsAnyOf(201, 409)", lambda e: e.replies["again"].status in (201, 409)),
    ("read status EnsureHttpStatusCodeIs200", lambda e: e.replies["status"].status == 200),
    (
        "OIDSSFCheckExpectedJsonResponseContents status",
        lambda e: all(
            (reply.status, reply.json["status"], reply.json["stream_id"]) == (200, status, e.stream["stream_id"])
            for status, reply in e.statuses.items()
        ),
    ),
    ("add subject EnsureHttpStatusCodeIs200", lambda e: (e.replies["add"].status, e.replies["add"].body) == (200, b"")),
    ("remove subject EnsureHttpStatusCodeIs204", lambda e: e.replies["remove"].status == 204),
    ("delete EnsureHttpStatusCodeIs204", lambda e: e.replies["delete"].status == 204),
    ("delete a disabled stream EnsureHttpStatusCodeIs204", lambda e: e.replies["delete disabled"].status == 204),
    ("read a deleted stream EnsureHttpStatusCodeIs404", lambda e: e.replies["read deleted"].status == 404),
    ("verify EnsureHttpStatusCodeIs204", lambda e: e.replies["verify"].status == 204),
    (
        "Cache-Control of responses with a stream",
        lambda e: all("no-store" in e.replies[name].headers["Cache-Control"] for name in ("create", "read", "status")),
    ),
    ("CAEPIOP 2.7.3 no token in the query", lambda e: e.replies["token in the query"].status == 401),
    (
        "CAEPIOP 2.7.3 insufficient scope",
        lambda e: (
            (e.replies["may read"].status, e.replies["may read"].json["error"]) == (403, "insufficient_scope")
            and 'error="insufficient_scope"' in e.replies["may read"].headers["WWW-Authenticate"]
        ),
    ),
    (
        "the authorization header is not given back",
        lambda e: HEADER not in b"".join(reply.body for reply in e.replies.values()).decode(),
    ),
)
SET: Final[Sequence[tuple[str, Callable[[Evidence, Delivered], bool]]]] = (
    ("OIDSSFVerifySignatureOfSecurityEventToken", lambda e, one: bool(_verified(e, one))),
    ("OIDSSFEnsureEventSignedWithRsa256", lambda _, one: one.part(0)["alg"] == "RS256"),
    ("OIDSSFEnsureSecurityEventTokenUsesTypeSecEventJwt", lambda _, one: one.part(0)["typ"] == "secevent+jwt"),
    ("OIDSSFEnsureSecurityEventTokenContainsSingleEvent", lambda _, one: len(_events(one)) == 1),
    ("OIDSSFEnsureSecurityEventTokenDoesNotContainSubClaim", lambda _, one: "sub" not in one.part(1)),
    ("OIDSSFEnsureSecurityEventTokenDoesNotContainExpClaim", lambda _, one: "exp" not in one.part(1)),
    (
        "OIDSSFEnsureSecurityEventTokenIssuerMatchesStreamConfigurationIssuer",
        lambda e, one: one.part(1)["iss"] == e.stream["iss"],
    ),
    (
        "OIDSSFEnsureSecurityEventTokenIatIsNotInFuture",
        lambda _, one: isinstance(one.part(1)["iat"], int) and one.part(1)["iat"] <= time.time(),
    ),
    ("OIDSSFValidateSecurityEventTokenAudClaim", lambda _, one: isinstance(one.part(1)["aud"], str | list)),
    ("OIDSSFEnsureEventContainsStreamAudience", lambda e, one: one.part(1)["aud"] == e.stream["aud"]),
    ("OIDSSFValidateSecurityEventTokenTxnClaim", lambda _, one: isinstance(one.part(1).get("txn", ""), str)),
    ("jti", lambda _, one: isinstance(one.part(1)["jti"], str) and len(one.part(1)["jti"]) >= 16),
    (
        "sub_id at the top alone",
        lambda _, one: "format" in one.part(1)["sub_id"] and "subject" not in str(_events(one)),
    ),
    ("OIDSSFValidateCaepCommonOptionalFields", lambda _, one: all(_texts(event) for event in _events(one).values())),
)
DELIVERED: Final[Sequence[tuple[str, Callable[[Evidence], bool]]]] = (
    (
        "OIDSSFCheckVerificationEventState",
        lambda e: all(
            _events(e.sets[name])[VERIFICATION]["state"] == f"state of {name}"
            for name in ("push", "push without header", "poll")
        ),
    ),
    (
        "OIDSSFCheckVerificationEventSubjectId",
        lambda e: all(e.sets[name].part(1)["sub_id"]["format"] == "opaque" for name in ("push", "poll")),
    ),
    ("OIDSSFCheckVerificationAuthorizationHeader", lambda e: e.sets["push"].headers["Authorization"] == HEADER),
    (
        "OIDSSFEnsureNoAuthorizationHeaderIsPresentInPushRequest",
        lambda e: "Authorization" not in e.sets["push without header"].headers,
    ),
    (
        "RFC 8935 2.1 Content-Type and Accept",
        lambda e: (
            [e.sets["push"].headers[name] for name in ("Content-Type", "Accept")]
            == ["application/secevent+jwt", "application/json"]
        ),
    ),
    ("RFC 8935 2.1 body", lambda e: re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", e.sets["push"].token) is not None),
    ("OIDSSFExtractReceivedSETs", lambda e: list(e.polls["poll only"]["sets"]) == [e.sets["poll"].part(1)["jti"]]),
    ("RFC 8936 2.4 moreAvailable", lambda e: e.polls["poll only"].get("moreAvailable", False) is False),
    (
        "RFC 8936 2.4 not acknowledged, given again",
        lambda e: list(e.polls["not acknowledged"]["sets"]) == list(e.polls["poll only"]["sets"]),
    ),
    ("RFC 8936 2.4 acknowledge only", lambda e: e.polls["acknowledge only"]["sets"] == {}),
    ("RFC 8936 2.4 acknowledged, given no more", lambda e: e.polls["after it"]["sets"] == {}),
    ("RFC 8936 2.4 poll and acknowledge", lambda e: e.polls["poll and acknowledge"]["sets"] == {}),
    ("RFC 8936 2.4 with an error, given no more", lambda e: e.polls["refused"]["sets"] == {}),
    (
        "OIDSSFEnsureAllCaepInteropEventsReceived session-revoked",
        lambda e: list(_events(e.sets["session-revoked"])) == [SESSION_REVOKED],
    ),
    (
        "CAEPIOP 3.1 reason_admin",
        lambda e: _events(e.sets["session-revoked"])[SESSION_REVOKED]["reason_admin"]["en"] != "",
    ),
    (
        "CAEPIOP 2.5 subject of iss_sub",
        lambda e: {"format", "iss", "sub"} <= _user(e.sets["session-revoked"]).keys(),
    ),
)


def _user(one: Delivered) -> dict[str, Any]:
    subject: dict[str, Any] = one.part(1)["sub_id"]
    user: dict[str, Any] = subject["user"] if subject["format"] == "complex" else subject
    return user


@pytest.mark.parametrize(("name", "holds"), METADATA, ids=[name for name, _ in METADATA])
def test_a_condition_of_the_metadata_holds(name: str, holds: Callable[[Evidence], bool], evidence: Evidence) -> None:
    assert holds(evidence), (name, evidence.metadata.json)


@pytest.mark.parametrize(("name", "holds"), STREAM, ids=[name for name, _ in STREAM])
def test_a_condition_of_the_stream_holds(name: str, holds: Callable[[Evidence], bool], evidence: Evidence) -> None:
    assert holds(evidence), (name, evidence.replies)


@pytest.mark.parametrize("which", ["push", "push without header", "poll", "session-revoked"])
@pytest.mark.parametrize(("name", "holds"), SET, ids=[name for name, _ in SET])
def test_a_condition_of_every_token_holds(
    name: str, holds: Callable[[Evidence, Delivered], bool], which: str, evidence: Evidence
) -> None:
    one = evidence.sets[which]
    assert holds(evidence, one), (name, one.part(0), one.part(1))


@pytest.mark.parametrize(("name", "holds"), DELIVERED, ids=[name for name, _ in DELIVERED])
def test_a_condition_of_the_delivery_holds(name: str, holds: Callable[[Evidence], bool], evidence: Evidence) -> None:
    assert holds(evidence), (name, evidence.polls, evidence.sets)
