"""Files that a citizen or a partner desk sends as evidence: photographs of documents, and a short video. The record of
one file, the operator's limits, and the reasons for which a file is refused.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from broker.platform.toml_loader import Range, Seconds

MEGABYTE = 1_000_000
DAY = 86400


class FileKind(StrEnum):
    """Kinds of evidence files."""

    PHOTO = "photo"
    VIDEO = "video"


class FilePurpose(StrEnum):
    """What a file shows."""

    FRONT = "front"
    BACK = "back"
    OTHER = "other"
    PERSON = "person"


class FileState(StrEnum):
    """States of a file. Only a READY one is ever shown; a row in another state is swept after an hour.

    PROMPTED: the prompts of a video were drawn, and nothing is sent yet. RECEIVING: the upload runs. QUARANTINE: it is
    stored as it came, and is examined.
    """

    PROMPTED = "prompted"
    RECEIVING = "receiving"
    QUARANTINE = "quarantine"
    READY = "ready"


class UploadFault(StrEnum):
    """Why a file is refused. Pages have a text for each."""

    EMPTY = "empty"
    FORM = "form"
    TOO_LARGE = "too_large"
    TOO_SLOW = "too_slow"
    ABORTED = "aborted"
    WRONG_TYPE = "wrong_type"
    DAMAGED = "damaged"
    ANIMATED = "animated"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_SMALL = "too_small"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    NO_PICTURE = "no_picture"
    TOO_MANY = "too_many"
    BUSY = "busy"
    PROMPTS_OVER = "prompts_over"
    NOT_NOW = "not_now"


@dataclass(frozen=True, slots=True)
class FileContent:
    """What is sealed with a file: what it shows, the key of its stored bytes, and what is known about the content.

    `key` is empty as long as nothing was stored. `size` is in bytes of content. `width` and `height` are of a
    photograph, in pixels; `seconds` is the duration of a video, None if its header has none. `prompts` are what the
    citizen was asked to do in a video (`assisted.prompts`). `by` is the agent of the partner desk who sent it, empty
    for the citizen.
    """

    purpose: FilePurpose = FilePurpose.OTHER
    key: bytes = b""
    type: str = ""
    size: int = 0
    sha256: str = ""
    width: int = 0
    height: int = 0
    seconds: float | None = None
    prompts: tuple[str, ...] = ()
    by: str = ""


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """One file of a case. Times are seconds since 1970 UTC; a file whose `expires` has passed is never shown.

    `place` names the object store that holds its bytes. A store encrypts `content`.
    """

    id: str
    case: str
    kind: FileKind
    state: FileState
    created: float
    expires: float
    place: str
    content: FileContent


@dataclass(frozen=True, slots=True)
class S3Settings:
    """An S3-compatible object store. It holds ciphertext alone."""

    endpoint: str
    """URL of the service, such as "https://s3.eu.example"."""
    bucket: str
    """Name of the bucket, which must exist."""
    access_key_id_file: Path
    """The file that holds the access key id and nothing else."""
    secret_access_key_file: Path
    """The file that holds the secret access key and nothing else."""
    region: str = "us-east-1"
    """Region of the bucket."""
    prefix: str = "evidence"
    """First part of the names of objects."""
    virtual_hosted: bool = False
    """Whether the name of the bucket is part of the host name, and not of the path."""


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Photographs and videos that citizens send. Without `folder` and `s3` they cannot send any."""

    folder: Path | None = None
    """Folder of the files, each encrypted with a key of its own. Only the broker's user may read it; several hosts
    share it."""
    s3: S3Settings | None = None
    """An object store instead of a folder."""
    photo_megabytes: Annotated[int, Range(1, 50)] = 12
    """Largest size of a photograph as it is sent."""
    video_megabytes: Annotated[int, Range(1, 500)] = 60
    """Largest size of a video."""
    video_length: Annotated[Seconds, Range(5, 600)] = 60
    """Longest duration of a video."""
    most: Annotated[int, Range(1, 50)] = 8
    """The most files of one case."""
    keep: Annotated[Seconds, Range(0, 366 * DAY)] = 30 * DAY
    """How long files are kept after an approval. Those of a declined case are kept as long as its citizen can
    complain, those of a case that was withdrawn or expired are erased at once."""
    promise: Annotated[Seconds, Range(600, 30 * DAY)] = field(default=DAY)
    """Within which time of the office's hours staff look at what was sent. Citizens read it before they send."""

    @property
    def enabled(self) -> bool:
        """Whether citizens can send files."""
        return self.folder is not None or self.s3 is not None

    def largest(self, kind: FileKind) -> int:
        """Largest size in bytes of a file of this kind as it is sent."""
        return (self.photo_megabytes if kind is FileKind.PHOTO else self.video_megabytes) * MEGABYTE


@dataclass(frozen=True, slots=True)
class Photo:
    """A re-encoded photograph: a JPEG without anything but its pixels."""

    data: bytes
    width: int
    height: int


class FileLost(Exception):
    """The stored bytes of a file are missing, or are not those that were stored."""
