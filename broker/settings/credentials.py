"""Credentials of services, read from the files that a service names: the digest of a client secret, or public keys."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from broker.crypto.jose import InvalidToken, parse_keys, strict_json
from broker.crypto.jwe import parse_encryption_keys
from broker.model.json_types import JsonObject
from broker.model.service import Service, SubjectType, is_native, redirect_hosts
from broker.platform.operator_files import Unfit, text
from broker.platform.toml_loader import Problem
from broker.settings.secret_files import SHORTEST, file_problem, secret_of


def with_credentials(written: Service, *, prepared: bool) -> tuple[Service, list[Problem]]:
    """Reads the secret and the keys of a service from their files. Returns the service with the problems found.

    Records do no I/O, hence this step: `written` holds the values of the service's file, which the checks of
    credentials compare; the returned service holds the digest and the keys. With `prepared` False a missing
    secret or key file is no problem: `portico keys init` creates it.
    """
    problems = list(check_sector(written))
    named = written.credentials
    digest = secret_digest(named.secret_file, named.secret_digest, problems, prepared=prepared)
    jwks = key_set(named.jwks_file, named.jwks, problems, prepared=prepared)
    return replace(written, credentials=replace(named, secret_digest=digest, jwks=jwks)), problems


def check_sector(service: Service) -> Iterator[Problem]:
    """Checks that a sector is registered if the redirect URIs do not name one, and none for public subjects."""
    fix = "name the sector: a host of yours that will never change"
    if service.subject_type is SubjectType.PUBLIC:
        if service.registered_sector is not None:
            yield Problem("sector", "public subjects have no sector", "remove it, or use pairwise")
    elif service.registered_sector is not None:
        return
    elif any(map(is_native, service.redirect_uris)):
        yield Problem("sector", "the redirect URIs of an app on the citizen's device have no host", fix)
    elif len(redirect_hosts(service.redirect_uris)) > 1:
        yield Problem("sector", "the redirect URIs are on different hosts", fix)


def secret_digest(file: Path | None, given: str | None, problems: list[Problem], *, prepared: bool) -> str | None:
    """The SHA-256 of the client secret, from a file or as given. Appends to `problems`.

    With `prepared` False a missing file is no problem: `portico keys init` creates it.
    """
    if file is None:
        if given is not None and not re.fullmatch(r"[0-9a-f]{64}", given):
            fix = "write the SHA-256 of the secret: 64 hexadecimal digits in lower case"
            problems.append(Problem("secret_digest", "this is not a SHA-256", fix))
        return given
    if given is not None:
        problems.append(Problem("secret_digest", "secret_file is set too", "keep one of the two"))
    if not prepared and file_problem(file) is not None:
        return None
    shared = secret_of("secret_file", file)
    if isinstance(shared, Problem):
        problems.append(shared)
        return None
    if len(shared) < SHORTEST:
        fix = f"write at least {SHORTEST} random characters into the first line of {file}: openssl rand -hex 32"
        problems.append(Problem("secret_file", "the secret in it is too short", fix))
    return hashlib.sha256(shared.encode()).hexdigest()


def key_set(
    file: Path | None, given: JsonObject | None, problems: list[Problem], *, prepared: bool
) -> JsonObject | None:
    """The public keys of a service as a JWK Set, from a file or as given. `prepared` as in `secret_digest`."""
    if file is None:
        return None if given is None else usable("jwks", given, problems)
    if given is not None:
        problems.append(Problem("jwks_file", "jwks is set too", "keep one of the two"))
    if (trouble := file_problem(file)) is not None:
        if prepared:
            problems.append(Problem("jwks_file", *trouble))
        return None
    try:
        found = strict_json(text(file))
    except Unfit as unfit:
        problems.append(Problem("jwks_file", unfit.what, unfit.fix))
        return None
    except ValueError:
        problems.append(Problem("jwks_file", "the file is not JSON", 'write a JWK Set into it: {"keys": [...]}'))
        return None
    if not isinstance(found, dict):
        problems.append(Problem("jwks_file", "the file is not a JWK Set", 'write an object into it: {"keys": [...]}'))
        return None
    return usable("jwks_file", found, problems)


def usable(place: str, jwks: JsonObject, problems: list[Problem]) -> JsonObject | None:
    """The JWK Set, if every key in it is supported; an unsupported key is a problem now rather than at its first
    use."""
    try:
        keys = parse_keys(jwks)
    except InvalidToken as problem:
        problems.append(Problem(place, problem.detail, 'write a JWK Set of public keys: keys = [{ kty = "EC", ... }]'))
        return None
    unusable = len(keys.skipped) - len(parse_encryption_keys(jwks))
    if unusable > 0 or not keys.keys:
        detail = "; ".join(keys.skipped) or "it contains no key"
        fix = "list only public keys: EC P-256, Ed25519, or RSA from 2048 bits; with use enc, EC P-256 or RSA"
        problems.append(Problem(place, detail, fix))
        return None
    return jwks
