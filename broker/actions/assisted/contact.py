"""Where a citizen may be reached: the address in the form in which it is sent to, and the marks that stand for it.

Cases are compared by keyed marks of addresses. Marks are written once and never rewritten, since a case whose personal
data is erased has nothing left to make them of. So a mark is looked for in every form it was ever written in.
"""

from broker.assisted.case import Contact, Way
from broker.normalize.email import email_key, is_unreachable, sendable, unicode_address
from broker.normalize.phone import dialled, phone_number


def contact(way: str, typed: str, region: str) -> Contact | None:
    """The address to be used, or None for what cannot be one.

    `region` is the country in which a telephone number without a country code is read.
    """
    if way == Way.EMAIL:
        address = sendable(typed)
        return None if address is None else Contact(Way.EMAIL, address)
    if way == Way.PHONE:
        number = phone_number(typed, region)
        return None if number is None else Contact(Way.PHONE, number)
    return None


def cannot_be_reached(way: str, typed: str) -> bool:
    """Whether something is an address, but none that a message can be sent to."""
    return way == Way.EMAIL and is_unreachable(typed)


def fingerprint_text(contact: Contact) -> str:
    """What stands for the address when cases are compared: the same text for the same address."""
    key = email_key(contact.address) if contact.way is Way.EMAIL else contact.address
    return f"{contact.way}:{key}"


def fingerprint_texts(reach: Contact, region: str) -> tuple[str, ...]:
    """Every text that ever stood for the address: the one of today, and those of cases of release 0.1.

    Then a telephone number was what was typed without separators, and a domain stayed in U-labels. `reach` may itself
    be of such a case.
    """
    reach = contact(reach.way, reach.address, region) or reach
    if reach.way is Way.EMAIL:
        former = [unicode_address(reach.address)]
    else:
        parts = phone_number(reach.address, region) and dialled(reach.address, region)
        former = [parts[1], "".join(parts)] if parts else []
    return tuple(dict.fromkeys((fingerprint_text(reach), *(f"{reach.way}:{each.casefold()}" for each in former))))
