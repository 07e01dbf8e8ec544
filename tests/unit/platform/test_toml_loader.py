"""Tables become records or problems, and nothing else happens."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.platform.toml_loader import Instant, Problem, Range, Seconds, load, unknown
from broker.settings.reference import duration_text


class Colour(StrEnum):
    RED = "red"
    DARK_BLUE = "dark-blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


@dataclass(frozen=True, slots=True)
class Wheel:
    spokes: Annotated[int, Range(3, 64)]
    colour: Colour = Colour.RED


@dataclass(frozen=True, slots=True)
class Cart:
    name: str
    wheels: tuple[Wheel, ...]
    size: Size = Size.SMALL
    load: float = 0.0
    covered: bool = False
    horn: Wheel | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    seats: Mapping[Size, int] = field(default_factory=dict)
    tags: frozenset[Colour] = frozenset()
    papers: Path | None = None
    rest: Annotated[Seconds, Range(0, 86400)] = 60
    built: Instant | None = None
    notes: Mapping[str, object] = field(default_factory=dict)
    password_file: Path | None = None


def cart(**changes: Any) -> dict[str, Any]:
    return {"name": "hay", "wheels": [{"spokes": 12}]} | changes


def problems(table: Mapping[str, Any]) -> list[Problem]:
    record, found = load(table, Cart)
    assert record is None
    return found


wheels = st.builds(Wheel, spokes=st.integers(3, 64), colour=st.sampled_from(Colour))
carts = st.builds(
    Cart,
    name=st.text(),
    wheels=st.lists(wheels, max_size=3).map(tuple),
    size=st.sampled_from(Size),
    load=st.floats(allow_nan=False),
    covered=st.booleans(),
    horn=st.none() | wheels,
    labels=st.dictionaries(st.text(), st.text(), max_size=3),
    seats=st.dictionaries(st.sampled_from(Size), st.integers(), max_size=2),
    tags=st.frozensets(st.sampled_from(Colour)),
    papers=st.none() | st.sampled_from([Path("a"), Path("/b/c.pem")]),
    rest=st.integers(0, 86400),
    built=st.none() | st.datetimes(timezones=st.just(UTC)).map(datetime.timestamp),
)


def as_table(value: Any) -> Any:
    """A record as TOML would hold it."""
    match value:
        case Colour():
            return value.value
        case Size():
            return value.name.lower()
        case Path():
            return str(value)
        case Wheel() | Cart():
            names = type(value).__dataclass_fields__
            table = {name: as_table(getattr(value, name)) for name in names if getattr(value, name) is not None}
            if isinstance(value, Cart):
                table["rest"] = duration_text(value.rest)
                if value.built is not None:
                    table["built"] = datetime.fromtimestamp(value.built, UTC)
            return table
        case Mapping():
            return {as_table(key): as_table(inner) for key, inner in value.items()}
        case tuple() | frozenset():
            return [as_table(inner) for inner in value]
        case _:
            return value


@given(carts)
def test_a_table_becomes_the_record_it_describes(record: Cart) -> None:
    assert load(as_table(record), Cart) == (record, [])


anything = st.recursive(
    st.text(max_size=8)
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.booleans()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.times(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*Cart.__dataclass_fields__, "nmae", "a.b", ""])


@given(st.dictionaries(names, anything))
def test_any_table_at_all_gives_a_record_or_problems_and_never_an_exception(table: dict[str, Any]) -> None:
    record, found = load(table, Cart)
    assert (record is None) == bool(found)
    assert all(problem.path and problem.what and problem.fix for problem in found)


BREAKS: Mapping[str, Any] = {
    "name": 5,
    "wheels": [{"spokes": 2}],
    "size": "huge",
    "load": "much",
    "covered": "yes",
    "labels": {"en": 1},
    "seats": {"tiny": 1},
    "tags": ["green"],
    "papers": "",
    "rest": "soon",
    "built": "yesterday",
    "painted": True,
}
PLACES = {"wheels": "wheels[0].spokes", "labels": "labels.en", "seats": "seats.tiny", "tags": "tags[0]"}


@given(st.sets(st.sampled_from(sorted(BREAKS))))
def test_every_problem_is_named_at_once_each_at_its_own_place(broken: set[str]) -> None:
    _, found = load(cart(**{name: BREAKS[name] for name in broken}), Cart)
    assert sorted(problem.path for problem in found) == sorted(PLACES.get(name, name) for name in broken)


def test_what_must_be_written_and_is_not_is_a_problem() -> None:
    assert [(problem.path, problem.what) for problem in problems({})] == [
        ("name", "this setting is missing"),
        ("wheels", "this setting is missing"),
    ]


def test_an_unknown_key_is_a_problem_that_suggests_the_nearest_one() -> None:
    (problem,) = problems(cart(coverd=True))
    assert (problem.path, problem.fix) == ("coverd", 'did you mean "covered"?')


def test_an_unknown_choice_is_a_problem_that_suggests_the_nearest_one() -> None:
    (problem,) = problems(cart(size="larg"))
    assert problem.fix == 'did you mean "large"?'
    (problem,) = problems(cart(size="x"))
    assert problem.fix == "known are: small, large"


def test_a_path_names_every_step_in_the_writing_of_toml() -> None:
    table = tomllib.loads('name = "hay"\nwheels = [{spokes = 5}, {spokes = 5, "a b" = 1}]\nlabels = {"x.y" = 1}')
    assert [problem.path for problem in problems(table)] == ['wheels[1]."a b"', 'labels."x.y"']


def test_a_leading_path_stands_before_every_problem() -> None:
    _, found = load({"name": 1}, Cart, "carts[2]")
    assert [problem.path for problem in found] == ["carts[2].name", "carts[2].wheels"]


@given(
    st.text(min_size=9), st.sampled_from(["password", "client_secret", "load", "covered", "rest", "papers_", "wheels"])
)
def test_no_problem_repeats_a_value_that_could_be_secret(tail: str, key: str) -> None:
    canary = f"canary{tail}"
    assert not any("canary" in str(problem) for problem in problems(cart(**{key: canary})))


def test_a_secret_in_the_file_is_a_problem_that_names_the_file_setting() -> None:
    (problem,) = problems(cart(password="hunter2"))
    assert problem.fix.endswith("name the file with password_file")
    (problem,) = problems(cart(client_secret="hunter2"))
    assert problem.fix == "secrets are never written here: put it into a separate file"


SERVICE = ("client_id", "secret_file", "secret_digest", "jwks", "jwks_file", "sector", "scopes", "contact")
PROVIDER = ("client_id", "secret_file", "key_file", "scopes", "languages")
MAIL = ("host", "user", "password_file")


@pytest.mark.parametrize(
    ("key", "known", "file"),
    [
        ("client_secret", SERVICE, "secret_file"),
        ("secret", SERVICE, "secret_file"),
        ("Client_Secret", SERVICE, "secret_file"),
        ("clientSecret", SERVICE, "secret_file"),
        ("secret_value", SERVICE, "secret_file"),
        ("secret_key", PROVIDER, "secret_file"),
        ("client_secret", PROVIDER, "secret_file"),
        ("private_key", PROVIDER, "key_file"),
        ("signing_key", PROVIDER, "key_file"),
        ("key", PROVIDER, "key_file"),
        ("smtp_password", MAIL, "password_file"),
        ("password", MAIL, "password_file"),
        ("passwd", MAIL, None),
        ("api_key", MAIL, None),
        ("access_token", MAIL, None),
        ("pin", MAIL, None),
        ("client_secret", MAIL, None),
    ],
)
def test_an_unknown_key_that_looks_secret_is_a_problem_that_names_the_file_setting(
    key: str, known: tuple[str, ...], file: str | None
) -> None:
    fix = unknown(key, dict.fromkeys(known))
    assert fix.startswith("secrets are never written here: put it into a separate file")
    assert fix.endswith(f"name the file with {file}") is (file is not None)
    assert "did you mean" not in fix


@pytest.mark.parametrize(
    ("key", "near"), [("secret_fil", "secret_file"), ("secret_digst", "secret_digest"), ("client_di", "client_id")]
)
def test_a_mistyped_setting_is_no_secret(key: str, near: str) -> None:
    assert unknown(key, dict.fromkeys(SERVICE)) == f'did you mean "{near}"?'


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30 s", 30),
        ("30s", 30),
        ("1 second", 1),
        ("15 minutes", 900),
        ("15 min", 900),
        ("24 h", 86400),
        ("1 day", 86400),
        ("1 hour 30 minutes", 5400),
        (90, 90),
        (0, 0),
    ],
)
def test_a_duration_is_written_with_its_units_or_in_seconds(text: str | int, seconds: int) -> None:
    record, found = load(cart(rest=text), Cart)
    assert record is not None
    assert record.rest == seconds
    assert not found


@pytest.mark.parametrize(
    "text", ["", "soon", "5", "5 fortnights", "minutes", "-5 s", -5, 1.5, True, "1 hour and 5 s", "٣ s", "5 s\n", []]
)
def test_what_is_no_duration_is_a_problem(text: Any) -> None:
    (problem,) = problems(cart(rest=text))
    assert problem.what == "this is not a duration"


def test_a_number_out_of_bounds_is_a_problem_that_says_the_bounds() -> None:
    (problem,) = problems(cart(rest="2 days"))
    assert (problem.what, problem.fix) == (
        "172800 seconds is out of bounds",
        "choose a number from 0 to 86400 seconds",
    )
    (problem,) = problems(cart(wheels=[{"spokes": 65}]))
    assert problem.fix == "choose a number from 3 to 64"


def test_a_date_means_its_first_second_in_utc_and_a_time_needs_an_offset() -> None:
    record, _ = load(cart(built=date(1970, 1, 2)), Cart)
    assert record is not None
    assert record.built == 86400
    table = tomllib.loads("built = 1970-01-02T01:00:00+01:00")
    record, _ = load(cart(**table), Cart)
    assert record is not None
    assert record.built == 86400
    (problem,) = problems(cart(built=datetime(1970, 1, 2)))
    assert problem.what == "this is not a point in time"


def test_true_is_no_number_and_a_number_is_no_truth() -> None:
    assert [problem.path for problem in problems(cart(load=True, covered=1))] == ["load", "covered"]


def test_a_relative_path_starts_at_the_base_and_an_absolute_one_stays() -> None:
    record, _ = load(cart(papers="../b/c.pem"), Cart, base=Path("/etc/a"))
    assert record is not None
    assert record.papers == Path("/etc/b/c.pem")
    record, _ = load(cart(papers="/x/y"), Cart, base=Path("/etc/a"))
    assert record is not None
    assert record.papers == Path("/x/y")


def test_a_type_that_no_toml_value_can_fill_is_a_fault_of_the_record() -> None:
    @dataclass(frozen=True)
    class Odd:
        value: complex

    @dataclass(frozen=True)
    class Either:
        value: int | str

    @dataclass(frozen=True)
    class Pair:
        value: tuple[int, int]

    for shape in (Odd, Either, Pair):
        with pytest.raises(TypeError):
            load({"value": 1}, shape)


def test_an_enum_without_texts_goes_by_the_names_of_its_members() -> None:
    class Mood(Enum):
        VERY_GOOD = object()

    @dataclass(frozen=True)
    class Day:
        mood: Mood

    Day.__annotations__["mood"] = Mood
    assert load({"mood": "very_good"}, Day) == (Day(Mood.VERY_GOOD), [])
