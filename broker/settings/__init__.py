"""Settings: what an operator may configure, as frozen dataclasses.

In order: `sources` reads the TOML files of a folder, or one file with all tables. `renamed_keys` rejects keys of
earlier releases and names the current key. `loading` fills the dataclasses (`schema`, `providers`, `staff`, and of
`broker.model` those that the rules use) and runs the checks. `check_broker`, `check_services`, `check_jose` and
`check_providers` check values, `cross_checks` those of several files, `check_context` carries what these checks need of
broker.toml, `check_shared_secrets` rejects a key or secret with two owners. `credentials` and `secret_files` read the
keys and secrets of services, `service_cache` holds services whose files did not change, `service_cache_file` for the
next start, `notice_templates` reads the template ids of GOV.UK Notify. `missing_files` lists the files that `portico
keys init` creates. `diff` compares two readings for a reload. `reference` prints every setting with its docstring:
docs/configuration.md is generated from it.

Every problem is collected, with its path and a fix, before the broker starts. No network, no store.
"""

from broker.settings.loading import Settings, load
from broker.settings.missing_files import Content, Missing
from broker.settings.notice_templates import WAYS as TEMPLATE_WAYS
from broker.settings.notice_templates import read_templates
from broker.settings.notifications import LetterGatewaySettings as LetterGatewaySettings
from broker.settings.notifications import NotificationSettings, NotifySettings, SmtpSettings, TextGatewaySettings
from broker.settings.providers import ProviderEntry, ProviderKind
from broker.settings.schema import (
    BrokerSettings,
    CertificateSettings,
    DatabaseSettings,
    Environment,
    EphemeralSettings,
    LimitSettings,
    ListenSettings,
    MetricsSettings,
    OutgoingSettings,
)
from broker.settings.secret_files import read_secret
from broker.settings.service_cache import ServiceCache
from broker.settings.sources import Source
from broker.settings.staff import StaffSettings
from broker.settings.urls import address

__all__ = [
    "TEMPLATE_WAYS",
    "BrokerSettings",
    "CertificateSettings",
    "Content",
    "DatabaseSettings",
    "Environment",
    "EphemeralSettings",
    "LimitSettings",
    "ListenSettings",
    "MetricsSettings",
    "Missing",
    "NotificationSettings",
    "NotifySettings",
    "OutgoingSettings",
    "ProviderEntry",
    "ProviderKind",
    "ServiceCache",
    "Settings",
    "SmtpSettings",
    "Source",
    "StaffSettings",
    "TextGatewaySettings",
    "address",
    "load",
    "read_secret",
    "read_templates",
]
