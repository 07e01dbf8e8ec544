"""Userinfo request and its response (OpenID Connect Core 5.3): JSON, a signed token, an encrypted one, or both.

The response is read only in the configured form: JSON in place of a signed token would take the place of signed claims.
"""

from broker.crypto.jose import Verified
from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpResponse, NotJson
from broker.platform.system import System
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import UserinfoForm, UserinfoMethod
from providers.openid.describe import TokenForm, describe_token, token_form
from providers.openid.direct_calls import DirectCalls
from providers.openid.error_mapping import ErrorMap
from providers.openid.errors import USERINFO, UpstreamError, UpstreamFault
from providers.openid.token_claims import TokenClaims, check_token_claims
from providers.openid.token_opening import TokenOpener


class UserinfoReader:
    """Asks the userinfo endpoint of one provider."""

    def __init__(
        self, config: OpenIdConfig, calls: DirectCalls, opener: TokenOpener, errors: ErrorMap, system: System
    ) -> None:
        """`opener` opens the tokens of responses."""
        self._config = config
        by_post = config.userinfo_response.method is UserinfoMethod.POST
        self._fetch = calls.get_by_post if by_post else calls.get
        self._opener = opener
        self._errors = errors
        self._system = system
        self._form = config.userinfo_response.form

    async def ask(self, endpoint: str, access_token: str, subject: str, note: JsonObject) -> JsonObject:
        """The claims, which must have the subject of the ID token (5.3.2). Raises UpstreamError."""
        answer = await self._fetch(endpoint, access_token, note)
        if not isinstance(answer, HttpResponse):
            raise USERINFO.failed(answer)
        if answer.status != 200:
            raise self._errors.of_endpoint(USERINFO, answer)
        claims = _json(answer) if self._form is UserinfoForm.JSON else await self._open(_token(answer))
        if claims.get("sub") != subject:
            raise UpstreamError(UpstreamFault.USERINFO_SUBJECT, "userinfo: sub is not that of the ID token")
        return claims

    async def _open(self, text: str) -> JsonObject:
        if self._form is UserinfoForm.ENCRYPTED:
            return self._opener.open_unsigned(text)
        verified: Verified = await self._opener.open(text)
        expected = TokenClaims(
            "userinfo",
            issuer=self._config.issuer,
            audience=self._config.client_id,
            now=self._system.now(),
            skew=self._config.clock_skew,
        )
        check_token_claims(verified.claims, expected, _refused)
        return verified.claims


def _refused(detail: str) -> UpstreamError:
    return UpstreamError(UpstreamFault.USERINFO_CLAIMS, detail)


def _json(answer: HttpResponse) -> JsonObject:
    document = answer.json()
    if isinstance(document, NotJson):
        raise _unexpected_token(answer) or USERINFO.failed(document)
    return document


def _text(answer: HttpResponse) -> str:
    return answer.body.strip(b' \t\r\n"').decode("ascii", "replace")


def _token(answer: HttpResponse) -> str:
    """The token of a response. Providers use several media types for it, so its syntax decides."""
    text = _text(answer)
    if token_form(text) is None:
        raise UpstreamError(UpstreamFault.USERINFO_NOT_SIGNED, "userinfo: not a token, although one is configured")
    return text


def _unexpected_token(answer: HttpResponse) -> UpstreamError | None:
    """The description of a token instead of JSON, and the setting to change. None for any other response."""
    text = _text(answer)
    form = token_form(text)
    if form is None and answer.media_type != "application/jwt":
        return None
    fix = "set [openid.userinfo_response] form, or userinfo = false if the ID token contains the claims"
    if form is TokenForm.ENCRYPTED:
        came = f"userinfo: encrypted JWT ({describe_token(text)}), but JSON is configured"
        unset = "have the provider unset userinfo_encrypted_response_alg for this client"
        return UpstreamError(UpstreamFault.USERINFO_ENCRYPTED, f"{came}: {unset}, {fix}")
    came = f"userinfo: signed JWT ({describe_token(text)}), but JSON is configured"
    unset = "have the provider unset userinfo_signed_response_alg for this client"
    return UpstreamError(UpstreamFault.USERINFO_SIGNED, f"{came}: {unset}, {fix}")
