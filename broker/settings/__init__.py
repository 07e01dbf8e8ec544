"""What an operator may configure: typed, frozen, checked as a whole before anything starts."""

from broker.settings.assisted import Assisted, Hours
from broker.settings.loading import Settings, load
from broker.settings.missing import Content, Missing
from broker.settings.notices import Notices, Smtp
from broker.settings.providers import Kind, ProviderEntry
from broker.settings.secret import secret
from broker.settings.shape import (
    Broker,
    Certificates,
    Environment,
    Facts,
    Limits,
    Listen,
    Metrics,
    Outgoing,
    Passing,
    PickerOrder,
    Rate,
    Sessions,
    Support,
    Tokens,
)
from broker.settings.source import Source
from broker.settings.staff import Staff, StaffSessions
from broker.settings.urls import address

__all__ = [
    "Assisted",
    "Broker",
    "Certificates",
    "Content",
    "Environment",
    "Facts",
    "Hours",
    "Kind",
    "Limits",
    "Listen",
    "Metrics",
    "Missing",
    "Notices",
    "Outgoing",
    "Passing",
    "PickerOrder",
    "ProviderEntry",
    "Rate",
    "Sessions",
    "Settings",
    "Smtp",
    "Source",
    "Staff",
    "StaffSessions",
    "Support",
    "Tokens",
    "address",
    "load",
    "secret",
]
