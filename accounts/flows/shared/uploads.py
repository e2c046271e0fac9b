"""Take a file that is uploaded: from a form as it is, in JSON as Base64."""

from __future__ import annotations

import binascii
import io
from base64 import b64decode
from typing import Annotated, Any, Protocol, runtime_checkable

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from accounts.core.messages import N_


@runtime_checkable
class ReadableFile(Protocol):
    """A file that was uploaded: it may be on disk, and is not read before it is needed."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes; all of them for -1."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a position."""


def parse_upload(value: Any) -> Any:
    """Return an uploaded file, or the one whose bytes JSON has as Base64; None where there is none."""
    if value is None or isinstance(value, ReadableFile):
        return value
    if isinstance(value, str):
        try:
            return io.BytesIO(b64decode(value, validate=True)) if value else None
        except (binascii.Error, ValueError):
            pass
    raise PydanticCustomError("file", N_("Choose a file (in JSON: its bytes as Base64)."))


UploadedFile = Annotated[
    Any, PlainValidator(parse_upload), WithJsonSchema({"type": "string", "contentEncoding": "base64"})
]
"""A field of a form: a :class:`ReadableFile`, or None."""
