"""Mapping of a provider's error codes to failure reasons."""

import re
from collections.abc import Mapping
from typing import Final

from broker.model.json_types import JsonObject
from broker.platform.http_client import HttpResponse
from broker.provider import ProviderFailureReason
from providers.openid.config import OpenIdConfig
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


def reason_of(error: str, description: object, config: OpenIdConfig) -> ProviderFailureReason | None:
    """The configured reason of an error: by its description, by its code, or by the standard's; None if none is known.

    The description is compared and never logged: it may contain anything.
    """
    if isinstance(description, str):
        text = description.lower()
        for beginning, reason in config.error_descriptions.items():
            if text.startswith(beginning.lower()):
                return reason
    return config.errors.get(error) or STANDARD.get(error)


def of_callback_error(error: str, description: str | None, config: OpenIdConfig) -> UpstreamError:
    """The failure of an `error` in the callback. It came through the citizen's browser, so it is no evidence of an
    outage."""
    reason = reason_of(error, description, config) or ProviderFailureReason.UNAVAILABLE
    return UpstreamError(UpstreamFault.ANSWER_ERROR, f"the provider returned {log_text(error)}", reason=reason)


def of_token_error(document: JsonObject, answer: HttpResponse, config: OpenIdConfig) -> UpstreamError:
    """The failure of a 4xx response of the token endpoint (RFC 6749 5.2).

    `invalid_grant` is a code that is invalid, expired, or was used before: anyone can cause it with an invented code.
    `invalid_client` is an error in the broker's registration there, so that no citizen can sign in.
    """
    error = document.get("error")
    if not isinstance(error, str):
        return TOKEN.failed(answer)
    detail = f"token endpoint: status {answer.status}, {log_text(error)}"
    reason = reason_of(error, document.get("error_description"), config)
    if reason is not None and reason is not STANDARD.get(error):
        return UpstreamError(UpstreamFault.TOKEN_ERROR, detail, reason=reason)
    match error:
        case "invalid_grant":
            return UpstreamError(UpstreamFault.TOKEN_CODE, detail)
        case "invalid_client":
            return UpstreamError(UpstreamFault.TOKEN_CLIENT, detail)
        case "use_dpop_nonce":
            return UpstreamError(UpstreamFault.DPOP_NONCE, detail)
        case _:
            return UpstreamError(UpstreamFault.TOKEN_ERROR, detail, reason=reason)


def of_pushed_error(document: JsonObject, answer: HttpResponse, config: OpenIdConfig) -> UpstreamError:
    """The failure of a 4xx response to a pushed request (RFC 9126 2.3). The request holds nothing of the citizen."""
    error = document.get("error")
    if not isinstance(error, str):
        return PAR.failed(answer)
    detail = f"{PAR.name}: status {answer.status}, {log_text(error)}"
    match error:
        case "invalid_client":
            return UpstreamError(UpstreamFault.PAR_CLIENT, detail)
        case "use_dpop_nonce":
            return UpstreamError(UpstreamFault.DPOP_NONCE, detail)
        case _:
            reason = reason_of(error, document.get("error_description"), config)
            return UpstreamError(UpstreamFault.PAR_REFUSED, detail, reason=reason)


def of_return_codes(found: object, config: OpenIdConfig) -> ProviderFailureReason | None:
    """The reason of the first known code: a text, a list of texts, or a list of objects with `code`."""
    for one in found if isinstance(found, list) else [found]:
        code = one.get("code") if isinstance(one, dict) else one
        if isinstance(code, str) and code in config.return_codes:
            return config.return_codes[code]
    return None


def log_text(error: object) -> str:
    """An error code for the log."""
    return error if isinstance(error, str) and _CODE.fullmatch(error) else "an error that cannot be shown"
