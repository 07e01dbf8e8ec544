"""Faults of a sign-in at an OpenID provider: raised inside the kind, returned as a value outside it. `RULES` lists
every fault.

The cause of a fault decides whether it counts against the provider's health (`broker.provider.OUTAGES`). The criterion:
if a single citizen can cause the fault, by the browser or by the data that the provider holds about them, it is REPLY
or BROWSER, and the circuit breaker ignores it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from broker.platform.http_client import HttpFailure, HttpResponse, NotJson, ResponseTooLarge
from broker.platform.refreshing_cache import FetchFailed
from broker.provider import FailureCause, ProviderFailure, ProviderFailureReason


class UpstreamFault(StrEnum):
    """Every fault of a sign-in at an OpenID provider: its name in the log and in the metrics."""

    METADATA_UNREACHABLE = "metadata_unreachable"
    METADATA_STATUS = "metadata_status"
    METADATA_UNREADABLE = "metadata_unreadable"
    METADATA_ISSUER = "metadata_issuer"
    METADATA_ENDPOINT = "metadata_endpoint"
    KEYS_UNREACHABLE = "keys_unreachable"
    KEYS_STATUS = "keys_status"
    KEYS_UNREADABLE = "keys_unreadable"
    KEYS_UNUSABLE = "keys_unusable"
    LEVEL_NOT_OFFERED = "level_not_offered"
    PAR_UNREACHABLE = "par_unreachable"
    PAR_STATUS = "par_status"
    PAR_CLIENT = "par_client"
    PAR_REFUSED = "par_refused"
    PAR_UNREADABLE = "par_unreadable"
    ANSWER_ELSEWHERE = "answer_elsewhere"
    ANSWER_ERROR = "answer_error"
    ANSWER_CODE = "answer_code"
    ANSWER_TOKEN = "answer_token"
    TOKEN_UNREACHABLE = "token_unreachable"
    TOKEN_STATUS = "token_status"
    TOKEN_CLIENT = "token_client"
    TOKEN_CODE = "token_code"
    TOKEN_ERROR = "token_error"
    GRANT_GONE = "grant_gone"
    TOKEN_REFUSED = "token_refused"
    TOKEN_UNREADABLE = "token_unreadable"
    TOKEN_MISSING = "token_missing"
    TOKEN_TYPE = "token_type"
    TOKEN_UNSENDABLE = "token_unsendable"
    TOKEN_BINDING = "token_binding"
    DPOP_NONCE = "dpop_nonce"
    BUDGET_SPENT = "budget_spent"
    ID_TOKEN_ENCRYPTED = "id_token_encrypted"
    ID_TOKEN_NOT_ENCRYPTED = "id_token_not_encrypted"
    ID_TOKEN_UNDECRYPTABLE = "id_token_undecryptable"
    ID_TOKEN_FORM = "id_token_form"
    ID_TOKEN_KEYS = "id_token_keys"
    ID_TOKEN_UNPROVEN = "id_token_unproven"
    ID_TOKEN_ISSUER = "id_token_issuer"
    ID_TOKEN_AUDIENCE = "id_token_audience"
    ID_TOKEN_TIME = "id_token_time"
    ID_TOKEN_NONCE = "id_token_nonce"
    ID_TOKEN_SUBJECT = "id_token_subject"
    ID_TOKEN_ACCESS_TOKEN = "id_token_access_token"
    SIGN_IN_TIME_MISSING = "sign_in_time_missing"
    SIGN_IN_TIME_WRONG = "sign_in_time_wrong"
    SIGN_IN_TOO_OLD = "sign_in_too_old"
    USERINFO_UNREACHABLE = "userinfo_unreachable"
    USERINFO_STATUS = "userinfo_status"
    USERINFO_REFUSED = "userinfo_refused"
    USERINFO_SIGNED = "userinfo_signed"
    USERINFO_ENCRYPTED = "userinfo_encrypted"
    USERINFO_UNREADABLE = "userinfo_unreadable"
    USERINFO_SUBJECT = "userinfo_subject"
    USERINFO_NOT_SIGNED = "userinfo_not_signed"
    USERINFO_NOT_ENCRYPTED = "userinfo_not_encrypted"
    USERINFO_UNDECRYPTABLE = "userinfo_undecryptable"
    USERINFO_FORM = "userinfo_form"
    USERINFO_KEYS = "userinfo_keys"
    USERINFO_UNPROVEN = "userinfo_unproven"
    USERINFO_CLAIMS = "userinfo_claims"
    DID_UNREACHABLE = "did_unreachable"
    DID_STATUS = "did_status"
    DID_UNREADABLE = "did_unreadable"
    DID_UNUSABLE = "did_unusable"
    IDENTITY_MISSING = "identity_missing"
    IDENTITY_FORM = "identity_form"
    IDENTITY_ENCRYPTED = "identity_encrypted"
    IDENTITY_KEYS = "identity_keys"
    IDENTITY_UNPROVEN = "identity_unproven"
    IDENTITY_CLAIMS = "identity_claims"
    IDENTITY_SUBJECT = "identity_subject"
    LEVEL_MISSING = "level_missing"
    LEVEL_UNKNOWN = "level_unknown"
    CLAIMS_MISSING = "claims_missing"
    CLAIM_NOT_ALLOWED = "claim_not_allowed"
    CLAIM_SOURCE_UNKNOWN = "claim_source_unknown"
    CLAIM_SOURCE_UNPROVEN = "claim_source_unproven"
    ACTING_UNMAPPED = "acting_unmapped"
    LOGOUT_TOKEN = "logout_token"


@dataclass(frozen=True, slots=True)
class FaultRule:
    """The rule of a fault: its cause, the failure reason for the journey, and why it has that cause."""

    cause: FailureCause
    reason: ProviderFailureReason
    why: str


F, C, R = UpstreamFault, FailureCause, ProviderFailureReason

# fmt: off
RULES: Final[Mapping[UpstreamFault, FaultRule]] = MappingProxyType({
    F.METADATA_UNREACHABLE: FaultRule(C.TRANSPORT, R.UNAVAILABLE, "the document is the same for every citizen"),
    F.METADATA_STATUS: FaultRule(C.STATUS, R.UNAVAILABLE, "the document is the same for every citizen"),
    F.METADATA_UNREADABLE: FaultRule(C.METADATA, R.UNAVAILABLE, "the document is the same for every citizen"),
    F.METADATA_ISSUER: FaultRule(C.METADATA, R.UNAVAILABLE, "the document is the same for every citizen"),
    F.METADATA_ENDPOINT: FaultRule(C.METADATA, R.UNAVAILABLE, "the document is the same for every citizen"),
    F.KEYS_UNREACHABLE: FaultRule(C.TRANSPORT, R.UNAVAILABLE, "the key set is the same for every citizen"),
    F.KEYS_STATUS: FaultRule(C.STATUS, R.UNAVAILABLE, "the key set is the same for every citizen"),
    F.KEYS_UNREADABLE: FaultRule(C.KEYS, R.UNAVAILABLE, "the key set is the same for every citizen"),
    F.KEYS_UNUSABLE: FaultRule(C.KEYS, R.UNAVAILABLE, "the key set is the same for every citizen"),
    F.LEVEL_NOT_OFFERED: FaultRule(C.BROKER, R.TOO_WEAK, "the configuration names no acr for this level"),
    F.PAR_UNREACHABLE: FaultRule(C.TRANSPORT, R.UNAVAILABLE, "no response"),
    F.PAR_STATUS: FaultRule(C.STATUS, R.UNAVAILABLE, "5xx, 429, a redirect, no endpoint, or a rejected client"),
    F.PAR_CLIENT: FaultRule(C.STATUS, R.UNAVAILABLE, "invalid_client: the broker is rejected for every citizen"),
    F.PAR_REFUSED: FaultRule(C.REPLY, R.UNAVAILABLE, "a level or a language of one request may be refused"),
    F.PAR_UNREADABLE: FaultRule(C.REPLY, R.UNAVAILABLE, "content of the reply to one request"),
    F.ANSWER_ELSEWHERE: FaultRule(C.BROWSER, R.UNSAFE, "anyone can open a callback with any parameters"),
    F.ANSWER_ERROR: FaultRule(C.BROWSER, R.UNAVAILABLE, "anyone can write an error into a callback"),
    F.ANSWER_CODE: FaultRule(C.BROWSER, R.UNSAFE, "anyone can write a code into a callback"),
    F.ANSWER_TOKEN: FaultRule(C.BROWSER, R.UNSAFE, "anyone can write a token into a callback"),
    F.TOKEN_UNREACHABLE: FaultRule(C.TRANSPORT, R.UNAVAILABLE, "no response"),
    F.TOKEN_STATUS: FaultRule(C.STATUS, R.UNAVAILABLE, "5xx, 429, a redirect, no endpoint, or a rejected client"),
    F.TOKEN_CLIENT: FaultRule(C.STATUS, R.UNAVAILABLE, "invalid_client: the broker is rejected for every citizen"),
    F.TOKEN_CODE: FaultRule(C.BROWSER, R.UNSAFE, "invalid_grant: an invented, used or foreign code causes this"),
    F.GRANT_GONE: FaultRule(C.REPLY, R.NOT_RECOGNISED, "invalid_grant: one citizen signed out there or withdrew it"),
    F.TOKEN_ERROR: FaultRule(C.REPLY, R.UNAVAILABLE, "an error code about this one sign-in"),
    F.TOKEN_REFUSED: FaultRule(C.REPLY, R.UNSAFE, "a web application firewall may reject this one code"),
    F.TOKEN_UNREADABLE: FaultRule(C.REPLY, R.UNSAFE, "token responses may carry details of the citizen"),
    F.TOKEN_MISSING: FaultRule(C.REPLY, R.UNSAFE, "content of the reply about one citizen"),
    F.TOKEN_TYPE: FaultRule(C.REPLY, R.UNSAFE, "content of the reply about one citizen"),
    F.TOKEN_UNSENDABLE: FaultRule(C.REPLY, R.UNSAFE, "content of the reply about one citizen"),
    F.TOKEN_BINDING: FaultRule(C.REPLY, R.UNSAFE, "content of the reply about one citizen"),
    F.DPOP_NONCE: FaultRule(C.REPLY, R.UNAVAILABLE, "the nonce that one reply supplied was not accepted"),
    F.BUDGET_SPENT: FaultRule(C.TRANSPORT, R.UNAVAILABLE, "the provider's responses took too long altogether"),
    F.ID_TOKEN_ENCRYPTED: FaultRule(C.REPLY, R.UNSAFE, "the provider responds; the configuration does not match it"),
    F.ID_TOKEN_NOT_ENCRYPTED: FaultRule(C.REPLY, R.UNSAFE, "the provider responds; the configuration differs"),
    F.ID_TOKEN_UNDECRYPTABLE: FaultRule(C.REPLY, R.UNSAFE, "one token; others may be for another of the broker's keys"),
    F.ID_TOKEN_FORM: FaultRule(C.REPLY, R.UNSAFE, "header and payload belong to one citizen or one token"),
    F.ID_TOKEN_KEYS: FaultRule(C.KEYS, R.UNSAFE, "keys fetched after the token do not verify its signature"),
    F.ID_TOKEN_UNPROVEN: FaultRule(C.REPLY, R.UNSAFE, "the keys could not be fetched again yet: cause unknown"),
    F.ID_TOKEN_ISSUER: FaultRule(C.REPLY, R.UNSAFE, "content of a token about one citizen"),
    F.ID_TOKEN_AUDIENCE: FaultRule(C.REPLY, R.UNSAFE, "content of a token about one citizen"),
    F.ID_TOKEN_TIME: FaultRule(C.REPLY, R.UNSAFE, "content of a token about one citizen"),
    F.ID_TOKEN_NONCE: FaultRule(C.BROWSER, R.UNSAFE, "a citizen can bring the code of another sign-in"),
    F.ID_TOKEN_SUBJECT: FaultRule(C.REPLY, R.UNSAFE, "content of a token about one citizen"),
    F.ID_TOKEN_ACCESS_TOKEN: FaultRule(C.REPLY, R.UNSAFE, "content of a token about one citizen"),
    F.SIGN_IN_TIME_MISSING: FaultRule(C.REPLY, R.INCOMPLETE, "content of a token about one citizen"),
    F.SIGN_IN_TIME_WRONG: FaultRule(C.REPLY, R.UNSAFE, "content of a token about one citizen"),
    F.SIGN_IN_TOO_OLD: FaultRule(C.REPLY, R.UNSAFE, "content of a token about one citizen"),
    F.USERINFO_UNREACHABLE: FaultRule(C.TRANSPORT, R.UNAVAILABLE, "no response"),
    F.USERINFO_STATUS: FaultRule(C.STATUS, R.UNAVAILABLE, "5xx, 429, a redirect, or an unsupported method"),
    F.USERINFO_REFUSED: FaultRule(C.REPLY, R.INCOMPLETE, "a 4xx is about the token of one citizen, or their account"),
    F.USERINFO_SIGNED: FaultRule(C.REPLY, R.UNSAFE, "the provider responds; the configuration does not match it"),
    F.USERINFO_ENCRYPTED: FaultRule(C.REPLY, R.UNSAFE, "the provider responds; the configuration does not match it"),
    F.USERINFO_UNREADABLE: FaultRule(C.REPLY, R.UNSAFE, "details of one citizen, such as an unpaired surrogate"),
    F.USERINFO_SUBJECT: FaultRule(C.REPLY, R.UNSAFE, "details of one citizen"),
    F.USERINFO_NOT_SIGNED: FaultRule(C.REPLY, R.UNSAFE, "the provider responds; the configuration differs"),
    F.USERINFO_NOT_ENCRYPTED: FaultRule(C.REPLY, R.UNSAFE, "the provider responds; the configuration differs"),
    F.USERINFO_UNDECRYPTABLE: FaultRule(C.REPLY, R.UNSAFE, "one token; others may be for another of the broker's keys"),
    F.USERINFO_FORM: FaultRule(C.REPLY, R.UNSAFE, "header and payload belong to one citizen or one token"),
    F.USERINFO_KEYS: FaultRule(C.KEYS, R.UNSAFE, "keys fetched after the token do not verify its signature"),
    F.USERINFO_UNPROVEN: FaultRule(C.REPLY, R.UNSAFE, "the keys could not be fetched again yet: cause unknown"),
    F.USERINFO_CLAIMS: FaultRule(C.REPLY, R.UNSAFE, "content of a token about one citizen"),
    F.DID_UNREACHABLE: FaultRule(C.TRANSPORT, R.UNAVAILABLE, "the document is the same for every citizen"),
    F.DID_STATUS: FaultRule(C.STATUS, R.UNAVAILABLE, "the document is the same for every citizen"),
    F.DID_UNREADABLE: FaultRule(C.KEYS, R.UNAVAILABLE, "the document is the same for every citizen"),
    F.DID_UNUSABLE: FaultRule(C.KEYS, R.UNAVAILABLE, "the document is the same for every citizen"),
    F.IDENTITY_MISSING: FaultRule(C.REPLY, R.NOT_VERIFIED, "the provider did not prove the identity of one citizen"),
    F.IDENTITY_FORM: FaultRule(C.REPLY, R.UNSAFE, "header and payload belong to one citizen or one token"),
    F.IDENTITY_ENCRYPTED: FaultRule(C.REPLY, R.UNSAFE, "only signed ones are known"),
    F.IDENTITY_KEYS: FaultRule(C.KEYS, R.UNSAFE, "keys fetched after the token do not verify its signature"),
    F.IDENTITY_UNPROVEN: FaultRule(C.REPLY, R.UNSAFE, "the keys could not be fetched again yet: cause unknown"),
    F.IDENTITY_CLAIMS: FaultRule(C.REPLY, R.UNSAFE, "content of a token about one citizen"),
    F.IDENTITY_SUBJECT: FaultRule(C.REPLY, R.UNSAFE, "content of a token about one citizen"),
    F.LEVEL_MISSING: FaultRule(C.REPLY, R.INCOMPLETE, "content of a token about one citizen"),
    F.LEVEL_UNKNOWN: FaultRule(C.REPLY, R.TOO_WEAK, "content of a token about one citizen"),
    F.CLAIMS_MISSING: FaultRule(C.REPLY, R.INCOMPLETE, "details of one citizen"),
    F.LOGOUT_TOKEN: FaultRule(C.BROWSER, R.UNSAFE, "anyone can send a token to the address for logout tokens"),
    F.ACTING_UNMAPPED: FaultRule(C.REPLY, R.UNSAFE, "one citizen signed in for another person or an organisation"),
    F.CLAIM_SOURCE_UNKNOWN: FaultRule(C.REPLY, R.INCOMPLETE, "details of one citizen, which another party asserts"),
    F.CLAIM_SOURCE_UNPROVEN: FaultRule(C.REPLY, R.UNSAFE, "a token or a key of another party than the provider"),
    F.CLAIM_NOT_ALLOWED: FaultRule(C.REPLY, R.NOT_VERIFIED, "details of one citizen, such as an account of a company"),
})
# fmt: on


class UpstreamError(FetchFailed):
    """Ends a sign-in. `failure` is the failure for the journey."""

    def __init__(self, fault: UpstreamFault, detail: str, *, reason: ProviderFailureReason | None = None) -> None:
        """`reason` overrides the rule's, if the provider's response is more specific."""
        super().__init__(detail)
        rule = RULES[fault]
        self.failure = ProviderFailure(reason or rule.reason, detail, rule.cause, fault.value)

    def ending_session(self) -> "UpstreamError":
        """The same, of a citizen whose session ends because of it."""
        self.failure = replace(self.failure, ends_session=True)
        return self


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint of the provider, and the faults of its invalid responses.

    `refused` is the fault of a status that may concern one citizen; None if the response is the same for every citizen.
    `broken` are the statuses below 500 that never concern one citizen. `errors` are the faults of error codes in a
    response, `error` that of any other code; None if no code is expected.
    """

    name: str
    unreachable: UpstreamFault
    status: UpstreamFault
    unreadable: UpstreamFault
    refused: UpstreamFault | None = None
    broken: frozenset[int] = frozenset()
    errors: Mapping[str, UpstreamFault] = field(default_factory=dict)
    error: UpstreamFault | None = None

    def failed(self, problem: HttpResponse | NotJson | HttpFailure) -> UpstreamError:
        """The fault of a failed call, a status other than 200, or a body that is not JSON."""
        match problem:
            case HttpResponse(status=429):
                return UpstreamError(self.status, f"{self.name}: status 429", reason=ProviderFailureReason.BUSY)
            case HttpResponse(status=status):
                everybodys = status >= 500 or 300 <= status < 400 or status in self.broken
                fault = self.status if everybodys or self.refused is None else self.refused
                return UpstreamError(fault, f"{self.name}: status {status}")
            case NotJson() | ResponseTooLarge():
                return UpstreamError(self.unreadable, f"{self.name}: {type(problem).__name__}: {problem.detail}")
            case _:
                return UpstreamError(self.unreachable, f"{self.name}: {type(problem).__name__}: {problem.detail}")


