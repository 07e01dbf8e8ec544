"""Codes and document numbers that people type, read aloud or copy from paper."""

import unicodedata

from broker.normalize.text import ascii_digits


def code_key(text: str) -> str:
    """A code as it is compared: upper case, letters and digits alone, digits of any script as ASCII digits."""
    if text.isascii():
        return "".join(letter for letter in text.upper() if letter.isalnum())
    while (key := _key(text)) != text:
        text = key
    return text


def _key(text: str) -> str:
    upper = ascii_digits(unicodedata.normalize("NFKC", text).upper())
    return "".join(letter for letter in unicodedata.normalize("NFKC", upper) if letter.isalnum())
