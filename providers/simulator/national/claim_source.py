"""Register beside the simulated providers: another party, with its own keys, whose claims they pass on (OpenID Connect
Core 5.6.2), as tokens or as the address of its endpoint."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from broker.model.json_types import JsonObject
from providers.simulator.national.keys import public, signed, signing_key
from providers.simulator.national.people import RegisteredPerson, find_person

REGISTER: Final = "https://register.example"
"""Its issuer."""
CLAIM: Final = "date_of_birth"
KEY: Final = 40
FALSE_KEY: Final = 41
ALGORITHM: Final = "ES256"

PASSED_ON: Final = ("aggregated_claims", "distributed_claims", "false_source")
"""Outcomes in which a provider passes its claims on."""


def passed_on(outcome: str, person: RegisteredPerson) -> JsonObject:
    """The members of a document that pass the register's claims on; none for another outcome."""
    if outcome not in PASSED_ON:
        return {}
    if outcome == "distributed_claims":
        source: JsonObject = {"endpoint": f"{REGISTER}/person", "access_token": person.id}
    else:
        source = {"JWT": _token(person, FALSE_KEY if outcome == "false_source" else KEY)}
    return {"_claim_names": {CLAIM: "register"}, "_claim_sources": {"register": source}}


def source_routes() -> list[Route]:
    """The register's key set, and its endpoint for the holder of a person's token."""
    return [Route("/register.example/jwks", _jwks), Route("/register.example/person", _person)]


def _token(person: RegisteredPerson, number: int) -> str:
    claims = {"iss": REGISTER, CLAIM: person.birthdate}
    return signed(claims, signing_key(ALGORITHM, number), ALGORITHM, {"kid": str(signing_key(ALGORITHM, KEY).kid)})


async def _jwks(_request: Request) -> Response:
    return JSONResponse({"keys": [public(signing_key(ALGORITHM, KEY))]})


async def _person(request: Request) -> Response:
    person = find_person(request.headers.get("authorization", "").removeprefix("Bearer "))
    if person is None:
        return Response(status_code=401)
    return Response(_token(person, KEY), media_type="application/jwt")