METADATA: Final = Endpoint("metadata", F.METADATA_UNREACHABLE, F.METADATA_STATUS, F.METADATA_UNREADABLE)
KEYS: Final = Endpoint("keys", F.KEYS_UNREACHABLE, F.KEYS_STATUS, F.KEYS_UNREADABLE)
TOKEN: Final = Endpoint(
    "token endpoint",
    F.TOKEN_UNREACHABLE,
    F.TOKEN_STATUS,
    F.TOKEN_UNREADABLE,
    F.TOKEN_REFUSED,
    # a rejected client and a missing endpoint: the same for every code
    frozenset({401, 404, 405, 410}),
    # anyone can cause `invalid_grant` with an invented code; `invalid_client` is an error in the broker's registration
    {"invalid_grant": F.TOKEN_CODE, "invalid_client": F.TOKEN_CLIENT, "use_dpop_nonce": F.DPOP_NONCE},
    F.TOKEN_ERROR,
)
REFRESH: Final = Endpoint(
    TOKEN.name,
    TOKEN.unreachable,
    TOKEN.status,
    TOKEN.unreadable,
    TOKEN.refused,
    TOKEN.broken,
    {**TOKEN.errors, "invalid_grant": F.GRANT_GONE},
    TOKEN.error,
)
"""The token endpoint, asked with a refresh token."""
USERINFO: Final = Endpoint(
    "userinfo",
    F.USERINFO_UNREACHABLE,
    F.USERINFO_STATUS,
    F.USERINFO_UNREADABLE,
    F.USERINFO_REFUSED,
    frozenset({405}),
    {"use_dpop_nonce": F.DPOP_NONCE},
    F.USERINFO_REFUSED,
)
PAR: Final = Endpoint(
    "pushed authorization request endpoint",
    F.PAR_UNREACHABLE,
    F.PAR_STATUS,
    F.PAR_UNREADABLE,
    F.PAR_REFUSED,
    # a rejected client and a missing endpoint: the same for every request
    frozenset({401, 404, 405, 410}),
    {"invalid_client": F.PAR_CLIENT, "use_dpop_nonce": F.DPOP_NONCE},
    F.PAR_REFUSED,
)


