"""Caches expensive values that never change, so that the tests of a process compute each of them once.

Four functions that the product calls are wrapped. Their results are those of the real functions, immutable or copies.

- `load_pem_private_key`: OpenSSL checks whether the numbers of an RSA key are prime, 0.15 s of CPU for 3072 bits.
- `generate_private_key` of RSA, 0.2 s: `RSA_KEYS` keys of each size, handed out in turn. They are kept in `KEPT` for
  the next run, and what they are as PEM is known, so that it is not checked again.
- the compilation of a statement by SQLAlchemy: a test that opens a database compiles 170 of them.
- the compilation of a template by Jinja, 4 s of CPU for all pages. The code is kept for the next run, by the text of
  the template and the versions of Jinja and Python.
"""

import hashlib
import itertools
import marshal
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jinja2 import Environment
from joserfc._rfc7517 import pem as joserfc_pem
from sqlalchemy import Dialect

from broker.crypto import jwe_upstream
from broker.crypto.jose import keys
from broker.stores.sql import dialect as sql_dialect
from broker.stores.sql.database import SqlText

RSA_KEYS = 10
"""More than any test compares with each other."""

KEPT = Path(sys.prefix) / "test-keys"
"""Folder of the RSA keys that earlier runs generated: tests trust them, and nothing else does."""

CODES = Path(sys.prefix) / "test-templates"
"""Folder of the code of templates that earlier runs compiled: a file for each."""

_load = cache(serialization.load_pem_private_key)
_generate = rsa.generate_private_key
_compile = sql_dialect._text
_compile_template = Environment.compile
_SYNTAX = (
    *("block_start_string", "block_end_string", "variable_start_string", "variable_end_string"),
    *("comment_start_string", "comment_end_string", "line_statement_prefix", "line_comment_prefix"),
    *("trim_blocks", "lstrip_blocks", "newline_sequence", "keep_trailing_newline"),
    *("autoescape", "optimized", "is_async", "sandboxed"),
)
"""What of an environment decides about the code of a template, but for the names of filters, tests and extensions."""
_known: dict[bytes, rsa.RSAPrivateKey] = {}
_pools: dict[tuple[int, int], Iterator[rsa.RSAPrivateKey]] = {}
_texts: dict[Any, SqlText] = {}


# named as what it wraps: tests/budgets counts calls by the name of the function
def load_pem_private_key(data: bytes, password: bytes | None, **options: Any) -> PrivateKeyTypes:
    """The key in a PEM."""
    if password is None and not options and data in _known:
        return _known[data]
    return _load(data, password, **options)


def generate_private_key(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
    """An RSA key that differs from the last `RSA_KEYS - 1` of its size."""
    kind = (public_exponent, key_size)
    if kind not in _pools:
        _pools[kind] = itertools.cycle(_kept_key(*kind, number) for number in range(RSA_KEYS))
    return next(_pools[kind])


def _kept_key(public_exponent: int, key_size: int, number: int) -> rsa.RSAPrivateKey:
    """A key that an earlier run kept, or a new one, which is kept whole or not at all."""
    file = KEPT / f"rsa-{public_exponent}-{key_size}-{number}.pem"
    if file.exists():
        pem = file.read_bytes()
        key = serialization.load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, rsa.RSAPrivateKey)
    else:
        key = _generate(public_exponent, key_size)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _keep(file, pem)
    _known[pem] = key
    return key


def _keep(file: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    file.parent.mkdir(mode=0o700, exist_ok=True)
    made = file.with_suffix(f".{os.getpid()}")
    made.write_bytes(content)
    made.rename(file)


def compile_template(
    environment: Environment, source: Any, name: str | None = None, filename: str | None = None, **more: Any
) -> Any:
    """The code of a template. A file of it is named by all that Jinja reads to compile it."""
    if not isinstance(source, str) or more:
        return _compile_template(environment, source, name, filename, **more)
    syntax = [getattr(environment, option) for option in _SYNTAX]
    known = [sorted(names) for names in (environment.filters, environment.tests, environment.extensions)]
    whole = repr((jinja2.__version__, sys.implementation.cache_tag, syntax, known, name, filename, source))
    file = CODES / hashlib.sha256(whole.encode()).hexdigest()
    if file.exists():
        return marshal.loads(file.read_bytes())
    code = _compile_template(environment, source, name, filename)
    _keep(file, marshal.dumps(code))
    return code


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
    for module in (keys, jwe_upstream, joserfc_pem):
        module.load_pem_private_key = load_pem_private_key  # type: ignore[attr-defined]
    # joserfc keeps its own: the simulator makes more keys in a test than the pool has, and compares them
    rsa.generate_private_key = generate_private_key
    sql_dialect._text = compile_text
    keep_templates()


def keep_templates() -> None:
    """Keeps the code of templates."""
    Environment.compile = compile_template  # type: ignore[method-assign]
