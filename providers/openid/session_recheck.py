"""Recheck of a sign-in by its refresh token (OpenID Connect Core 12): the provider confirms it, or the session ends.

At the sign-in `begin_grant` stores what a refreshed ID token has to repeat. A recheck redeems the refresh token, keeps
the new one, validates the new ID token, and asks userinfo with the new access token. It changes no claim and no level:
these are of the sign-in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, NotRequired, TypedDict, cast

from broker.model.identity import Identity, UpstreamGrant
from broker.model.json_types import JsonObject
from broker.platform.system import System
from broker.provider import Recheck
from providers.openid.attempt_note import AttemptNote
from providers.openid.config import OpenIdConfig
from providers.openid.direct_calls import DirectCalls
from providers.openid.error_mapping import ErrorMap
from providers.openid.errors import UpstreamError, UpstreamFault
from providers.openid.id_token_checks import (
    Claims,
    ExpectedIdToken,
    check_access_token,
    check_audience,
    check_issuer,
    check_nonce,
    check_subject,
    check_times,
)
from providers.openid.logout_request import with_logout_tokens
from providers.openid.metadata import Metadata
from providers.openid.token_binding import TokenBinding
from providers.openid.token_endpoint import REFRESH_TOKEN, RefreshResponse, TokenResponse, refresh
from providers.openid.token_opening import TokenOpener
from providers.openid.userinfo import UserinfoReader

RECHECK_WITHIN: Final = 5.0
"""Timeout of all calls of a recheck together, in seconds. A citizen waits for it in the request of a service."""


class GrantNote(TypedDict):
    """State of a grant: the refresh token, and claims of the first ID token. `dpop` is the secret of the key to which a
    public client's refresh token is bound (RFC 9449 5)."""

    refresh_token: NotRequired[str]
    sub: str
    nonce: str
    auth_time: NotRequired[object]
    dpop: NotRequired[str]


@dataclass(frozen=True, slots=True)
class RecheckParts:
    """What reads the documents of a response, built once for sign-ins and rechecks. `userinfo` is None if there is
    nothing to ask it."""

    id_tokens: TokenOpener
    userinfo: UserinfoReader | None
    binding: TokenBinding | None
    errors: ErrorMap


def begin_grant(
    identity: Identity, tokens: TokenResponse, id_token: JsonObject, note: AttemptNote, now: float
) -> Identity:
    """The identity with what is needed to ask about it again."""
    grant: GrantNote = {"sub": str(id_token["sub"]), "nonce": note["nonce"]}
    if tokens.refresh_token is not None:
        grant["refresh_token"] = tokens.refresh_token
    if "auth_time" in id_token:
        grant["auth_time"] = id_token["auth_time"]
    if "dpop" in note:
        grant["dpop"] = note["dpop"]
    return replace(identity, grant=UpstreamGrant(cast(JsonObject, grant), now))


class SessionRecheck:
    """Asks one provider about sign-ins."""

    def __init__(self, config: OpenIdConfig, calls: DirectCalls, parts: RecheckParts, system: System) -> None:
        """`calls` are the direct calls to the provider."""
        self._config = config
        self._calls = calls
        self._parts = parts
        self._system = system

    async def ask(self, metadata: Callable[[], Awaitable[Metadata]], identity: Identity) -> Recheck:
        """Redeems the refresh token of an identity, once. `metadata` is fetched if it is not cached."""
        held, note = identity, {} if identity.grant is None else identity.grant.note
        token = note.get("refresh_token") if identity.issuer == self._config.issuer else None
        if token is None:
            missing = UpstreamError(UpstreamFault.GRANT_GONE, "there is no refresh token of this issuer")
            return Recheck(identity, missing.failure)
        try:
            async with asyncio.timeout(RECHECK_WITHIN):
                asked, known = self._system.now(), await metadata()
                tokens = await refresh(self._calls, known, self._parts.errors, str(token), note)
                held = self._renewed(identity, tokens)
                if self._parts.binding is not None:
                    await self._parts.binding.check(known, tokens.access_token, note)
                await self._confirm(known, identity, tokens, note, asked)
        except UpstreamError as refused:
            return Recheck(held, replace(refused.failure, ends_session=not refused.failure.outage))
        except TimeoutError:
            late = UpstreamError(UpstreamFault.BUDGET_SPENT, "the calls of a recheck took too long")
            return Recheck(held, late.failure)
        return Recheck(with_logout_tokens(self._config, held, known, tokens.id_token, tokens.access_token))

    async def revoke(self, metadata: Metadata, note: JsonObject) -> None:
        """Revokes a refresh token (RFC 7009), if the provider can. Its answer changes nothing."""
        if metadata.revocation_endpoint is not None and "refresh_token" in note:
            form = {"token": str(note["refresh_token"]), "token_type_hint": REFRESH_TOKEN}
            await self._calls.post(metadata, metadata.revocation_endpoint, form, {})

    def _renewed(self, identity: Identity, tokens: RefreshResponse) -> Identity:
        """The identity with the refresh token of the response, or the old one if it has none (12.2)."""
        if identity.grant is None or tokens.refresh_token is None:
            return identity
        note = {**identity.grant.note, "refresh_token": tokens.refresh_token}
        return replace(identity, grant=replace(identity.grant, note=note))

    async def _confirm(
        self, metadata: Metadata, identity: Identity, tokens: RefreshResponse, note: JsonObject, asked: float
    ) -> None:
        """Validates what the response says about the person. Raises UpstreamError."""
        asks = self._parts.userinfo is not None and metadata.userinfo_endpoint is not None
        if tokens.id_token is not None:
            verified = await self._parts.id_tokens.open(tokens.id_token)
            expected = ExpectedIdToken(
                issuer=identity.issuer,
                client_id=self._config.client_id,
                audiences=frozenset(self._config.audiences),
                nonce=str(note["nonce"]),
                departed=asked,
                now=self._system.now(),
                skew=self._config.clock_skew,
                oldest=None,
                access_token=tokens.access_token,
                algorithm=str(verified.header["alg"]),
            )
            check_refreshed(verified.claims, expected, note)
        elif not asks:
            raise UpstreamError(UpstreamFault.TOKEN_MISSING, "token endpoint: no ID token, and userinfo is not asked")
        if self._parts.userinfo is not None and metadata.userinfo_endpoint is not None:
            await self._parts.userinfo.ask(metadata.userinfo_endpoint, tokens.access_token, str(note["sub"]), note)


def check_refreshed(claims: Claims, expected: ExpectedIdToken, first: JsonObject) -> None:
    """The refreshed ID token is about the same sign-in as the `first` one (12.2). Raises UpstreamError.

    A nonce may be missing, and so may the time of the authentication; what is there is the same.
    """
    check_issuer(claims, expected)
    check_subject(claims, expected)
    if claims["sub"] != first["sub"]:
        raise UpstreamError(UpstreamFault.ID_TOKEN_SUBJECT, "ID token: sub is not that of the sign-in")
    check_audience(claims, expected)
    check_times(claims, expected)
    if claims.get("nonce") is not None:
        check_nonce(claims, expected)
    check_access_token(claims, expected)
    known, found = first.get("auth_time"), claims.get("auth_time")
    if None not in (known, found) and known != found:
        raise UpstreamError(UpstreamFault.SIGN_IN_TIME_WRONG, "ID token: auth_time is not that of the sign-in")
