"""Checks of SCIM, `[scim]`."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from broker.platform.toml_loader import Problem
from broker.settings.schema import BrokerSettings
from broker.settings.secret_files import secret_problem


def check_scim(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks that the package that SCIM needs is installed."""
    if broker.scim is None:
        return
    try:
        version("scim2-models")
    except PackageNotFoundError:
        fix = "install the extra: pip install portico[scim]"
        yield Problem("scim", "the package scim2-models is not installed", fix)


def check_scim_token(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks the file of the bearer token."""
    if broker.scim is None:
        return
    problem = secret_problem("scim.token_file", broker.scim.token_file, header=True)
    if problem is not None:
        yield problem
