"""Acting for another: a person who signs in on behalf of another person or an organisation (RFC 8693 4.1).

Providers say so at different places, and some put the represented party into `sub`. If a response has a sign of it that
the settings do not map, it is rejected: otherwise one person would be taken for another.
"""

from typing import Final

from broker.model.identity import ActingFor
from broker.model.json_types import JsonObject
from providers.openid.claim_paths import Reader, compile_path, is_name
from providers.openid.config_tables import ActingConfig
from providers.openid.documents import Documents
from providers.openid.errors import UpstreamError, UpstreamFault

MAX_SCOPE: Final = 20
MAX_TEXT: Final = 256


class ActingReader:
    """Reads for whom a person acts."""

    def __init__(self, table: ActingConfig) -> None:
        """Raises ValueError for an invalid path."""
        self._kind = table.kind
        self._names = frozenset(sign for sign in table.signs if is_name(sign))
        self._paths = tuple((sign, compile_path(sign)) for sign in table.signs if not is_name(sign))
        self._id, self._name, self._scope, self._person = (
            None if path is None else compile_path(path) for path in (table.id, table.name, table.scope, table.person)
        )

    def read(self, documents: Documents, now: int) -> ActingFor | None:
        """The represented party; None for a person who acts for themselves. Raises UpstreamError."""
        sign = self._sign(documents, now)
        if sign is None:
            return None
        party = _text(self._found(self._id, documents, now))
        if party is None:
            fix = "map [openid.acting] id, or have the provider accept people in their own name only"
            raise UpstreamError(UpstreamFault.ACTING_UNMAPPED, f"{sign}: somebody acts for another: {fix}")
        scope = self._found(self._scope, documents, now)
        listed = scope if isinstance(scope, list) else str(scope).split() if isinstance(scope, str) else []
        return ActingFor(
            kind=self._kind,
            id=party,
            name=_text(self._found(self._name, documents, now)) or "",
            scope=tuple(text for one in listed[:MAX_SCOPE] if (text := _text(one)) is not None),
        )

    def person(self, id_token: JsonObject, now: int) -> object:
        """The subject of the person who signed in for another; None if it is that of the token."""
        return None if self._person is None else self._person(id_token, now)

    def _sign(self, documents: Documents, now: int) -> str | None:
        """The path of a sign in any of the documents."""
        for document in (documents.id_token, documents.userinfo, documents.identity_token):
            # most documents have no member of these names, and no path is configured
            if not self._names.isdisjoint(document):
                for name in sorted(self._names & document.keys()):
                    if _says_something(document[name]):
                        return name
            for path, read in self._paths:
                if _says_something(read(document, now)):
                    return path
        return None

    def _found(self, reader: Reader | None, documents: Documents, now: int) -> object:
        if reader is None:
            return None
        for document in (documents.identity_token, documents.userinfo, documents.id_token):
            if (found := reader(document, now)) is not None:
                return found
        return None


def _says_something(value: object) -> bool:
    return value is not None and value is not False and value not in ("", [], {})


def _text(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    usable = isinstance(value, str) and 1 <= len(value) <= MAX_TEXT and value.isprintable()
    return str(value) if usable else None
