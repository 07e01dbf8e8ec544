"""Security events of a provider: Security Event Tokens by push (RFC 8935) or poll (RFC 8936)."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from broker.crypto.jose import KeySet
from broker.crypto.jwe_upstream import DecryptionPolicy
from broker.model.json_types import JsonObject
from broker.model.provider_event import PolledEvents, ProviderEvent, RefusedEvent
from broker.normalize.dates import numeric_date
from broker.platform.http_client import HttpClient, HttpResponse
from broker.platform.refreshing_cache import RefreshingCache
from broker.platform.system import System
from providers.openid.config_tables import AcceptedForm
from providers.openid.errors import LOGOUT_TOKEN, UpstreamError, UpstreamFault
from providers.openid.event_config import EventDelivery, EventsConfig
from providers.openid.identity import MAX_SID
from providers.openid.metadata import CACHE_POLICY, KeySource
from providers.openid.token_claims import TokenClaims, check_token_claims
from providers.openid.token_opening import ProviderKeySet, TokenOpener, TokenPolicy

TYPE: Final = "secevent+jwt"
OLDEST: Final = 7 * 86_400.0
"""Seconds after its `iat` for which a token is accepted: a transmitter may have been unable to reach the broker."""

MAX_POLL: Final = 1_048_576
_LONGEST: Final = 256
_FAULTS: Final = replace(LOGOUT_TOKEN, name="event token", table="events")
_LOWERS: Final[Mapping[str, tuple[str, str]]] = {
    "assurance-level-change": ("change_direction", "decrease"),
    "credential-change": ("change_type", "revoke"),
}
"""Members of CAEP events that say that something is gone."""


@dataclass(frozen=True, slots=True)
class EventTerms:
    """What tokens of the provider must say: the issuer of its identities, the broker's client id there, the tolerated
    clock skew, and whether its `sub` is the subject of identities. `bearer` is the secret of the stream."""

    issuer: str
    client_id: str
    skew: float
    names_subjects: bool
    bearer: str


class SecurityEvents:
    """Reads the events of one provider, and polls them."""

    def __init__(
        self, config: EventsConfig, terms: EventTerms, keys: ProviderKeySet, client: HttpClient, system: System
    ) -> None:
        """`keys` are the provider's, used unless the events are signed with others."""
        self._config = config
        self._terms = terms
        self._client = client
        self._system = system
        self._bearer = terms.bearer
        self._source = KeySource(client)
        if config.jwks_uri is not None:
            keys = RefreshingCache(self._fetch_keys, system, CACHE_POLICY)
        policy = TokenPolicy(AcceptedForm.SIGNED, config.algorithms, DecryptionPolicy((), ()), _FAULTS)
        self._opener = TokenOpener(policy, keys, (), system)
        self._polled = float("-inf")

    async def _fetch_keys(self) -> KeySet:
        return await self._source.fetch(self._config.jwks_uri or "")

    async def read(self, token: str, authorization: str | None) -> ProviderEvent | RefusedEvent | None:
        """Validates a token (RFC 8417 2, SSF 1.0, 4.1). A pushed one comes with the provider's secret."""
        if (authorization is None) is (self._config.method is EventDelivery.PUSH):
            return None if authorization is not None else RefusedEvent("authentication_failed", "no secret")
        if authorization is not None and not self._is_bearer(authorization):
            return RefusedEvent("authentication_failed", "another secret")
        try:
            opened = await self._opener.open(token)
        except UpstreamError as refused:
            return RefusedEvent("invalid_key", refused.failure.detail)
        if str(opened.header.get("typ", "")).lower().removeprefix("application/") != TYPE:
            return RefusedEvent("invalid_request", "typ is not secevent+jwt")
        try:
            return self._event(opened.claims)
        except UpstreamError as refused:
            detail = refused.failure.detail
            error = "invalid_issuer" if ": iss " in detail else "invalid_audience" if ": aud " in detail else ""
            return RefusedEvent(error or "invalid_request", detail)

    def _is_bearer(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), self._bearer.encode())

    def _event(self, claims: JsonObject) -> ProviderEvent:
        config, terms, now = self._config, self._terms, self._system.now()
        expected = TokenClaims(
            "event token",
            issuer=config.issuer or terms.issuer,
            audience=config.audience or terms.client_id,
            now=now,
            skew=terms.skew,
            required=frozenset({"iss", "aud", "iat", "jti", "events"}),
        )
        check_token_claims(claims, expected, _rejected)
        if "sub" in claims or "exp" in claims:
            raise _rejected("event token: it has sub or exp, so it may be another token")
        issued = numeric_date(claims["iat"]) or 0.0
        if issued < now - OLDEST:
            raise _rejected("event token: it is too old")
        events, jti, txn = claims["events"], claims["jti"], claims.get("txn")
        if not isinstance(events, dict) or len(events) != 1:
            raise _rejected("event token: it has not one event")
        [(kind, members)] = events.items()
        if not isinstance(members, dict) or not _is_short(jti) or not (txn is None or _is_short(txn)):
            raise _rejected("event token: a member has another form")
        at = numeric_date(members.get("event_timestamp", claims["iat"])) or issued
        found = ProviderEvent(terms.issuer, str(jti), str(kind), min(at, now), txn=None if txn is None else str(txn))
        name, value = _LOWERS.get(kind.rpartition("/")[2], ("", ""))
        changed = members.get(name)
        found = replace(found, lowers=bool(name) and (changed == value or changed == "delete"))
        return self._with_subject(found, claims.get("sub_id", members.get("subject")))

    def _with_subject(self, event: ProviderEvent, subject: object) -> ProviderEvent:
        """The event with its citizen (RFC 9493; SSF 1.0, 3). A subject that could be two people's is unclear."""
        if isinstance(subject, dict) and subject.get("format") == "complex":
            if subject.keys() - {"format", "user", "session"}:
                return replace(event, unclear="the subject has members that are not known")
            session = subject.get("session")
            sid = session.get("id") if isinstance(session, dict) and session.get("format") == "opaque" else None
            if session is not None and not (isinstance(sid, str) and 1 <= len(sid) <= MAX_SID):
                return replace(event, unclear="the session is not in the format opaque")
            event = replace(event, sid=sid)
            if "user" not in subject and sid is not None:
                return event
            subject = subject.get("user")
        if not isinstance(subject, dict) or subject.get("format") != "iss_sub":
            kind = subject.get("format") if isinstance(subject, dict) else None
            return replace(event, sid=None, unclear=f"the subject is in the format {kind!r:.40}")
        sub = subject.get("sub")
        if subject.get("iss") != self._terms.issuer or not (isinstance(sub, str) and 1 <= len(sub) <= _LONGEST):
            return replace(event, sid=None, unclear="the subject is of another issuer")
        if not self._terms.names_subjects:
            return event if event.sid is not None else replace(event, unclear="identities have another subject")
        return replace(event, subject=sub)

    async def poll(self, taken: Sequence[str], refused: Sequence[str]) -> PolledEvents | None:
        """Fetches tokens, at most once in the interval of the settings unless some are to be acknowledged."""
        now = self._system.now()
        due = taken or refused or now - self._polled >= self._config.every
        if self._config.method is not EventDelivery.POLL or self._config.url is None or not due:
            return None
        self._polled = now
        errors = {name: {"err": "invalid_request", "description": "not accepted"} for name in refused}
        content = {"returnImmediately": True, "maxEvents": 50, "ack": list(taken), "setErrs": errors}
        headers = {"Authorization": f"Bearer {self._bearer}"}
        answer = await self._client.post_json(self._config.url, content, headers, limit=MAX_POLL)
        document = answer.json() if isinstance(answer, HttpResponse) and answer.status == 200 else None
        sets = document.get("sets") if isinstance(document, Mapping) else None
        if not isinstance(document, Mapping) or not isinstance(sets, dict):
            return None
        found = [(name, token) for name, token in sets.items() if isinstance(token, str) and _is_short(name)]
        return PolledEvents(found, document.get("moreAvailable") is True)


def _is_short(text: object) -> bool:
    return isinstance(text, str) and 1 <= len(text) <= _LONGEST


def _rejected(detail: str) -> UpstreamError:
    return UpstreamError(UpstreamFault.LOGOUT_TOKEN, detail)
