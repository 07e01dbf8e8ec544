"""What each provider says about a person, in its own claims: the ID token's, userinfo's, and those of a second JWT."""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from providers.simulator.national.dialect import Dialect
from providers.simulator.national.people import RegisteredPerson

CORE_IDENTITY: Final = "https://vocab.account.gov.uk/v1/coreIdentityJWT"
RETURN_CODE: Final = "https://vocab.account.gov.uk/v1/returnCode"
NSIS: Final = "https://data.gov.dk/concept/core/nsis"
ADDRESS: Final = "https://vocab.account.gov.uk/v1/address"

BSN: Final = "s00000000:"
"""The sector of the citizen service number at DigiD."""

Claims = dict[str, object]


@dataclass(slots=True)
class Said:
    """The claims about one person: `subject` is that of every document."""

    subject: str
    id_token: Claims = field(default_factory=dict)
    userinfo: Claims = field(default_factory=dict)
    identity: Claims = field(default_factory=dict)


def say(dialect: Dialect, person: RegisteredPerson, scope: tuple[str, ...]) -> Said:
    """What the provider says about a person to a client that requested these scopes."""
    said = SPEAKERS.get(dialect.facts.base or dialect.name, _usual)(dialect, person, scope)
    claim = dialect.text("subject", "claim")
    if claim and claim not in said.id_token and not claim.startswith("act."):
        put(said.id_token, claim, said.subject)
    if person.for_entity and "act" not in said.id_token:
        _act(dialect, person, said)
    return said


def _usual(dialect: Dialect, person: RegisteredPerson, _scope: tuple[str, ...]) -> Said:
    """Each claim at the path of the facts, in userinfo if there is one, else in the ID token."""
    said = Said(subject_of(dialect, person))
    document = said.id_token if dialect.text("userinfo", "format") == "none" else said.userinfo
    known = values(person)
    for ours, path in dialect.table("claims").items():
        if ours in known:
            put(document, str(path), known[ours])
    said.id_token |= {name: known[name] for name in dialect.words("id_token.claims") if name in known}
    return said


def values(person: RegisteredPerson) -> Mapping[str, object]:
    """What is known about a person under the names of OpenID Connect Core 5.1."""
    home = person.address
    found: Claims = {
        "name": person.name,
        "given_name": person.given,
        "family_name": person.family,
        "birthdate": person.birthdate,
        "email": person.email,
        "phone_number": person.phone,
        "national_id": person.numbers.get("pid", ""),
    }
    found = {name: value for name, value in found.items() if value}
    if person.email:
        found["email_verified"] = True
    if person.phone:
        found["phone_number_verified"] = True
    if home is not None:
        found["address"] = {
            "street_address": home.street,
            "locality": home.locality,
            "postal_code": home.code,
            "country": home.country,
        }
    return found


def subject_of(dialect: Dialect, person: RegisteredPerson) -> str:
    """A subject in the form of the provider, the same for a person each time."""
    seed = hashlib.sha256(f"{dialect.name} {person.id}".encode()).digest()
    unique = str(uuid.UUID(bytes=seed[:16], version=4))
    match dialect.text("subject", "form"):
        case "cpf":
            return cpf(f"{int.from_bytes(seed[:6]) % 10**9:09d}")
        case "braces":
            return f"{{{unique}}}"
    if dialect.facts.country == "EE":
        return f"EE{person.numbers.get('ee') or 38001010000 + seed[0]}"
    if dialect.name == "gov-uk-one-login":
        return f"urn:fdc:gov.uk:2022:{seed[:16].hex()}="
    return unique


def cpf(number: str) -> str:
    """Nine digits with the two check digits of a CPF."""
    for length in (10, 11):
        total = sum(int(digit) * weight for digit, weight in zip(number, range(length, 1, -1), strict=True))
        number += str(total * 10 % 11 % 10)
    return number


def put(document: Claims, path: str, value: object) -> None:
    """Sets a value at a path of names separated by dots; a name that is a URL is one name, `a|b` is the last of both.

    A claim whose whole name has dots stands as it is, if the path begins with a name that providers write so.
    """
    path = path.rpartition("|")[2]
    if "://" in path or path.startswith(("urn:", "mitid.", "dk.")):
        document[path] = value
        return
    *outer, last = path.split(".")
    for name in outer:
        inner = document.setdefault(name, {})
        if not isinstance(inner, dict):
            raise TypeError(f"{name} is not an object")
        document = inner
    document[last] = value


def _act(dialect: Dialect, person: RegisteredPerson, said: Said) -> None:
    """The signs of acting for another, in the document that has the claims."""
    document = said.id_token if dialect.text("userinfo", "format") == "none" else said.userinfo
    for sign in dialect.words("acting")[:1]:
        path, _, value = sign.partition("=")
        if path == "identity_type":
            said.id_token[path] = value
        elif path == "act":
            said.id_token[path] = {"sub": person.for_entity}
        else:
            put(document, path, value or person.for_entity)


