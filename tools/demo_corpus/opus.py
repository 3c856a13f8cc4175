"""Ogg Opus files whose bytes depend on the samples and the encoder alone.

libsndfile writes a random serial number into every Ogg page, so two runs never give the same file.
Here each page gets serial number 1 and a new checksum (RFC 3533, section 6).
"""

from __future__ import annotations

import io
import struct

import numpy as np
import soundfile

from s3prl_convexprune.errors import AudioError

_COMPRESSION = 0.95
_SERIAL, _CHECKSUM, _SEGMENTS = 14, 22, 26


def encode_opus(samples: np.ndarray, sample_rate: int) -> bytes:
    """Encode one channel, at about 25 to 40 kbit/s.

    Args:
        samples: shape (time,), float in [-1, 1]; rounded to 16 bits first.
        sample_rate: Hz; one of Opus's own (8000, 12000, 16000, 24000, 48000).

    Returns:
        An Ogg Opus file.
    """
    pcm = np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16)
    file = io.BytesIO()
    soundfile.write(file, pcm, sample_rate, format="OGG", subtype="OPUS", compression_level=_COMPRESSION)
    return with_fixed_serial(file.getvalue())


def with_fixed_serial(ogg: bytes) -> bytes:
    """The same Ogg stream with serial number 1 on every page.

    Raises:
        AudioError: the bytes are not a whole number of Ogg pages.
    """
    pages, position = bytearray(ogg), 0
    while position < len(pages):
        if pages[position : position + 4] != b"OggS":
            raise AudioError(f"no Ogg page at byte {position} of {len(pages)}")
        segments = pages[position + _SEGMENTS]
        table = position + _SEGMENTS + 1
        end = table + segments + sum(pages[table : table + segments])
        struct.pack_into("<I", pages, position + _SERIAL, 1)
        struct.pack_into("<I", pages, position + _CHECKSUM, 0)
        struct.pack_into("<I", pages, position + _CHECKSUM, _crc(pages[position:end]))
        position = end
    return bytes(pages)


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        register = byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
        table.append(register & 0xFFFFFFFF)
    return table


_TABLE = _crc_table()


def _crc(page: bytes | bytearray) -> int:
    """Ogg's CRC-32: polynomial 0x04c11db7, not reflected, initial value and final xor 0."""
    register = 0
    for byte in page:
        register = ((register << 8) & 0xFFFFFFFF) ^ _TABLE[(register >> 24) ^ byte]
    return register
