"""The one map of a provider's native errors to failure reasons, wherever they stand: in the callback, also in place of
a code; in the responses of endpoints, in their JSON or in `WWW-Authenticate`; in descriptions; in codes of a document.

An error decides the reason. Its place decides the fault, and so whether it counts as an outage.
"""

import re
from collections.abc import Mapping
from typing import Final

from broker.platform.http_client import HttpResponse, NotJson
from broker.provider import ProviderFailureReason
from providers.openid.config import OpenIdConfig
from providers.openid.errors import USERINFO, Endpoint, UpstreamError, UpstreamFault

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
_CHALLENGE: Final = re.compile(r'\b(error|error_description)="([^"]{0,256})"', re.ASCII)


class ErrorMap:
    """The errors of one provider."""

    def __init__(self, config: OpenIdConfig) -> None:
        """The settings' errors, `own`, take precedence over the standard's."""
        self.own = config.errors
        self._codes = {**STANDARD, **config.errors}
        self._descriptions = tuple((start.lower(), reason) for start, reason in config.error_descriptions.items())

    def reason(self, error: object, description: object) -> ProviderFailureReason | None:
        """The reason of an error: by its description, else by its code; None if none is known.

        The description is compared and never logged: it may contain anything.
        """
        if self._descriptions and isinstance(description, str):
            text = description.lower()
            for start, reason in self._descriptions:
                if text.startswith(start):
                    return reason
        return self._codes.get(error) if isinstance(error, str) else None

    def of_callback(self, error: str, description: object) -> UpstreamError:
        """The failure of an error in the callback. It came through the citizen's browser, so it is no evidence of an
        outage."""
        reason = self.reason(error, description) or ProviderFailureReason.UNAVAILABLE
        return UpstreamError(UpstreamFault.ANSWER_ERROR, f"the provider returned {log_text(error)}", reason=reason)

    def of_endpoint(self, endpoint: Endpoint, answer: HttpResponse) -> UpstreamError:
        """The failure of a response that is none of success (RFC 6749 5.2, RFC 9126 2.3, RFC 6750 3)."""
        error, description = _said(answer) if _may_concern_one(endpoint, answer) else (None, None)
        if not isinstance(error, str) or endpoint.error is None:
            return endpoint.failed(answer)
        fault = endpoint.errors.get(error, endpoint.error)
        detail = f"{endpoint.name}: status {answer.status}, {log_text(error)}"
        return UpstreamError(fault, detail, reason=self.reason(error, description))

    def of_codes(self, found: object) -> ProviderFailureReason | None:
        """The reason of the first known code: a text, a list of texts, or a list of objects with `code`."""
        for one in found if isinstance(found, list) else [found]:
            code = one.get("code") if isinstance(one, dict) else one
            if isinstance(code, str) and code in self.own:
                return self.own[code]
        return None


def _may_concern_one(endpoint: Endpoint, answer: HttpResponse) -> bool:
    """Whether the content of a response is read. A userinfo endpoint whose status is 405 has no such method at all."""
    return 400 <= answer.status < 500 and answer.status != 429 and not (endpoint is USERINFO and answer.status == 405)


def _said(answer: HttpResponse) -> tuple[object, object]:
    """Error and description of a response: in its JSON, else in `WWW-Authenticate`."""
    document = answer.json()
    if not isinstance(document, NotJson) and "error" in document:
        return document["error"], document.get("error_description")
    challenge = dict(_CHALLENGE.findall(answer.headers.get("www-authenticate", "")))
    return challenge.get("error"), challenge.get("error_description")


def log_text(error: object) -> str:
    """An error code for the log."""
    return error if isinstance(error, str) and _CODE.fullmatch(error) else "an error that cannot be shown"