DID: Final = Endpoint("DID document", F.DID_UNREACHABLE, F.DID_STATUS, F.DID_UNREADABLE)


@dataclass(frozen=True, slots=True)
class TokenFaults:
    """A kind of token from the provider, and the faults of those that are not accepted.

    `form` is the fault of a malformed one, `keys` of a signature that no key made, `unproven` of one if the keys could
    not be fetched again. `encrypted` is that of an encrypted one if only signed ones are accepted, `plain` the reverse,
    `undecryptable` that of one for an unknown key. `setting` is the metadata of the client that the provider should
    unset if it encrypts needlessly, `table` the table of the settings that accepts it.
    """

    name: str
    form: UpstreamFault
    keys: UpstreamFault
    unproven: UpstreamFault
    encrypted: UpstreamFault
    plain: UpstreamFault
    undecryptable: UpstreamFault
    setting: str
    table: str


ID_TOKEN: Final = TokenFaults(
    "ID token",
    form=F.ID_TOKEN_FORM,
    keys=F.ID_TOKEN_KEYS,
    unproven=F.ID_TOKEN_UNPROVEN,
    encrypted=F.ID_TOKEN_ENCRYPTED,
    plain=F.ID_TOKEN_NOT_ENCRYPTED,
    undecryptable=F.ID_TOKEN_UNDECRYPTABLE,
    setting="id_token_encrypted_response_alg",
    table="id_token",
)
USERINFO_TOKEN: Final = TokenFaults(
    "userinfo",
    form=F.USERINFO_FORM,
    keys=F.USERINFO_KEYS,
    unproven=F.USERINFO_UNPROVEN,
    encrypted=F.USERINFO_ENCRYPTED,
    plain=F.USERINFO_NOT_ENCRYPTED,
    undecryptable=F.USERINFO_UNDECRYPTABLE,
    setting="userinfo_encrypted_response_alg",
    table="userinfo_response",
)
IDENTITY_TOKEN: Final = TokenFaults(
    "identity token",
    form=F.IDENTITY_FORM,
    keys=F.IDENTITY_KEYS,
    unproven=F.IDENTITY_UNPROVEN,
    encrypted=F.IDENTITY_ENCRYPTED,
    plain=F.IDENTITY_FORM,
    undecryptable=F.IDENTITY_ENCRYPTED,
    setting="encryption",
    table="identity_token",
)
CLAIM_SOURCE: Final = TokenFaults(
    "claim source",
    form=F.CLAIM_SOURCE_UNPROVEN,
    keys=F.CLAIM_SOURCE_UNPROVEN,
    unproven=F.CLAIM_SOURCE_UNPROVEN,
    encrypted=F.CLAIM_SOURCE_UNPROVEN,
    plain=F.CLAIM_SOURCE_UNPROVEN,
    undecryptable=F.CLAIM_SOURCE_UNPROVEN,
    setting="encryption",
    table="claim_sources",
)
ANSWER_TOKEN: Final = TokenFaults(
    "response",
    form=F.ANSWER_TOKEN,
    keys=F.ANSWER_TOKEN,
    unproven=F.ANSWER_TOKEN,
    encrypted=F.ANSWER_TOKEN,
    plain=F.ANSWER_TOKEN,
    undecryptable=F.ANSWER_TOKEN,
    setting="authorization_encrypted_response_alg",
    table="response_mode",
)
LOGOUT_TOKEN: Final = TokenFaults(
    "logout token",
    form=F.LOGOUT_TOKEN,
    keys=F.LOGOUT_TOKEN,
    unproven=F.LOGOUT_TOKEN,
    encrypted=F.LOGOUT_TOKEN,
    plain=F.LOGOUT_TOKEN,
    undecryptable=F.LOGOUT_TOKEN,
    setting="encryption",
    table="logout",
)
