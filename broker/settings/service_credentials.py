"""The parts of a service that its file only names, and problems of its sector."""

from collections.abc import Iterator
from dataclasses import replace

from broker.model.service import Service, SubjectType, is_native, redirect_hosts
from broker.platform.toml_loader import Problem
from broker.settings.credentials import key_set, secret_digest


def with_credentials(written: Service, *, prepared: bool) -> tuple[Service, list[Problem]]:
    """Reads the secret and the keys of a service from their files. Returns the service with the problems found.

    It is a step of its own, since a record does no I/O: `written` holds what the file of the service says, which the
    checks of credentials compare; the returned service holds the digest and the keys. With `prepared` False a missing
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
