"""The citizen's contact address in normal form, and the texts of its fingerprints.

Cases are compared by keyed digests (fingerprints) of addresses. A fingerprint is written once: a case whose personal
data is erased has no address left to compute it from. So cases are looked for by each form that was ever written.
"""

from broker.assisted.case_records import Contact, ContactMethod
from broker.normalize.email import email_key, is_unreachable, sendable, unicode_address
from broker.normalize.phone import dialled, phone_number


def contact(way: str, typed: str, region: str) -> Contact | None:
    """The address in normal form; None if the text is not an address.

    `region` is the country in which a telephone number without a country code is read.
    """
    if way == ContactMethod.EMAIL:
        address = sendable(typed)
        return None if address is None else Contact(ContactMethod.EMAIL, address)
    if way == ContactMethod.PHONE:
        number = phone_number(typed, region)
        return None if number is None else Contact(ContactMethod.PHONE, number)
    return None


def cannot_be_reached(way: str, typed: str) -> bool:
    """Whether the text is a valid address to which the mail server cannot send."""
    return way == ContactMethod.EMAIL and is_unreachable(typed)


def fingerprint_text(contact: Contact) -> str:
    """The text whose keyed digest is compared: the same for the same address, however it was typed."""
    key = email_key(contact.address) if contact.way is ContactMethod.EMAIL else contact.address
    return f"{contact.way}:{key}"


def fingerprint_texts(reach: Contact, region: str) -> tuple[str, ...]:
    """Every text that any release used for the address: the present one, and those of release 0.1.

    Release 0.1 used a telephone number as typed, without separators, and a domain in U-labels. `reach` may be from
    such a case.
    """
    reach = contact(reach.way, reach.address, region) or reach
    if reach.way is ContactMethod.EMAIL:
        former = [unicode_address(reach.address)]
    else:
        parts = phone_number(reach.address, region) and dialled(reach.address, region)
        former = [parts[1], "".join(parts)] if parts else []
    return tuple(dict.fromkeys((fingerprint_text(reach), *(f"{reach.way}:{each.casefold()}" for each in former))))
