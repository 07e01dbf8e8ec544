"""What `portico check` says about services that a person cannot help."""

from dataclasses import replace
from importlib.resources import files

import pytest

from broker.assisted.calibration import made_up_cases
from broker.assisted.profiles import default_profiles
from broker.model.assurance import Level
from broker.settings.check_assisted import out_of_reach
from broker.settings.profile_file import made_up_cases_of, made_up_problems, profile_problems, profiles_of
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


PACKAGED = files("broker.assisted").joinpath("profiles.toml").read_text("utf-8")


def test_an_own_profile_file_is_checked_and_used(config: Configuration) -> None:
    own = config.folder / "own.toml"
    own.write_text(PACKAGED.replace('version = "', 'version = "own-', 1))
    broker = config.settings().broker
    with_own = replace(broker, assisted=replace(broker.assisted, profiles=own))
    assert list(profile_problems(with_own)) == []
    profiles = profiles_of(with_own)
    assert profiles.version.startswith("own-")
    assert profiles.framework == broker.trust_framework
    assert profiles_of(broker).version == default_profiles().version


@pytest.mark.parametrize(
    ("content", "path", "what"),
    [
        (None, "assisted.profiles", "the file is missing"),
        ("version = ", "assisted.profiles", "own.toml is not TOML"),
        ('version = "1"', "assisted.profiles (own.toml): framework", "missing"),
        (PACKAGED.replace('checks = ["seen"', 'checks = ["sene"', 1), "assisted.profiles (own.toml): kinds.", "sene"),
    ],
)
def test_a_profile_file_that_cannot_be_used_is_named_with_what_mends_it(
    content: str | None, path: str, what: str, config: Configuration
) -> None:
    own = config.folder / "own.toml"
    if content is not None:
        own.write_text(content)
    broker = config.settings().broker
    found = list(profile_problems(replace(broker, assisted=replace(broker.assisted, profiles=own))))
    assert any(one.path.startswith(path) and what in one.what and one.fix for one in found), found


PACKAGE = files("broker.assisted")
MADE_UP = PACKAGE.joinpath("calibration.toml").read_text("utf-8").replace("specimens/", f"{PACKAGE}/specimens/")


def test_own_made_up_cases_are_checked_and_used(config: Configuration) -> None:
    own = config.folder / "made-up.toml"
    own.write_text(MADE_UP.replace('version = "', 'version = "own-', 1))
    broker = config.settings().broker
    with_own = replace(broker, assisted=replace(broker.assisted, made_up_cases=own))
    assert list(made_up_problems(with_own)) == []
    assert made_up_cases_of(with_own).version.startswith("own-")
    assert list(made_up_problems(broker)) == []
    assert made_up_cases_of(broker) is made_up_cases()


@pytest.mark.parametrize(
    ("content", "path", "what"),
    [
        (None, "assisted.made_up_cases", "the file is missing"),
        ("version = ", "assisted.made_up_cases", "made-up.toml is not TOML"),
        ('version = "1"', "assisted.made_up_cases (made-up.toml): cases", "missing"),
        (MADE_UP.replace('kind = "passport"', 'kind = "scroll"', 1), "cases.good_passport", "scroll"),
        (MADE_UP.replace('seen = "yes"', 'sene = "yes"', 1), "cases.good_passport", "sene"),
        (MADE_UP.replace('["face_differs"]', '["convinced"]', 1), "cases.another_face.reasons", "cannot give"),
        (MADE_UP.replace('decision = "approve"', 'decision = "approve"\nreasons = ["doubt"]', 1), "reasons", "cannot"),
        (MADE_UP.replace('decision = "approve"', 'decision = "refer"', 1), "cases.good_passport.reasons", "cannot"),
        (
            MADE_UP.replace("licence_front.jpg", "lost.jpg"),
            "cases.expired_licence",
            "expired_lost.jpg: the file is missing",
        ),
        (MADE_UP.replace("specimens/another_face_person.jpg", "calibration.toml"), "another_face", "is no JPEG"),
        (
            MADE_UP.replace('shows = "person"', 'shows = "soul"'),
            "cases.another_face.evidence[0].images[1].shows",
            "soul",
        ),
    ],
)
def test_made_up_cases_that_cannot_be_used_are_named_with_what_mends_them(
    content: str | None, path: str, what: str, config: Configuration
) -> None:
    own = config.folder / "made-up.toml"
    if content is not None:
        own.write_text(content)
    broker = config.settings().broker
    [problem] = made_up_problems(replace(broker, assisted=replace(broker.assisted, made_up_cases=own)))
    assert path in problem.path
    assert what in problem.what
    assert problem.fix
