"""Normalization: one normal form for each kind of text that people type and other systems send.

The only place that decides when two spellings are one thing. Each kind has a normal form that is stored and sent, and a
key that is compared and never shown. Normalizing twice changes nothing.

- `text`: Unicode (NFC), invisible characters, blanks, and the fold that every key starts from
- `names`: names of people
- `dates`: dates and partial dates (ISO 8601-1, OpenID Connect Core 5.1)
- `codes`: codes and document numbers that people type
- `email`: addresses as a mail server takes them (IDNA 2008)
- `phone`: telephone numbers (E.164)
- `claims`: the table of claims that providers send, built on the others

Nothing here knows a network, a clock or a store.
"""
