"""Streams of security events: metadata, and requests of the stream management API (SSF 1.0, 7, 8; RFC 8936).

Each function parses one request, or writes one response. A service has at most one stream. The transmitter supplies
`iss`, `aud`, what it supports and delivers; the receiver the rest.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from broker.model.event_stream import DeliveryMethod, EventStream, StreamStatus
from broker.model.json_types import JsonObject
from broker.oidc.errors import EndpointError
from broker.oidc.security_events import SUPPORTED

WELL_KNOWN: Final = "/.well-known/ssf-configuration"
SPEC_VERSION: Final = "1_0"
MIN_VERIFICATION_INTERVAL: Final = 5
"""Seconds between two requests for a verification event."""

MOST_SETS: Final = 100
"""Tokens in one response to a poll."""

_LONGEST_URL: Final = 2_048
_LONGEST_TEXT: Final = 1_024
_VISIBLE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?", re.ASCII)
_JTI: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignalEndpoints:
    """URLs of the stream management API."""

    issuer: str
    jwks: str

    @property
    def _base(self) -> str:
        return self.issuer.rstrip("/")

    def url(self, path: str) -> str:
        """The URL of a path."""
        return f"{self._base}{path}"

    def poll(self, stream: str) -> str:
        """Where the events of a stream are polled."""
        return f"{self._base}/ssf/poll/{stream}"

    def metadata(self) -> dict[str, object]:
        """Transmitter configuration metadata (SSF 1.0, 7.1)."""
        return {
            "spec_version": SPEC_VERSION,
            "issuer": self.issuer,
            "jwks_uri": self.jwks,
            "delivery_methods_supported": [method.value for method in DeliveryMethod],
            "configuration_endpoint": self.url("/ssf/streams"),
            "status_endpoint": self.url("/ssf/status"),
            "add_subject_endpoint": self.url("/ssf/subjects/add"),
            "remove_subject_endpoint": self.url("/ssf/subjects/remove"),
            "verification_endpoint": self.url("/ssf/verify"),
            "critical_subject_members": ["user", "session"],
            "authorization_schemes": [{"spec_urn": "urn:ietf:rfc:6749"}],
            "default_subjects": "ALL",
        }


def delivered(stream: EventStream) -> tuple[str, ...]:
    """Events of a stream: those of the supported ones that the service requested."""
    return SUPPORTED if stream.requested is None else tuple(one for one in SUPPORTED if one in stream.requested)


def stream_configuration(stream: EventStream, urls: SignalEndpoints) -> dict[str, object]:
    """Stream configuration (SSF 1.0, 8.1.1). The authorization header of the receiver is not returned."""
    push = stream.method is DeliveryMethod.PUSH
    configuration: dict[str, object] = {
        "stream_id": stream.id,
        **_supplied(stream, urls),
        "events_requested": list(SUPPORTED if stream.requested is None else stream.requested),
        "delivery": {"method": stream.method.value, "endpoint_url": stream.endpoint if push else urls.poll(stream.id)},
    }
    return configuration if stream.description is None else {**configuration, "description": stream.description}


def _supplied(stream: EventStream, urls: SignalEndpoints) -> dict[str, object]:
    """The members that the transmitter supplies."""
    return {
        "iss": urls.issuer,
        "aud": stream.client_id,
        "events_supported": list(SUPPORTED),
        "events_delivered": list(delivered(stream)),
        "min_verification_interval": MIN_VERIFICATION_INTERVAL,
    }


def stream_status(stream: EventStream) -> dict[str, object]:
    """Status of a stream (SSF 1.0, 8.1.2)."""
    status: dict[str, object] = {"stream_id": stream.id, "status": stream.status.value}
    return status if stream.reason is None else {**status, "reason": stream.reason}


def unknown_stream() -> EndpointError:
    """Error for a stream that the service does not have (SSF 1.0, 8.1.1.2)."""
    return EndpointError("not_found", "the service has no such stream", status=404)


def new_stream(body: JsonObject, base: EventStream, may_call: Callable[[str], bool]) -> EventStream:
    """Returns the stream that a service creates, from an empty one with its id (SSF 1.0, 8.1.1.1). Raises
    EndpointError."""
    if "stream_id" in body:
        raise _invalid("stream_id is not the receiver's to choose")
    return _with_members(body, base, may_call)


def updated_stream(
    body: JsonObject, stream: EventStream, urls: SignalEndpoints, may_call: Callable[[str], bool]
) -> EventStream:
    """Returns a stream with the members of a PATCH (SSF 1.0, 8.1.1.3). Raises EndpointError."""
    updated = _with_members(body, stream, may_call, urls.poll(stream.id))
    _check_supplied(body, stream, updated, urls)
    return updated


def replaced_stream(
    body: JsonObject, stream: EventStream, urls: SignalEndpoints, may_call: Callable[[str], bool]
) -> EventStream:
    """Returns a stream with the members of a PUT alone (SSF 1.0, 8.1.1.4). Raises EndpointError."""
    bare = EventStream(stream.id, stream.client_id, stream.created, stream.status, reason=stream.reason)
    return updated_stream(body, bare, urls, may_call)


def _check_supplied(body: JsonObject, before: EventStream, after: EventStream, urls: SignalEndpoints) -> None:
    """Members of the transmitter may be sent if they match (8.1.1.3). What is delivered follows what is requested."""
    present = _supplied(before, urls)
    for name, value in present.items():
        given = body.get(name, value)
        if given != value and not (name == "events_delivered" and given == list(delivered(after))):
            raise _invalid(f"{name} is supplied by the transmitter, and differs")


def stream_id(body: JsonObject) -> str:
    """`stream_id` of a request. Raises EndpointError."""
    found = body.get("stream_id")
    if not isinstance(found, str) or not found:
        raise _invalid("stream_id is missing")
    return found


def _with_members(
    body: JsonObject, stream: EventStream, may_call: Callable[[str], bool], poll_url: str | None = None
) -> EventStream:
    if "events_requested" in body:
        stream = replace(stream, requested=_requested(body["events_requested"]))
    if "description" in body:
        stream = replace(stream, description=_text(body["description"], "description"))
    if "delivery" in body:
        stream = _with_delivery(body["delivery"], stream, may_call, poll_url)
    return stream


def _requested(given: object) -> tuple[str, ...]:
    listed = given if isinstance(given, list) else None
    if listed is None or len(listed) > _LONGEST_TEXT or not all(isinstance(one, str) for one in listed):
        raise _invalid("events_requested is not a list of event types")
    return tuple(dict.fromkeys(one for one in listed if one in SUPPORTED))


def _with_delivery(
    given: object, stream: EventStream, may_call: Callable[[str], bool], poll_url: str | None
) -> EventStream:
    named = given.get("method") if isinstance(given, dict) else None
    if not isinstance(given, dict) or named not in list(DeliveryMethod):
        raise _invalid("delivery names no method that is supported")
    method, url, header = DeliveryMethod(str(named)), given.get("endpoint_url"), given.get("authorization_header")
    if method is DeliveryMethod.POLL:
        if url not in (None, poll_url):
            raise _invalid("the endpoint_url of a poll is the transmitter's")
        return replace(stream, method=method, endpoint=None, authorization=None)
    if not isinstance(url, str) or not _is_endpoint(url) or not may_call(url):
        raise _invalid("endpoint_url is not an https URL that may be called")
    if header is not None and not (isinstance(header, str) and _is_visible(header)):
        raise _invalid("authorization_header is not a header value")
    return replace(stream, method=method, endpoint=url, authorization=header)


def _is_endpoint(url: str) -> bool:
    """Whether a URL can be called: visible ASCII, with a host, without credentials and fragment."""
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > _LONGEST_URL:
        return False
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment and parts.port != 0
    except ValueError:
        return False


def _is_visible(text: str) -> bool:
    return len(text) <= _LONGEST_TEXT and _VISIBLE.fullmatch(text) is not None


def _text(given: object, name: str) -> str | None:
    if given is not None and not (isinstance(given, str) and len(given) <= _LONGEST_TEXT and given.isprintable()):
        raise _invalid(f"{name} is not a short text")
    return given


def with_status(body: JsonObject, stream: EventStream) -> EventStream:
    """Returns a stream with the status of a request (SSF 1.0, 8.1.2.2). Raises EndpointError."""
    status = body.get("status")
    if status not in list(StreamStatus):
        raise _invalid("status is not one of enabled, paused, disabled")
    return replace(stream, status=StreamStatus(str(status)), reason=_text(body.get("reason"), "reason"))


def subject(body: JsonObject, issuer: str) -> str:
    """`sub` of the citizen that a request to add or remove a subject names (SSF 1.0, 8.1.3). Raises EndpointError.

    Subjects are identified by the issuer and the `sub` that the service received, or by this within a complex subject.
    """
    given = body.get("subject")
    if isinstance(given, dict) and given.get("format") == "complex":
        given = given.get("user")
    if not isinstance(given, dict) or given.get("format") != "iss_sub":
        raise _invalid("the subject is not in the format iss_sub")
    sub = given.get("sub")
    if given.get("iss") != issuer or not isinstance(sub, str) or not 0 < len(sub) <= 255:
        raise _invalid("the subject is not one of this issuer")
    return sub


def verification_state(body: JsonObject) -> str | None:
    """`state` of a request for a verification event (SSF 1.0, 8.1.4.2). Raises EndpointError."""
    return _text(body.get("state"), "state")


@dataclass(frozen=True, slots=True)
class PollRequest:
    """Request for events (RFC 8936 2.2): how many, and what became of earlier ones by their `jti`."""

    most: int
    at_once: bool
    taken: tuple[str, ...]
    refused: tuple[str, ...]


def poll_request(body: JsonObject) -> PollRequest:
    """Parses a poll (RFC 8936 2.2). Raises EndpointError."""
    most, at_once = body.get("maxEvents", MOST_SETS), body.get("returnImmediately", False)
    if not isinstance(most, int) or isinstance(most, bool) or most < 0 or not isinstance(at_once, bool):
        raise _invalid("maxEvents is a number, and returnImmediately a boolean")
    taken, errors = body.get("ack", []), body.get("setErrs", {})
    if not isinstance(taken, list) or not isinstance(errors, dict) or len(taken) + len(errors) > 10 * MOST_SETS:
        raise _invalid("ack is a list, and setErrs an object")
    if not all(isinstance(one, str) and _JTI.fullmatch(one) for one in (*taken, *errors)):
        raise _invalid("ack and setErrs name tokens by their jti")
    return PollRequest(min(most, MOST_SETS), at_once, tuple(taken), tuple(errors))


def poll_response(sets: Sequence[tuple[str, str]], *, more: bool) -> dict[str, object]:
    """Response to a poll (RFC 8936 2.3): tokens by their `jti`."""
    return {"sets": dict(sets), "moreAvailable": more}


def _invalid(description: str) -> EndpointError:
    return EndpointError("invalid_request", description)
