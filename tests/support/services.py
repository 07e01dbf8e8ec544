"""Services made of the settings of their file, by key, without the groups of the record."""

from dataclasses import replace
from typing import Any

from broker.model.service import Service
from broker.platform.toml_fields import assemble, keys_of

KEYS = {key.name: key for key in keys_of(Service)}


def make_service(**settings: Any) -> Service:
    """A service with these settings. The values are those of the record and not of TOML."""
    assert not (unknown := set(settings) - set(KEYS)), unknown
    return assemble(Service, KEYS.values(), settings)


def change_service(service: Service, **settings: Any) -> Service:
    """The service with other settings."""
    assert not (unknown := set(settings) - set(KEYS)), unknown
    for name, value in settings.items():
        *group, field = KEYS[name].path
        inner = {field: value}
        service = replace(service, **({group[0]: replace(getattr(service, group[0]), **inner)} if group else inner))
    return service
