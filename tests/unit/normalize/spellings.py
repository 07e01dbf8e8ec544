"""Alternative spellings of a text, from keyboards, pasted pages and other systems."""

import unicodedata

from hypothesis import strategies as st

INVISIBLE = "\u202d\u202c\u200e\u200f\u200b\u2060\ufeff\u2066\u2069\u061c"
WIDE = {ord(plain): chr(ord(plain) + 0xFEE0) for plain in map(chr, range(0x21, 0x7F))}
DIGITS = {
    "arabic": str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"),
    "persian": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"),
    "full-width": str.maketrans("0123456789", "０１２３４５６７８９"),
}

LETTERS = st.characters(categories=["L"])
WORD = st.text(LETTERS, min_size=1, max_size=8)
"""Words of letters of any script."""

LATIN_WORD = st.text(
    st.sampled_from("abcdefghjklmnopqrstuvwxyzABCDEFGHJKLMNOPQRSTUVWXYZéüñçøåšžłŵŷ"), min_size=1, max_size=8
)

NAME = st.builds(
    lambda words, between: between.join(words),
    st.lists(LATIN_WORD, min_size=1, max_size=3),
    st.sampled_from(" '-"),
)
"""Names of Latin words, with blanks, apostrophes or hyphens between them."""


@st.composite
def hidden(draw: st.DrawFn, text: str) -> str:
    """The text with invisible characters somewhere in it."""
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(INVISIBLE)) + text[at:]
    return text


@st.composite
def respelled_name(draw: st.DrawFn, name: str) -> str:
    """The same name of Latin words with other case, composition, width, blanks, apostrophes and hyphens."""
    name = name.replace("'", draw(st.sampled_from("'\u2019\u2018\u02bc\u00b4`")))
    name = name.replace("-", draw(st.sampled_from("-\u2010\u2011\u2013 ")))
    name = name.replace(" ", draw(st.sampled_from((" ", "  ", "\u00a0", "\u2009", "\u3000", "\t"))))
    name = draw(st.sampled_from((name, name.upper(), name.lower(), name.title(), name.translate(WIDE))))
    name = unicodedata.normalize(draw(st.sampled_from(("NFC", "NFD"))), name)
    return draw(hidden(draw(st.sampled_from(("", " "))) + name))


@st.composite
def respelled_number(draw: st.DrawFn, digits: str) -> str:
    """The same digits in another script, with separators and invisible characters."""
    separated = "".join(digit + draw(st.sampled_from(("", "", " ", "-", "\u2011", "\u00a0", "."))) for digit in digits)
    separated = separated.rstrip(" -\u2011\u00a0.")
    table = draw(st.sampled_from((None, *DIGITS.values())))
    return draw(hidden(separated if table is None else separated.translate(table)))
