"""Authorization request to a provider (OpenID Connect Core 3.1.2.1), with its constant part computed once."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from broker.model.assurance import Level
from broker.model.languages import lookup
from broker.platform import base64url
from broker.provider import UpstreamRequest
from providers.openid.config import OpenIdConfig
from providers.openid.config_tables import NewSignIn, ResponseMode
from providers.openid.levels import level_parameters

LOGIN_HINT: Final = "login_hint"


def constants(config: OpenIdConfig) -> Mapping[Level, Mapping[str, str]]:
    """The parameters that are the same for every sign-in, by level. A level that cannot be requested is missing."""
    constant = {"response_type": "code", "client_id": config.client_id, "scope": " ".join(config.requested_scopes)}
    if config.response_mode is not ResponseMode.QUERY:
        constant["response_mode"] = config.response_mode.value
    made = {}
    for level in Level:
        asked = level_parameters(config, level)
        if asked is not None:
            method = {"code_challenge_method": "S256"} if config.pkce else {}
            made[level] = {**constant, **config.parameters, **asked, **method}
    return made


def prefix(parameters: Mapping[str, str], endpoint: str) -> str:
    """A URL with the constant parameters, which ends with `&`."""
    join = "&" if "?" in endpoint else "?"
    return f"{endpoint}{join}{encoded(parameters)}&"


def encoded(parameters: Mapping[str, str]) -> str:
    """The parameters as a query (RFC 3986 3.4). Most texts need no escaping, which is checked first."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in parameters.items())


def _quoted(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe="")


_PLAIN: Final = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII)


def challenge(verifier: str) -> str:
    """The PKCE code challenge of a verifier, method S256 (RFC 7636 4.2)."""
    return base64url.encode(hashlib.sha256(verifier.encode("ascii")).digest())


def language_tag(config: OpenIdConfig, language: str) -> str:
    """The `ui_locales` value of a language (BCP 47), as configured: compared without regard to case and region."""
    found = lookup(language, config.languages)
    return language if found is None else config.languages[found]


def variables(
    config: OpenIdConfig, ask: UpstreamRequest, nonce: str, verifier: str, *, development: bool
) -> dict[str, str]:
    """The parameters of one sign-in. A login hint is sent in development only, and never beside one of the settings."""
    query = {
        "redirect_uri": ask.callback,
        "state": ask.state,
        "nonce": nonce,
        config.language_parameter: language_tag(config, ask.language),
    }
    if config.pkce:
        query["code_challenge"] = challenge(verifier)
    aged = NewSignIn.MAX_AGE in config.reauthentication
    asks_anew = (ask.fresh or (ask.max_age is not None and not aged)) and (
        NewSignIn.PROMPT_LOGIN in config.reauthentication
    )
    if hinted(config, ask):
        query["id_token_hint"], asks_anew = ask.id_token_hint or "", True
    if prompt := config.prompt_fresh if asks_anew else config.prompt:
        query["prompt"] = prompt
    if aged and (ask.fresh or ask.max_age is not None):
        query["max_age"] = "0" if ask.fresh else str(ask.max_age)
    if development and ask.hint and not _has_own_hint(config):
        query[LOGIN_HINT] = ask.hint
    return query


def hinted(config: OpenIdConfig, ask: UpstreamRequest) -> bool:
    """Whether the citizen of a session is to authenticate again as the same person."""
    return ask.fresh and ask.id_token_hint is not None and NewSignIn.ID_TOKEN_HINT in config.reauthentication


def _has_own_hint(config: OpenIdConfig) -> bool:
    """Whether the settings send a login hint: to some providers it says by which means the citizen signs in."""
    return LOGIN_HINT in config.parameters or config.level_request.parameter == LOGIN_HINT
