"""How one national provider speaks: its facts, its addresses, and the rules that follow from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlsplit

from broker.model.assurance import Level
from broker.model.json_types import JsonObject
from providers.presets.fact_files import ProviderFacts, facts

ROLES: Final[Mapping[str, str]] = {
    "authorization": "./authorize",
    "token": "./token",
    "userinfo": "./userinfo",
    "jwks": "./jwks",
    "par": "./par",
    "end_session": "./logout",
    "revocation": "./revoke",
}
"""Endpoints of a provider that publishes no path for them, below its issuer."""

MEMBERS: Final[Mapping[str, str]] = {
    "authorization": "authorization_endpoint",
    "token": "token_endpoint",
    "userinfo": "userinfo_endpoint",
    "jwks": "jwks_uri",
    "par": "pushed_authorization_request_endpoint",
    "end_session": "end_session_endpoint",
    "revocation": "revocation_endpoint",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One provider in one of its environments. `endpoints` maps roles to the URLs that it publishes."""

    name: str
    facts: ProviderFacts
    environment: str
    issuer: str
    endpoints: Mapping[str, str]

    def table(self, about: str) -> JsonObject:
        """The table of a fact, empty if there is none."""
        found = self.facts.value(about, {})
        return found if isinstance(found, dict) else {}

    def words(self, about: str, key: str | None = None) -> tuple[str, ...]:
        """The list of a fact, or of a key in its table; empty if there is none."""
        found = self.facts.value(about, ()) if key is None else self.table(about).get(key, ())
        return tuple(map(str, found)) if isinstance(found, list | tuple) else ()

    def text(self, about: str, key: str | None = None) -> str:
        """The text of a fact, or of a key in its table; empty if there is none."""
        found = self.facts.value(about, "") if key is None else self.table(about).get(key, "")
        return found if isinstance(found, str) else ""

    def number(self, about: str, key: str | None = None) -> int | None:
        """The number of a fact, or of a key in its table."""
        found = self.facts.value(about) if key is None else self.table(about).get(key)
        return found if isinstance(found, int) else None

    def by_environment(self, about: str, key: str) -> str:
        """A value in a fact's table that differs between the environments."""
        found = self.table(about).get(key, {})
        return str(found.get(self.environment, "")) if isinstance(found, dict) else str(found)

    @property
    def levels(self) -> Mapping[str, Level]:
        """The provider's words for levels, and what each is worth here."""
        return {word: Level[str(level).upper()] for word, level in self.table("level.values").items()}

    @property
    def requested_levels(self) -> Mapping[Level, str]:
        """The value of the parameter that asks for a level, by level."""
        asked = self.table("request.level")
        return {Level[name.upper()]: str(word) for name, word in asked.items() if name != "parameter"}

    @property
    def metadata(self) -> JsonObject:
        """The provider's metadata (OpenID Connect Discovery 1.0 3)."""
        encryption, userinfo = self.table("id_token.encryption"), self.table("userinfo")
        document: dict[str, object] = {
            "issuer": self.issuer,
            **{MEMBERS[role]: url for role, url in self.endpoints.items()},
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise" if self.table("subject").get("pairwise") else "public"],
            "scopes_supported": list(self.words("request.scopes")),
            "token_endpoint_auth_methods_supported": list(self.words("client.methods")),
            "id_token_signing_alg_values_supported": list(self.words("id_token.algorithms")),
            "code_challenge_methods_supported": ["S256"],
        }
        if self.words("client.algorithms"):
            document["token_endpoint_auth_signing_alg_values_supported"] = list(self.words("client.algorithms"))
        if encryption:
            document["id_token_encryption_alg_values_supported"] = encryption["key"]
            document["id_token_encryption_enc_values_supported"] = encryption["content"]
        if "algorithms" in userinfo:
            document["userinfo_signing_alg_values_supported"] = userinfo["algorithms"]
        if self.words("dpop", "algorithms"):
            document["dpop_signing_alg_values_supported"] = list(self.words("dpop", "algorithms"))
        if self.text("request.pushed", "use") == "required":
            document["require_pushed_authorization_requests"] = True
        if self.facts.value("response.iss") is True:
            document["authorization_response_iss_parameter_supported"] = True
        return document


def read_dialect(name: str, environment: str = "live", issuer: str | None = None) -> Dialect:
    """The dialect of a provider. `issuer` is for one that has no issuer of its own. Raises LookupError without one."""
    known = facts(name)
    issuers = known.value("issuer", {})
    issuer = issuer or issuers.get(environment) or issuers.get("example")
    if issuer is None:
        raise LookupError(f"the facts of {name} have no issuer for {environment}")
    published = known.value("endpoints", {})
    kind = known.value("logout", {}).get("kind")
    roles = {role: published.get(role, path) for role, path in ROLES.items()}
    if kind not in ("end_session", "client_id", "front_end"):
        del roles["end_session"]
    if kind != "revoke":
        del roles["revocation"]
    if known.value("request.pushed", {}).get("use", "none") == "none":
        del roles["par"]
    if known.value("userinfo", {}).get("format") == "none" and "userinfo" not in published:
        del roles["userinfo"]
    return Dialect(name, known, environment, issuer, {role: place(issuer, path) for role, path in roles.items()})


def place(issuer: str, path: str) -> str:
    """The URL of an endpoint: `/path` on the issuer's origin, `./path` below the issuer, or a URL of its own."""
    return f"{issuer.rstrip('/')}{path[1:]}" if path.startswith("./") else urljoin(issuer, path)


def origin(url: str) -> str:
    """Scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
