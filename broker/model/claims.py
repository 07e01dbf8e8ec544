"""Registered claims: names that standards define, and that mean the same for every service."""

from collections.abc import Mapping
from typing import Final

from broker.model.json_types import JsonObject

ClaimRequests = Mapping[str, JsonObject]
"""Checked `claims` parameter (OpenID Connect Core 5.5): `id_token` and `userinfo`, each with its requests by claim."""

CLAIMS: Final[Mapping[str, tuple[str, ...]]] = {
    "profile": (
        *("name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture"),
        *("website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
    ),
    "email": ("email", "email_verified"),
    "address": ("address",),
    "phone": ("phone_number", "phone_number_verified"),
}
"""Claims by scope value (OpenID Connect Core 5.4)."""

IDA_CLAIMS: Final = (
    *("place_of_birth", "nationalities", "birth_family_name", "birth_given_name", "birth_middle_name"),
    *("salutation", "title", "msisdn", "also_known_as"),
)
"""Further claims about a person (OpenID Connect for Identity Assurance Claims Registration 1.0, 4)."""

REGISTERED_CLAIMS: Final = (*(claim for claims in CLAIMS.values() for claim in claims), *IDA_CLAIMS)
"""All registered claims. A national deployment may define others."""
