"""Vocabulary of the facts about providers: the closed set of topics, in the order of the document."""

from collections.abc import Mapping
from typing import Final

TOPICS: Final[Mapping[str, str]] = {
    "issuer": "Issuer",
    "discovery": "Metadata",
    "endpoints": "Endpoints",
    "registration": "To register",
    "headers": "Request headers",
    "tls": "TLS",
    "client.methods": "Client authentication",
    "client.algorithms": "Algorithms of the client assertion",
    "client.audience": "Audience of the client assertion",
    "client.lifetime": "Lifetime of the client assertion, at most (s)",
    "client.assertion": "Claims and header of the client assertion",
    "client.keys": "Keys of the client",
    "request.scopes": "Scopes",
    "request.state": "State",
    "request.nonce": "Nonce",
    "request.pkce": "PKCE",
    "request.pushed": "Pushed request",
    "request.object": "Request object",
    "request.parameters": "Fixed parameters",
    "request.level": "Level requested",
    "request.permitted": "Permitted parameters",
    "request.prompt": "Prompt",
    "request.reauthentication": "New authentication",
    "request.language": "Language",
    "request.claims": "Claims requested",
    "request.response_mode": "Response mode",
    "dpop": "DPoP",
    "response.iss": "`iss` in responses",
    "response.errors": "Errors at the callback",
    "response.quirk": "Response, remark",
    "token.type": "Token type",
    "token.errors": "Errors of the token endpoint",
    "id_token.algorithms": "Signature of ID tokens",
    "id_token.encryption": "Encryption of ID tokens",
    "id_token.claims": "Claims of ID tokens",
    "id_token.quirk": "ID token, remark",
    "level.place": "Where the level stands",
    "level.values": "Levels",
    "level.rule": "Rule of levels",
    "identity_token": "Second JWT about the identity",
    "userinfo": "Userinfo",
    "claims": "Claims",
    "claims.quirk": "Claims, remark",
    "subject": "Subject",
    "acting": "Signs of acting for another",
    "logout": "Logout",
    "logout.received": "Logout from the provider",
    "session": "Session at the provider",
    "timing": "Times (s)",
    "ends": "End dates",
    "testing": "Testing",
    "quirk": "Remark",
}
"""Topics of facts to their titles."""

REMARKS: Final = frozenset(
    [
        *("registration", "client.keys", "response.quirk", "id_token.quirk", "claims.quirk", "level.rule"),
        *("session", "testing", "quirk", "ends", "timing"),
    ]
)
"""Topics that a reader needs and no test can hold against a preset."""
