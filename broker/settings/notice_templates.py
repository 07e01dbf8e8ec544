"""The file of template ids of GOV.UK Notify: `[email.code] en = "<id>"`, a table for each way and kind of message."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from broker.model.notification import NotificationKind
from broker.platform.operator_files import content

NoticeTemplates = Mapping[str, Mapping[str, Mapping[str, str]]]
"""The id of the template by way (words of `assisted.case_records.ContactMethod`), kind and language."""

WAYS: Final[Mapping[str, str]] = MappingProxyType({"email": "email", "text": "phone", "letter": "post"})
"""The way of each table of the file."""

_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def read_templates(path: Path) -> NoticeTemplates:
    """Reads the file. Raises ValueError (Unfit if it cannot be read) for anything that is no template id."""
    table = tomllib.loads(content(path).decode("utf-8"))
    found: dict[str, Mapping[str, Mapping[str, str]]] = {}
    for way, kinds in table.items():
        if way not in WAYS or not isinstance(kinds, dict):
            raise ValueError(f"{way}: write a table for one of {', '.join(WAYS)}")
        found[WAYS[way]] = {kind: _languages(f"{way}.{kind}", kind, ids) for kind, ids in kinds.items()}
    return found


def _languages(place: str, kind: str, ids: object) -> Mapping[str, str]:
    if kind not in tuple(NotificationKind):
        raise ValueError(f"{place}: there is no such kind of message")
    if not isinstance(ids, dict) or not ids:
        raise ValueError(f"{place}: write a template id for each language")
    for language, template in ids.items():
        if not isinstance(template, str) or not _ID.fullmatch(template):
            raise ValueError(f"{place}.{language}: this is not a template id")
    return ids
