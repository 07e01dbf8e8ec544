"""The only wiring: every part is built once, from settings. Nothing is decided here."""

from broker.stores.sql.error_mapping import wrong_tables
from broker.wiring.admin import SettingsReader, admin_stores, check_keys, check_ready, check_start, migrate_schema
from broker.wiring.app_pages import compile_pages
from broker.wiring.applications import Application, public_app, staff_app
from broker.wiring.connection_checks import connect
from broker.wiring.container import Container
from broker.wiring.lifespan import LifespanApp
from broker.wiring.opening import open_container
from broker.wiring.provider_self_test import test_provider
from broker.wiring.settings_reload import wait_for_valid

__all__ = [
    "Application",
    "Container",
    "LifespanApp",
    "SettingsReader",
    "admin_stores",
    "check_keys",
    "check_ready",
    "check_start",
    "compile_pages",
    "connect",
    "migrate_schema",
    "open_container",
    "public_app",
    "staff_app",
    "test_provider",
    "wait_for_valid",
    "wrong_tables",
]
