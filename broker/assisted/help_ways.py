"""Ways to talk to a person: which can reach a level of assurance, what each needs, when it is open."""

from dataclasses import dataclass

from broker.assisted.case_records import Channel
from broker.assisted.deadlines import CasePolicy
from broker.assisted.opening import BusinessHours, ChannelSettings, Office
from broker.assisted.profiles import Profiles
from broker.model.assurance import Level


@dataclass(frozen=True, slots=True)
class HelpWay:
    """One way to talk to a person.

    `reaches` is the highest level that it can reach. `needs` are checks of the profile file of which one must be passed
    for the level that was asked for; empty if the channel alone is enough. `opens` and `closes` (seconds since 1970
    UTC) are the hours that last now or come next, None if it is never open. `wait` is how long (seconds) half of the
    citizens waited at most, None if it cannot be said yet.
    """

    channel: Channel
    reaches: Level
    needs: tuple[str, ...] = ()
    hours: BusinessHours | None = None
    opens: float | None = None
    closes: float | None = None
    wait: int | None = None
    appointments: bool = False
    offices: tuple[Office, ...] = ()

    def open_at(self, now: float) -> bool:
        """Whether it is open now."""
        return self.opens is not None and self.opens <= now


def ways_for(profiles: Profiles, policy: CasePolicy, level: Level) -> tuple[HelpWay, ...]:
    """The ways that can reach a level, the strongest first."""
    return tuple(way for way in all_ways(profiles, policy, level) if way.reaches >= level)


def ways_below(profiles: Profiles, policy: CasePolicy, level: Level) -> tuple[HelpWay, ...]:
    """The ways that are open to citizens and cannot reach a level: they are named, and not offered."""
    return tuple(way for way in all_ways(profiles, policy, level) if way.reaches < level)


def all_ways(profiles: Profiles, policy: CasePolicy, level: Level) -> tuple[HelpWay, ...]:
    """Every way that the settings allow, the strongest first, with what it takes to reach `level`."""
    found = []
    for channel in Channel:
        settings = policy.channels.get(channel, ChannelSettings())
        if not settings.enabled or (channel is Channel.SENT and not policy.files.enabled):
            continue
        cap = profiles.caps[channel]
        without = cap.level if cap.without is None else cap.without
        found.append(
            HelpWay(
                channel,
                min(cap.level, profiles.highest),
                needs=cap.needs_one_of if without < level <= cap.level else (),
                hours=None if channel is Channel.SENT else settings.hours or policy.hours,
                appointments=settings.appointments > 0 and channel is not Channel.IN_PERSON,
                offices=policy.offices if channel is Channel.IN_PERSON else (),
            )
        )
    return tuple(sorted(found, key=lambda way: -profiles.caps[way.channel].level))
