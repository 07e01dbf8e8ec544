"""Checks of assisted verification: whether a person can help the citizens of each service."""

from collections.abc import Iterator

from broker.assisted.profiles import Profiles
from broker.settings.loading import Settings


def out_of_reach(settings: Settings, profiles: Profiles) -> Iterator[str]:
    """The services whose level assisted verification never reaches, though their citizens may ask for it, and what it
    would take.
    """
    if settings.staff is None or not settings.broker.assisted.enabled:
        return
    best = max(profile.level for profile in profiles.profiles.values())
    caps = max(cap.level for cap in profiles.caps.values())
    for client_id, service in settings.services.items():
        if not service.assisted or service.level <= profiles.highest:
            continue
        needed = [
            what
            for what, level in (
                ("a profile", best),
                ("a channel under [caps]", caps),
                ("a proof under [authentication]", profiles.authentication.best),
            )
            if level < service.level
        ]
        yield (
            f"service {client_id}: a person cannot help at level {service.level.name.lower()}; in the profile file it "
            f"would take {' and '.join(needed)} of that level. Its citizens are told so before they choose"
        )
