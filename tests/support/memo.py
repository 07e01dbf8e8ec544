"""Caches expensive values that never change, so that the tests of a process compute each of them once.

Four functions that the product calls are wrapped. Their results are those of the real functions, immutable or copies.

- `load_pem_private_key`: OpenSSL checks whether the numbers of an RSA key are prime, 0.15 s of CPU for 3072 bits.
- `generate_private_key` of RSA, 0.2 s: the first `RSA_KEYS` are new, and are then handed out again in turn.
- `tomllib.loads`, 3 ms for a file of the examples, which a test of the settings reads again with one file changed.
- the compilation of a statement by SQLAlchemy: a test that opens a database compiles 170 of them.
"""

import itertools
import pickle
import tomllib
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from sqlalchemy import Dialect

from broker.crypto import jwe_upstream
from broker.crypto.jose import keys
from broker.stores.sql import dialect as sql_dialect
from broker.stores.sql.database import SqlText

RSA_KEYS = 10
"""More than any test compares with each other."""

_load = cache(serialization.load_pem_private_key)
_generate = rsa.generate_private_key
_parse = tomllib.loads
_compile = sql_dialect._text
_pools: dict[tuple[int, int], Iterator[rsa.RSAPrivateKey]] = {}
_texts: dict[Any, SqlText] = {}


# named as what it wraps: tests/budgets counts calls by the name of the function
def load_pem_private_key(data: bytes, password: bytes | None, **options: Any) -> PrivateKeyTypes:
    """The key in a PEM."""
    return _load(data, password, **options)


def generate_private_key(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
    """An RSA key that differs from the last `RSA_KEYS - 1` of its size."""
    kind = (public_exponent, key_size)
    if kind not in _pools:
        _pools[kind] = itertools.cycle(_new_keys(*kind))
    return next(_pools[kind])


def _new_keys(public_exponent: int, key_size: int) -> Iterator[rsa.RSAPrivateKey]:
    return (_generate(public_exponent, key_size) for _ in range(RSA_KEYS))


@lru_cache(maxsize=500)
def _pickled(text: str) -> bytes:
    return pickle.dumps(_parse(text))


def loads(text: str) -> dict[str, Any]:
    """The tables of a TOML file, which the caller may change."""
    found: dict[str, Any] = pickle.loads(_pickled(text))
    return found


def compile_text(statement: Any, dialect: Dialect, rows: str | None = None) -> SqlText:
    """The text of a statement. Two statements are the same if their structure and their constants are."""
    structure = statement._generate_cache_key()
    if structure is None:
        return _compile(statement, dialect, rows)
    constants = tuple((bind.key, bind.required, repr(bind.value)) for bind in structure.bindparams)
    key = (dialect, rows, structure.key, constants)
    if key not in _texts:
        _texts[key] = _compile(statement, dialect, rows)
    return _texts[key]


def install() -> None:
    """Replaces the functions in the modules that call them."""
    for module in (keys, jwe_upstream):
        module.load_pem_private_key = load_pem_private_key  # type: ignore[attr-defined]
    rsa.generate_private_key = generate_private_key
    tomllib.loads = loads  # type: ignore[assignment]
    sql_dialect._text = compile_text
