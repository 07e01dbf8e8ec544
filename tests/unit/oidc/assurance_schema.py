"""What OpenID Identity Assurance Schema Definition 1.0 (section 5) allows in `verified_claims`.

Only for the evidence and the claims of this broker. Stricter than the standard in three ways: nothing unknown, nothing
empty, times in UTC.
"""

from typing import Any, Final

from jsonschema import Draft202012Validator

TEXT: Final = {"type": "string", "minLength": 1}
DAY: Final = {"type": "string", "pattern": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"}
BIRTHDATE: Final = {
    "type": "string",
    "pattern": r"^(\d{4}|[1-9]\d{3}-(0[1-9]|1[0-2])|\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]))$",
}
MOMENT: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}


def an_object(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
        "minProperties": 1,
    }


def an_array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1}


PLACE: Final = dict.fromkeys(
    ("name", "formatted", "street_address", "locality", "region", "postal_code", "country", "country_code"), TEXT
)
CHECKS: Final = an_array(an_object("check_method", check_method=TEXT, organization=TEXT, check_id=TEXT, time=MOMENT))
EVIDENCE: Final = {
    "oneOf": [
        an_object(
            "type",
            type={"const": "document"},
            check_details=CHECKS,
            document_details=an_object(
                "type",
                type=TEXT,
                document_number=TEXT,
                serial_number=TEXT,
                date_of_issuance=DAY,
                date_of_expiry=DAY,
                issuer=an_object(jurisdiction=TEXT, **PLACE),
            ),
        ),
        an_object(
            "type",
            type={"const": "electronic_record"},
            check_details=CHECKS,
            record=an_object(
                "type",
                type=TEXT,
                created_at=MOMENT,
                date_of_expiry=DAY,
                source=an_object(jurisdiction=TEXT, **PLACE),
            ),
        ),
        an_object(
            "type",
            type={"const": "vouch"},
            check_details=CHECKS,
            attestation=an_object(
                "type",
                type=TEXT,
                reference_number=TEXT,
                date_of_issuance=DAY,
                date_of_expiry=DAY,
                # the standard also has name, birthdate and address of the voucher, which never leave
                voucher=an_object(occupation=TEXT, organization=TEXT),
            ),
        ),
    ]
}
ASSURANCE: Final = an_object(
    assurance_type=TEXT,
    assurance_classification=TEXT,
    evidence_ref=an_array(
        an_object("check_id", check_id=TEXT, evidence_metadata=an_object(evidence_classification=TEXT))
    ),
)
ONE: Final = an_object(
    "verification",
    "claims",
    verification=an_object(
        "trust_framework",
        trust_framework=TEXT,
        assurance_level=TEXT,
        assurance_process=an_object(policy=TEXT, procedure=TEXT, assurance_details=an_array(ASSURANCE)),
        time=MOMENT,
        verification_process=TEXT,
        evidence=an_array(EVIDENCE),
    ),
    claims=an_object(
        name=TEXT,
        given_name=TEXT,
        family_name=TEXT,
        middle_name=TEXT,
        birthdate=BIRTHDATE,
        email={"type": "string", "pattern": r"^[^@]+@[^@.]+([.][^@]+)+$"},
        email_verified={"type": "boolean"},
        phone_number={"type": "string", "pattern": r"^[+]?[0-9]{5,15}(;ext[0-9]{0,9})?$"},
        phone_number_verified={"type": "boolean"},
        address=an_object(**PLACE),
        updated_at={"type": "number"},
        nationalities=an_array({"type": "string", "pattern": "^[A-Za-z]{2,3}$"}),
    ),
)
VALIDATOR: Final = Draft202012Validator({"anyOf": [ONE, {"type": "array", "items": ONE, "minItems": 2}]})


def check(answer: Any) -> None:
    """Raises ValidationError for an answer that the standard does not allow."""
    VALIDATOR.validate(answer)
