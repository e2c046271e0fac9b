"""Tell in which encoding a file is, and read it line by line, never more than one record into memory."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

SAMPLE_BYTES = 64 * 1024
MAX_RECORD_CHARACTERS = 1 << 24
"""Of a line of a file, or a value of a JSON document. What is broken would else be read to its end, into memory."""
BYTE_ORDER_MARKS = (
    # UTF-32 first: its mark begins with the one of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
FALLBACK_ENCODING = "cp1252"
ENCODING_NAMES = {
    "utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
    "utf-32": "UTF-32", FALLBACK_ENCODING: "Windows-1252",
}  # fmt: skip
"""What the encodings are called."""
LOST_CHARACTERS = ("\x00", "\ufffd")
"""A zero byte, and what stands for bytes that are no character: some of the text was lost."""


class InvalidFile(ValueError):
    """Raised where a file cannot be read any further. The text says why; ``line`` says where (from 1)."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


def detect_encoding(stream: BinaryIO) -> str:
    """Return a file's encoding: by its byte order mark or zero bytes, UTF-8 if it decodes, else Windows-1252."""
    stream.seek(0)
    sample = stream.read(SAMPLE_BYTES)
    for mark, encoding in BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return encoding
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if even + odd > len(sample) // 4:
        return "utf-16-le" if odd > even else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while sample:
            decoder.decode(sample)
            sample = stream.read(SAMPLE_BYTES)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return FALLBACK_ENCODING
    return "utf-8"


def open_text(stream: BinaryIO, encoding: str) -> io.TextIOWrapper:
    """Return a file as text from its beginning; ``detach`` it afterwards. Lines end as they do in the file."""
    stream.seek(0)
    return io.TextIOWrapper(stream, encoding, errors="replace", newline="")


def read_lines(text: io.TextIOWrapper, first_line: int = 1) -> Iterator[str]:
    """Yield the lines of a text, each with its end.

    :raises InvalidFile: one is longer than a record may be.
    """
    number = first_line
    while line := text.readline(MAX_RECORD_CHARACTERS):
        if len(line) == MAX_RECORD_CHARACTERS:
            raise InvalidFile(number, f"is longer than {MAX_RECORD_CHARACTERS} characters")
        yield line
        number += 1
