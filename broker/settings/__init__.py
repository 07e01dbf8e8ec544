"""What an operator may configure: typed, frozen, checked as a whole before anything starts."""

from broker.settings.loading import Settings, load
from broker.settings.missing_files import Content, Missing
from broker.settings.notices import NotificationSettings, SmtpSettings
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
    PickerOrder,
    RateSetting,
    SessionSettings,
    SupportSettings,
    TokenSettings,
)
from broker.settings.secret_files import read_secret
from broker.settings.sources import Source
from broker.settings.staff import StaffSessionSettings, StaffSettings
from broker.settings.urls import address

__all__ = [
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
    "OutgoingSettings",
    "PickerOrder",
    "ProviderEntry",
    "ProviderKind",
    "RateSetting",
    "SessionSettings",
    "Settings",
    "SmtpSettings",
    "Source",
    "StaffSessionSettings",
    "StaffSettings",
    "SupportSettings",
    "TokenSettings",
    "address",
    "load",
    "read_secret",
]
