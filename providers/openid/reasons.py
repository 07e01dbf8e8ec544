"""A provider's error codes to our reasons."""

import re
from collections.abc import Mapping
from typing import Final

from broker.outgoing import Response
from broker.provider import Reason
from providers.openid.refused import TOKEN, Fault, Refused

STANDARD: Final[Mapping[str, Reason]] = {
    # RFC 6749 4.1.2.1
    "access_denied": Reason.CANCELLED,
    "server_error": Reason.UNAVAILABLE,
    "temporarily_unavailable": Reason.UNAVAILABLE,
    # OpenID Connect Core 3.1.2.6
    "login_required": Reason.NOT_RECOGNISED,
    "interaction_required": Reason.NOT_RECOGNISED,
    "account_selection_required": Reason.NOT_RECOGNISED,
    "consent_required": Reason.DECLINED,
    # OpenID Connect Core Error Code unmet_authentication_requirements 1.0
    "unmet_authentication_requirements": Reason.TOO_WEAK,
}
"""Every other code says that the request was wrong, so for the citizen the provider does not work."""

_CODE: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]{1,64}", re.ASCII)


def of_callback_error(error: str, own: Mapping[str, Reason]) -> Refused:
    """What an `error` in the callback means. It came through the citizen's browser and proves no outage."""
    reason = own.get(error) or STANDARD.get(error, Reason.UNAVAILABLE)
    return Refused(Fault.ANSWER_ERROR, f"the provider answered {_shown(error)}", reason=reason)


def of_token_error(error: object, answer: Response, own: Mapping[str, Reason]) -> Refused:
    """What a 4xx of the token endpoint with this `error` means (RFC 6749 5.2).

    `invalid_grant` is a code that is false, old, or was used before: anybody can bring it about with a made-up code.
    `invalid_client` is a fault in how the broker is registered there, and nobody can sign in.
    """
    if not isinstance(error, str):
        return TOKEN.failed(answer)
    detail = f"token endpoint: status {answer.status}, {_shown(error)}"
    if error in own:
        return Refused(Fault.TOKEN_ERROR, detail, reason=own[error])
    match error:
        case "invalid_grant":
            return Refused(Fault.TOKEN_CODE, detail)
        case "invalid_client":
            return Refused(Fault.TOKEN_CLIENT, detail)
        case _:
            return Refused(Fault.TOKEN_ERROR, detail, reason=STANDARD.get(error))


def _shown(error: object) -> str:
    """An error code as the log may have it."""
    return error if isinstance(error, str) and _CODE.fullmatch(error) else "an error that cannot be shown"
