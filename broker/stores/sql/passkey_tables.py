"""Tables of passkeys and of the identities to which they lead (see `tables`).

An identity in `kept_identities` has the digest of its row in `identities`, which leads to the account.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, LargeBinary, Table, Text

from broker.stores.sql.tables import metadata

passkeys: Final = Table(
    "passkeys",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("owner", Text),
    Column("case_id", Text),
    Column("sign_count", BigInteger, nullable=False),
    Column("created", Double, nullable=False),
    Column("used", Double),
    Column("sealed", LargeBinary, nullable=False),
    Index(None, "owner"),
    Index(None, "case_id"),
)

kept_identities: Final = Table(
    "kept_identities",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("since", Double, nullable=False),
    Column("expires", Double, nullable=False),
    Column("frozen", Double),
    Column("sealed", LargeBinary, nullable=False),
    Column("case_id", Text),
    Column("remind_at", Double),
    Column("reach", LargeBinary),
    Column("rebound", Double),
    Index(None, "expires"),
    Index(None, "case_id"),
    Index(None, "remind_at"),
)
