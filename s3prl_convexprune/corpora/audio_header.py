"""What an audio file says of itself, held against what is there, before anything is decoded.

libsndfile reads a file that was cut short, or an Ogg stream with a damaged page, without a word and gives what is left.
"""

from __future__ import annotations

import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import soundfile

from ..errors import AudioError
from ..sampling import SAMPLE_RATE

LOWEST_RATE, HIGHEST_RATE = 4_000, 768_000  # Hz
LARGEST_KERNEL = 50_000_000  # numbers in the resampler's table, which grows with what two rates have not in common
LONGEST_HOURS = 1.0  # self-attention over an hour needs more memory than any machine has
STREAMED = 0x7FFF_0000  # bytes; larger sizes stand in headers that were written before the size was known
CHUNK = re.compile(r"^\s*data\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)

OGG_MAGIC, OGG_HEADER, OGG_LAST = b"OggS", 27, 4
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True)
class Header:
    """Length in frames and sampling rate in Hz, as the file states them."""

    frames: int
    rate: int

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


def read_header(path: str | Path) -> Header:
    """The header of an audio file that is as long as it says.

    Args:
        path: any format that libsndfile reads.

    Raises:
        AudioError: the file is missing, unreadable, empty, cut short, damaged, longer than an hour, or of a sampling
            rate that is no speech's.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"{path}: there is no such audio file")
    with path.open("rb") as file:
        if file.read(4) == OGG_MAGIC:
            _check_pages(path)
    try:
        info = soundfile.info(path, verbose=True)
    except TypeError as error:  # soundfile asks for the rate and the kind of samples of RAW
        raise AudioError(f"{path}: is audio without a header; convert it to WAV or FLAC first") from error
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"{path}: cannot be read as audio: {reason_of(error)}") from error
    claim = CHUNK.search(info.extra_info)
    if claim and int(claim[2]) + 1 < int(claim[1]) < STREAMED:
        raise AudioError(f"{path}: is cut short: {claim[2]} bytes of audio are there, its header says {claim[1]}")
    if info.frames < 1:
        raise AudioError(f"{path}: the audio file is empty")
    if not LOWEST_RATE <= info.samplerate <= HIGHEST_RATE:
        raise AudioError(
            f"{path}: has a sampling rate of {info.samplerate} Hz; expected {LOWEST_RATE} to {HIGHEST_RATE}"
        )
    common = math.gcd(info.samplerate, SAMPLE_RATE)
    if info.samplerate // common * (SAMPLE_RATE // common) > LARGEST_KERNEL:
        raise AudioError(
            f"{path}: {info.samplerate} Hz and {SAMPLE_RATE} Hz have too little in common to be resampled; convert "
            "the file first"
        )
    header = Header(info.frames, info.samplerate)
    if header.seconds > 3600 * LONGEST_HOURS:
        raise AudioError(
            f"{path}: has {header.seconds / 3600:.1f} hours of audio; at most {LONGEST_HOURS:g} goes through an "
            "upstream at once: cut it into files"
        )
    return header


def channels_of(path: str | Path) -> int:
    """How many channels an audio file has.

    Raises:
        AudioError: see `read_header`.
    """
    read_header(path)
    return int(soundfile.info(path).channels)


def reason_of(error: Exception) -> str:
    """libsndfile's own words, in one line."""
    return (str(error).strip().splitlines() or ["unknown format"])[0]


def _check_pages(path: Path) -> None:
    """Every page of an Ogg file carries a checksum, and the last one a mark (RFC 3533)."""
    at, last, length = 0, False, path.stat().st_size
    with path.open("rb") as file:
        while at < length:
            header = file.read(OGG_HEADER)
            sizes = file.read(header[26]) if len(header) == OGG_HEADER else b""
            body = file.read(sum(sizes))
            whole = len(header) == OGG_HEADER and (len(sizes), len(body)) == (header[26], sum(sizes))
            page = header[:22] + bytes(4) + header[26:] + sizes + body
            if not whole or header[:4] != OGG_MAGIC or _ogg_checksum(page) != int.from_bytes(header[22:26], "little"):
                raise AudioError(f"{path}: is damaged or cut short at byte {at} of {length}")
            at, last = at + len(page), bool(header[5] & OGG_LAST)
    if not last:
        raise AudioError(f"{path}: is cut short: the last page of its stream is missing")


def _ogg_checksum(page: bytes) -> int:
    """Ogg's CRC-32: zlib's polynomial with the bits of bytes and result the other way round, from 0 and to 0."""
    found = zlib.crc32(page.translate(REVERSED), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{found:032b}"[::-1], 2)
