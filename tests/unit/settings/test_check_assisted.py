"""What `portico check` says about services that a person cannot help."""

from dataclasses import replace

from broker.assisted.profiles import default_profiles
from broker.model.assurance import Level
from broker.settings.check_assisted import out_of_reach
from tests.support.configuration import Configuration


def test_services_out_of_reach_of_a_person_are_named_with_what_it_would_take(config: Configuration) -> None:
    settings, profiles = config.settings(), default_profiles()
    services = {name: replace(one, level=Level.SUBSTANTIAL) for name, one in settings.services.items()}
    assert list(out_of_reach(replace(settings, services=services), profiles)) == []
    [name, *_] = services
    high = replace(settings, services={**services, name: replace(services[name], level=Level.HIGH)})
    [note] = out_of_reach(high, profiles)
    assert note.startswith(f"service {name}: a person cannot help at level high")
    assert "it would take a proof under [authentication] of that level" in note
    closed = {**services, name: replace(services[name], level=Level.HIGH, assisted=False)}
    assert list(out_of_reach(replace(settings, services=closed), profiles)) == []
    enough = replace(profiles, authentication=replace(profiles.authentication, live=Level.HIGH))
    assert list(out_of_reach(high, enough)) == []
    assert list(out_of_reach(replace(high, staff=None), profiles)) == []
