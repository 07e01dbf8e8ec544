"""Singpass (Singapore, FAPI 2.0), in its staging environment. Sources: providers/presets/facts/singpass.toml."""

import re
from collections.abc import Mapping
from typing import Final

from broker.model.json_types import JsonObject
from providers.simulator.dialect import Dialect, Encryption
from providers.simulator.settings import Issuer, Persona

_UNGUESSABLE: Final = re.compile(r"[A-Za-z0-9/+_\-=.]{30,255}", re.ASCII)
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_.~-]{43,128}", re.ASCII)
_LEVELS: Final = tuple(f"urn:singpass:authentication:loa:{number}" for number in (1, 2, 3))
_ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name",),
    "email": ("email",),
    "mobileno": ("mobileno",),
    "user.identity": ("account_type", "identity_number", "identity_coi"),
}
"""Attributes by scope."""


def _refuse(parameters: Mapping[str, str]) -> str | None:
    for name in ("state", "nonce"):
        if not _UNGUESSABLE.fullmatch(parameters.get(name, "")):
            return "invalid_request"
    if not _CHALLENGE.fullmatch(parameters.get("code_challenge", "")):
        return "invalid_request"
    if any(asked not in _LEVELS for asked in parameters.get("acr_values", "").split()):
        return "invalid_request"
    if parameters.get("authentication_context_type") != "APP_AUTHENTICATION_DEFAULT":
        return "invalid_request"
    return None


def _shape(claims: dict[str, object], persona: JsonObject, scope: tuple[str, ...]) -> dict[str, object]:
    named = [name for one, names in _ATTRIBUTES.items() if one in scope for name in names]
    plain = {name: value for name, value in claims.items() if name not in ("auth_time", "at_hash")}
    attributes = {name: persona[name] for name in named if name in persona}
    return {**plain, "sub_type": "user", "sub_attributes": attributes}


def _person(person_id: str, number: str, **attributes: str) -> Persona:
    """A person with an invented identity number, whose check letter is right."""
    claims = {"account_type": "standard", "identity_number": number, "identity_coi": "SG", **attributes}
    return Persona(person_id, attributes["name"], {"sub": f"4f0a1b2c-{number.lower()}", **claims})


SINGPASS: Final = Issuer(
    name="singpass",
    title="Singpass",
    motto="Singapore's national digital identity",
    tint="#9b1c1c",
    levels=_LEVELS,
    amr=(("pwd",), ("pwd", "sms"), ("face",)),
    personas=(
        _person("meiling", "S1234567D", name="TAN MEI LING", email="meiling@mail.example", mobileno="+6591234567"),
        _person("raj", "S7654321G", name="RAJ S/O KUMAR", email="raj@mail.example"),
        _person("mononym", "F1234567N", name="SUHARTINI"),
    ),
    dialect=Dialect(
        issuer="https://stg-id.singpass.gov.sg/fapi",
        pushed=60,
        dpop=("ES256",),
        assertion_life=120,
        id_token=Encryption("ECDH-ES+A256KW", "A256CBC-HS512"),
        userinfo=False,
        refuse=_refuse,
        shape=_shape,
    ),
)
