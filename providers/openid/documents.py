"""The verified documents of one response, from which an identity is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from broker.model.json_types import JsonObject
from providers.openid.config_tables import DocumentPlace

_NOTHING: Final[JsonObject] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Documents:
    """The claims of the ID token, and of the userinfo response and the identity token about the same subject.

    `sources` are claims of other parties than the provider.
    """

    id_token: JsonObject
    userinfo: JsonObject = field(default_factory=lambda: _NOTHING)
    identity_token: JsonObject = field(default_factory=lambda: _NOTHING)
    sources: JsonObject = field(default_factory=lambda: _NOTHING)


_PLACES: Final[Mapping[DocumentPlace, Callable[[Documents], JsonObject]]] = {
    DocumentPlace.ID_TOKEN: attrgetter("id_token"),
    DocumentPlace.USERINFO: attrgetter("userinfo"),
    DocumentPlace.IDENTITY_TOKEN: attrgetter("identity_token"),
}


def document_of(place: DocumentPlace) -> Callable[[Documents], JsonObject]:
    """The getter of one document."""
    return _PLACES[place]