def _one_login(dialect: Dialect, person: RegisteredPerson, scope: tuple[str, ...]) -> Said:
    """Names and birth dates are lists with validity, in a JWT inside userinfo."""
    said = Said(subject_of(dialect, person))
    if "email" in scope and person.email:
        said.userinfo |= {"email": person.email, "email_verified": True}
    if "phone" in scope and person.phone:
        said.userinfo |= {"phone_number": person.phone, "phone_number_verified": True}
    parts = [{"value": part, "type": "GivenName"} for part in person.given.split()]
    names: list[Claims] = [{"nameParts": [*parts, {"value": person.family, "type": "FamilyName"}]}]
    if person.former:
        names[0]["validFrom"] = person.changed
        old = [*parts, {"value": person.former, "type": "FamilyName"}]
        names.append({"nameParts": old, "validUntil": person.changed})
    subject: Claims = {"name": names}
    if person.birthdate:
        subject["birthDate"] = [{"value": person.birthdate}]
    said.identity = {"vc": {"type": ["VerifiableCredential", "IdentityCheckCredential"], "credentialSubject": subject}}
    if person.address is not None:
        said.userinfo[ADDRESS] = [
            {
                "uprn": 10022812929,
                "streetName": person.address.street,
                "addressLocality": person.address.locality,
                "postalCode": person.address.code,
                "addressCountry": person.address.country,
                "validFrom": "2020-01-01",
            }
        ]
    return said


def _singpass(dialect: Dialect, person: RegisteredPerson, scope: tuple[str, ...]) -> Said:
    """Attributes by scope, below `sub_attributes`."""
    said = Said(subject_of(dialect, person))
    said.id_token = {"sub_type": "user", "sub_attributes": _attributes(person, scope)}
    return said


def _attributes(person: RegisteredPerson, scope: tuple[str, ...]) -> Claims:
    attributes: Claims = {"account_type": "standard"}
    if "user.identity" in scope:
        attributes |= {"identity_number": person.numbers.get("nric", "S0000001I"), "identity_coi": "SG"}
    if "name" in scope or "user.name" in scope:
        attributes["name"] = person.name
    if "email" in scope and person.email:
        attributes["email"] = person.email
    if "mobileno" in scope and person.phone:
        attributes["mobileno"] = person.phone
    return attributes


def _corppass(dialect: Dialect, person: RegisteredPerson, scope: tuple[str, ...]) -> Said:
    """As RFC 8693: the subject is the entity, the actor is the person."""
    entity = person.for_entity or "201912345D"
    said = Said(str(uuid.uuid5(uuid.NAMESPACE_URL, entity)))
    said.id_token = {
        "sub_type": "entity",
        "sub_attributes": {"entity_reg_number": entity, "entity_type": "UEN", "entity_coi": "SG"},
        "act": {"sub": subject_of(dialect, person), "sub_type": "user", "sub_attributes": _attributes(person, scope)},
    }
    return said


def _id_porten(dialect: Dialect, person: RegisteredPerson, _scope: tuple[str, ...]) -> Said:
    """No name; the identity number may be missing."""
    said = Said(f"{subject_of(dialect, person).replace('-', '_')}=")
    said.id_token = {"amr": ["BankID"], "locale": "nb"}
    if "pid" in person.numbers:
        said.id_token["pid"] = person.numbers["pid"]
    return said


def _gov_br(dialect: Dialect, person: RegisteredPerson, scope: tuple[str, ...]) -> Said:
    said = _usual(dialect, person, scope)
    for document in (said.id_token, said.userinfo):
        document["name"] = person.name
        document["preferred_username"] = said.subject
    if person.former:
        said.userinfo["social_name"] = person.name
        said.userinfo["name"] = f"{person.given} {person.former}"
    said.id_token["amr"] = ["passwd", "app_qrcode"]
    return said


def _neb(dialect: Dialect, person: RegisteredPerson, scope: tuple[str, ...]) -> Said:
    said = _usual(dialect, person, scope)
    said.id_token |= {
        "neb_sid": "a6d2c9cc-6c3f-4fc0-9a52-9f8ed1a9ffb1",
        "idp": "mitid",
        "idp_environment": "test",
        "identity_type": "private",
        "transaction_id": said.subject,
        "amr": ["code_app"],
        "mitid.uuid": said.subject,
        "mitid.has_cpr": True,
        "session_expiry": "1799999999",
        "ial": f"{NSIS}/Substantial",
        "aal": f"{NSIS}/Substantial",
    }
    return said


def _signicat(dialect: Dialect, person: RegisteredPerson, scope: tuple[str, ...]) -> Said:
    said = _usual(dialect, person, scope)
    said.id_token |= {
        "idp": dialect.name.partition("-")[2],
        "idp_id": f"{BSN}{person.numbers.get('pid', said.subject)}" if dialect.facts.country == "NL" else said.subject,
        "transaction_id": said.subject,
    }
    return said


def _bankid(dialect: Dialect, person: RegisteredPerson, scope: tuple[str, ...]) -> Said:
    said = _usual(dialect, person, scope)
    said.id_token |= {"bankid_altsub": "9578-6000-4-1", "additionalCertInfo": {"certValidFrom": 1700000000}}
    return said


SPEAKERS: Final[Mapping[str, Callable[[Dialect, RegisteredPerson, tuple[str, ...]], Said]]] = {
    "gov-uk-one-login": _one_login,
    "singpass": _singpass,
    "corppass": _corppass,
    "id-porten": _id_porten,
    "gov-br": _gov_br,
    "mitid-signaturgruppen": _neb,
    "signicat": _signicat,
    "bankid-no": _bankid,
}
"""Providers that say more, or otherwise, than each claim at its path."""
