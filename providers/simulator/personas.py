"""Providers and personas of the demonstration. All of them are invented."""

from collections.abc import Mapping
from dataclasses import replace

from providers.simulator.settings import Issuer, Persona, SimulatedClient

AMINA = Persona(
    "amina",
    "Amina Hughes",
    {
        "sub": "amina",
        "name": "Amina Hughes",
        "given_name": "Amina",
        "family_name": "Hughes",
        "birthdate": "1987-04-12",
        "email": "amina.hughes@mail.example",
        "email_verified": True,
        "phone_number": "+44 1632 960001",
        "phone_number_verified": True,
        "address": {"street_address": "4 Quay Row", "locality": "Aberlan", "postal_code": "ZZ1 4QR", "country": "GB"},
    },
)
IOAN = Persona(
    "ioan",
    "Ioan Pryce",
    {
        "sub": "ioan",
        "name": "Ioan Pryce",
        "given_name": "Ioan",
        "family_name": "Pryce",
        "birthdate": "1953-11-30",
        "email": "ioan@post.example",
        "email_verified": False,
        "address": {"street_address": "Tŷ Gwyn", "locality": "Aberlan", "postal_code": "ZZ1 9TG", "country": "GB"},
    },
)
NOOR = Persona(
    "noor",
    "Noor al-Sayed (a basic account)",
    {
        "sub": "noor",
        "name": "Noor al-Sayed",
        "given_name": "Noor",
        "family_name": "al-Sayed",
        "birthdate": "2001-02-09",
        "email": "noor@mail.example",
        "email_verified": True,
    },
    highest=0,
)


def _staff(persona_id: str, name: str, role: str) -> Persona:
    claims = {
        "sub": f"staff-{persona_id}",
        "name": name,
        "email": f"{persona_id}@help.example",
        "email_verified": True,
        "role": role,
    }
    return Persona(persona_id, f"{name}, {role}", claims)


NORTHBANK = Issuer(
    name="northbank",
    title="Northbank ID",
    motto="Sign in with your bank",
    tint="#0b5d4e",
    levels=("northbank:basic", "northbank:strong"),
    amr=(("pwd",), ("pwd", "otp", "mfa")),
    personas=(AMINA, IOAN, NOOR),
)
HARBOUR = Issuer(
    name="harbour",
    title="Harbour Post",
    motto="Shown in person at the counter, ever since at hand",
    tint="#9a3412",
    levels=("harbour:letter", "harbour:counter"),
    amr=(("pwd",), ("pwd", "sms", "mfa")),
    personas=(AMINA, IOAN, NOOR),
)
EID = Issuer(
    name="eid",
    title="National eID card",
    motto="Hold your card to your phone",
    tint="#1e3a8a",
    levels=("eid:substantial", "eid:high"),
    amr=(("sc", "pin", "mfa"), ("sc", "pin", "hwk", "mfa")),
    personas=(AMINA, IOAN, NOOR),
)
STAFF = Issuer(
    name="staff",
    title="Staff sign-in",
    motto="For people who help",
    tint="#4c1d95",
    levels=("staff:mfa",),
    amr=(("mfa", "hwk"),),
    personas=(
        _staff("carys", "Carys Bevan", "agent"),
        _staff("tom", "Tom Okafor", "agent"),
        _staff("mei", "Mei Lindqvist", "reviewer"),
        _staff("rhys", "Rhys Adeyemi", "lead"),
    ),
)


def simulated_issuers(clients: Mapping[str, SimulatedClient]) -> tuple[Issuer, ...]:
    """The four issuers, with the client registered at each, by the issuer's name."""
    return tuple(
        replace(issuer, clients=(clients[issuer.name],)) if issuer.name in clients else issuer
        for issuer in (NORTHBANK, HARBOUR, EID, STAFF)
    )
