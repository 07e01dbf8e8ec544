"""By what a service will be recognised: the digest of its secret, or its public keys."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.crypto.jose import InvalidToken, parse_keys, strict_json
from broker.crypto.jwe import parse_encryption_keys
from broker.platform.operator_files import Unfit, text
from broker.platform.toml_loader import Problem
from broker.settings.secret_files import SHORTEST, file_problem, read_secret, secret_problem


def secret_digest(file: Path | None, given: str | None, prepared: bool, problems: list[Problem]) -> str | None:
    """The SHA-256 of the client secret in a file, or as it was given.

    With `prepared` False a missing file is no problem: it is still to be made.
    """
    if file is None:
        if given is not None and not re.fullmatch(r"[0-9a-f]{64}", given):
            mend = "write the SHA-256 of the secret: 64 hexadecimal digits in lower case"
            problems.append(Problem("secret_digest", "this is no SHA-256", mend))
        return given
    if given is not None:
        problems.append(Problem("secret_digest", "secret_file is there too", "keep one of the two"))
    if (trouble := file_problem(file)) is not None:
        if prepared:
            problems.append(Problem("secret_file", *trouble))
        return None
    if (unusable := secret_problem("secret_file", file)) is not None:
        problems.append(unusable)
        return None
    shared = read_secret(file)
    if len(shared) < SHORTEST:
        mend = (
            f"write at least {SHORTEST} characters drawn at random into the first line of {file}: openssl rand -hex 32"
        )
        problems.append(Problem("secret_file", "the secret in it is too short", mend))
    return hashlib.sha256(shared.encode()).hexdigest()


def key_set(
    file: Path | None, given: Mapping[str, Any] | None, prepared: bool, problems: list[Problem]
) -> Mapping[str, Any] | None:
    """A service's public keys as a JWK Set, from a file or as it was given. `prepared` as above."""
    if file is None:
        return None if given is None else usable("jwks", given, problems)
    if given is not None:
        problems.append(Problem("jwks_file", "jwks is there too", "keep one of the two"))
    if (trouble := file_problem(file)) is not None:
        if prepared:
            problems.append(Problem("jwks_file", *trouble))
        return None
    try:
        found = strict_json(text(file))
    except Unfit as unfit:
        problems.append(Problem("jwks_file", unfit.what, unfit.mend))
        return None
    except ValueError:
        problems.append(Problem("jwks_file", "the file is not JSON", 'write a JWK Set into it: {"keys": [...]}'))
        return None
    if not isinstance(found, dict):
        problems.append(Problem("jwks_file", "the file is no JWK Set", 'write an object into it: {"keys": [...]}'))
        return None
    return usable("jwks_file", found, problems)


def usable(place: str, jwks: Any, problems: list[Problem]) -> Mapping[str, Any] | None:
    """The key set, if every key in it can be used: one that is skipped now would be missed when it is needed."""
    try:
        keys = parse_keys(jwks)
    except InvalidToken as problem:
        problems.append(Problem(place, problem.detail, 'write a JWK Set of public keys: keys = [{ kty = "EC", ... }]'))
        return None
    for_us = [member for member in jwks["keys"] if member.get("use") == "enc"]
    unusable = len(keys.skipped) - len(parse_encryption_keys({"keys": for_us}))
    if unusable > 0 or not keys.keys:
        detail = "; ".join(keys.skipped) or "it holds no key"
        mend = "list public keys alone: EC P-256, Ed25519, or RSA from 2048 bits; with use enc, EC P-256 or RSA"
        problems.append(Problem(place, detail, mend))
        return None
    found: Mapping[str, Any] = jwks
    return found
