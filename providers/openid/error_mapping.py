"""Mapping of a provider's error codes to failure reasons."""

import re
from collections.abc import Mapping
from typing import Final

from broker.platform.http_client import HttpResponse
from broker.provider import ProviderFailureReason
from providers.openid.errors import PAR, TOKEN, UpstreamError, UpstreamFault

STANDARD: Final[Mapping[str, ProviderFailureReason]] = {
    # RFC 6749 4.1.2.1
    "access_denied": ProviderFailureReason.CANCELLED,
    "server_error": ProviderFailureReason.UNAVAILABLE,
    "temporarily_unavailable": ProviderFailureReason.UNAVAILABLE,
    # OpenID Connect Core 3.1.2.6
    "login_required": ProviderFailureReason.NOT_RECOGNISED,
    "interaction_required": ProviderFailureReason.NOT_RECOGNISED,
    "account_selection_required": ProviderFailureReason.NOT_RECOGNISED,
    "consent_required": ProviderFailureReason.DECLINED,
    # OpenID Connect Core Error Code unmet_authentication_requirements 1.0
    "unmet_authentication_requirements": ProviderFailureReason.TOO_WEAK,
}
"""Every other code says that the request was invalid: for the citizen the provider does not work."""

_CODE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,64}", re.ASCII)


def of_callback_error(error: str, own: Mapping[str, ProviderFailureReason]) -> UpstreamError:
    """The failure of an `error` in the callback. It came through the citizen's browser, so it is no evidence of an
    outage."""
    reason = own.get(error) or STANDARD.get(error, ProviderFailureReason.UNAVAILABLE)
    return UpstreamError(UpstreamFault.ANSWER_ERROR, f"the provider returned {_log_text(error)}", reason=reason)


def of_token_error(error: object, answer: HttpResponse, own: Mapping[str, ProviderFailureReason]) -> UpstreamError:
    """The failure of a 4xx response of the token endpoint with this `error` (RFC 6749 5.2).

    `invalid_grant` is a code that is invalid, expired, or was used before: anyone can cause it with an invented code.
    `invalid_client` is an error in the broker's registration there, so that no citizen can sign in.
    """
    if not isinstance(error, str):
        return TOKEN.failed(answer)
    detail = f"token endpoint: status {answer.status}, {_log_text(error)}"
    if error in own:
        return UpstreamError(UpstreamFault.TOKEN_ERROR, detail, reason=own[error])
    match error:
        case "invalid_grant":
            return UpstreamError(UpstreamFault.TOKEN_CODE, detail)
        case "invalid_client":
            return UpstreamError(UpstreamFault.TOKEN_CLIENT, detail)
        case "use_dpop_nonce":
            return UpstreamError(UpstreamFault.DPOP_NONCE, detail)
        case _:
            return UpstreamError(UpstreamFault.TOKEN_ERROR, detail, reason=STANDARD.get(error))


def of_pushed_error(error: object, answer: HttpResponse, own: Mapping[str, ProviderFailureReason]) -> UpstreamError:
    """The failure of a 4xx response to a pushed request (RFC 9126 2.3). The request holds nothing of the citizen."""
    if not isinstance(error, str):
        return PAR.failed(answer)
    detail = f"{PAR.name}: status {answer.status}, {_log_text(error)}"
    match error:
        case "invalid_client":
            return UpstreamError(UpstreamFault.PAR_CLIENT, detail)
        case "use_dpop_nonce":
            return UpstreamError(UpstreamFault.DPOP_NONCE, detail)
        case _:
            return UpstreamError(UpstreamFault.PAR_REFUSED, detail, reason=own.get(error) or STANDARD.get(error))


def _log_text(error: object) -> str:
    """An error code for the log."""
    return error if isinstance(error, str) and _CODE.fullmatch(error) else "an error that cannot be shown"
