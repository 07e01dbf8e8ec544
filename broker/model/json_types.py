"""JSON as received or sent, before a check gives its members a type."""

from collections.abc import Mapping

JsonObject = Mapping[str, object]
"""JSON object (RFC 8259 4): claims, a JWT header, a JWK Set, client metadata.

Its members are `object` and not a recursive union: a reader must narrow each one with `isinstance`, the TypedDict of a
response is one too, and msgspec decodes such a field of a stored record without a schema.
"""
