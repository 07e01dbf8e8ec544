"""Checks of the places of evidence files, `[assisted.files]`."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from broker.model.evidence_file import FileSettings
from broker.platform.operator_files import is_folder
from broker.platform.toml_loader import Problem
from broker.settings.schema import BrokerSettings
from broker.settings.secret_files import secret_problem
from broker.settings.urls import check_url


def check_evidence_files(broker: BrokerSettings) -> Iterator[Problem]:
    """Checks the object store, if there is one: its URL, and the package that speaks with it."""
    s3 = broker.assisted.files.s3
    if s3 is None:
        return
    yield from check_url("assisted.files.s3.endpoint", s3.endpoint, development=broker.development)
    try:
        version("obstore")
    except PackageNotFoundError:
        fix = "install the extra: pip install portico[s3]"
        yield Problem("assisted.files.s3", "the package obstore is not installed", fix)


def check_evidence_places(files: FileSettings) -> Iterator[Problem]:
    """Checks what must exist on the machine: the secrets of the object store, and no file in place of the folder."""
    folder: Path | None = files.folder
    if folder is not None and folder.exists() and not is_folder(folder):
        yield Problem("assisted.files.folder", "this is not a folder", "name a folder of its own")
    if files.s3 is None:
        return
    for place, path in (
        ("access_key_id_file", files.s3.access_key_id_file),
        ("secret_access_key_file", files.s3.secret_access_key_file),
    ):
        if (problem := secret_problem(f"assisted.files.s3.{place}", path)) is not None:
            yield problem
