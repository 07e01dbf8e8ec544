"""Test people of the national providers, with the edge cases that real registers have. All of them are invented."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from broker.model.assurance import Level


@dataclass(frozen=True, slots=True)
class Postal:
    """A postal address."""

    street: str
    locality: str
    code: str
    country: str


@dataclass(frozen=True, slots=True)
class RegisteredPerson:
    """A person in a register. `former` are names that were valid until `changed` (a date).

    `birthdate` may be a year, or a year and a month, with or without zeros for what is unknown. `highest` is the
    highest level that the person can reach. `for_entity` is the company or person for whom they act, if they do.
    """

    id: str
    title: str
    given: str
    family: str
    birthdate: str = ""
    email: str = ""
    phone: str = ""
    address: Postal | None = None
    former: str = ""
    changed: str = ""
    highest: Level = Level.HIGH
    for_entity: str = ""
    numbers: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Both names, or the only one."""
        return " ".join(filter(None, (self.given, self.family)))


LONG: Final = "Wolfeschlegelsteinhausenbergerdorff"

PEOPLE: Final[tuple[RegisteredPerson, ...]] = (
    RegisteredPerson(
        "amina",
        "Amina Hughes",
        "Amina",
        "Hughes",
        "1987-04-12",
        "amina.hughes@mail.example",
        "+447700900123",
        Postal("4 Quay Row", "Aberlan", "ZZ1 4QR", "GB"),
        numbers={"nric": "S8712345H", "ee": "48704120019", "pid": "12048712345"},
    ),
    RegisteredPerson("mari", "Mari-Liis Männik", "Mari-Liis", "Männik", "1960-01-01", numbers={"ee": "60001019906"}),
    RegisteredPerson("one-name", "Suharto, who has one name", "", "Suharto", "1951-06-08", "suharto@mail.example"),
    RegisteredPerson("no-birthdate", "Rosa Blom, born on an unknown day", "Rosa", "Blom", "", "rosa@mail.example"),
    RegisteredPerson("year-only", "Tariq Noor, of whose birth only the year is known", "Tariq", "Noor", "1948-00-00"),
    RegisteredPerson(
        "long",
        "A very long name",
        "Maria Guadalupe del Perpetuo Socorro de los Ángeles",
        f"{LONG}-{LONG}-{LONG}",
        "1979-12-31",
    ),
    RegisteredPerson("right-to-left", "ليلى, written from right to left", "ليلى", "العبد الله", "1992-07-19"),
    RegisteredPerson("marks", "Zoë O’Connor-Ñandú, with marks", "Zoë", "O’Connor-Ñandú", "1985-02-28"),
    RegisteredPerson("minor", "Ffion Bevan, a child", "Ffion", "Bevan", "2014-09-03"),
    RegisteredPerson(
        "changed-name",
        "Elin Berg, formerly Strand",
        "Elin",
        "Berg",
        "1990-03-15",
        former="Strand",
        changed="2024-05-01",
    ),
    RegisteredPerson("weak", "Noor al-Sayed, with a weak account", "Noor", "al-Sayed", "2001-02-09", highest=Level.LOW),
    RegisteredPerson(
        "acting",
        "Olu Adeyemi, for a company",
        "Olu",
        "Adeyemi",
        "1975-11-23",
        for_entity="201912345D",
    ),
)
"""The catalogue. The first person is who signs in if none is chosen."""


def find_person(person_id: str) -> RegisteredPerson | None:
    """The person with an id."""
    return next((person for person in PEOPLE if person.id == person_id), None)
