"""Normalization: one normal form for each kind of text that people type and other systems send.

The only package that decides when two spellings are equal. Each kind has a normal form that is stored and sent, and a
key that is compared and never displayed. Normalization is idempotent. No network, clock or store.

- `text`: Unicode (NFC), invisible characters and blanks; keys for comparing texts, names of people, and codes
- `dates`: dates and partial dates (ISO 8601-1, OpenID Connect Core 5.1)
- `email`: addresses as a mail server accepts them (IDNA 2008)
- `phone`: telephone numbers (E.164)
- `claims`: the table of claims from providers, built on the others
"""
