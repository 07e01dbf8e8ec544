"""Ways to talk to a person for a level: offered, or named with why they are not."""

from dataclasses import replace
from pathlib import Path

import pytest

from broker.assisted.case_records import Channel
from broker.assisted.deadlines import CasePolicy
from broker.assisted.help_ways import ways_below, ways_for
from broker.assisted.opening import BusinessHours, ChannelSettings, Office
from broker.assisted.profiles import default_profiles
from broker.model.assurance import Level

PROFILES = replace(default_profiles(), authentication=replace(default_profiles().authentication, live=Level.HIGH))
OFFICE = Office("central", {"en": "Central library"}, "1 High Street")
SUNDAYS = BusinessHours(("sun",))
POLICY = CasePolicy(offices=(OFFICE,), channels={Channel.VIDEO: ChannelSettings(hours=SUNDAYS, appointments=2)})


@pytest.mark.parametrize(
    ("level", "offered", "below"),
    [
        (Level.LOW, [one for one in Channel if one is not Channel.SENT], []),
        (Level.SUBSTANTIAL, [Channel.IN_PERSON, Channel.VIDEO], [Channel.PHONE, Channel.PHONE_AND_POST]),
        (Level.HIGH, [Channel.IN_PERSON], [Channel.VIDEO, Channel.PHONE, Channel.PHONE_AND_POST]),
    ],
)
def test_a_way_is_offered_if_it_reaches_the_level_and_else_named(
    level: Level, offered: list[Channel], below: list[Channel]
) -> None:
    assert sorted(way.channel for way in ways_for(PROFILES, POLICY, level)) == sorted(offered)
    assert sorted(way.channel for way in ways_below(PROFILES, POLICY, level)) == sorted(below)


def test_a_way_says_what_it_takes_where_it_is_and_when_it_is_open() -> None:
    [person] = ways_for(PROFILES, POLICY, Level.HIGH)
    assert (person.needs, person.offices, person.appointments) == (("chip", "light"), (OFFICE,), False)
    person, video = ways_for(PROFILES, POLICY, Level.SUBSTANTIAL)
    assert (person.needs, person.hours) == ((), POLICY.hours)
    assert (video.needs, video.hours, video.appointments, video.offices) == ((), SUNDAYS, True, ())


def test_a_channel_that_the_operator_closed_is_neither_offered_nor_named() -> None:
    closed = replace(POLICY, channels={Channel.IN_PERSON: ChannelSettings(enabled=False)})
    assert Channel.IN_PERSON not in {way.channel for way in ways_for(PROFILES, closed, Level.LOW)}
    assert ways_for(PROFILES, closed, Level.HIGH) == ()
    assert Channel.IN_PERSON not in {way.channel for way in ways_below(PROFILES, closed, Level.HIGH)}


def test_sending_files_is_a_way_only_if_they_can_be_kept() -> None:
    kept = replace(POLICY, files=replace(POLICY.files, folder=Path("/var/lib/evidence")))
    assert Channel.SENT in {way.channel for way in ways_for(PROFILES, kept, Level.LOW)}
    assert Channel.SENT not in {way.channel for way in ways_for(PROFILES, POLICY, Level.LOW)}
