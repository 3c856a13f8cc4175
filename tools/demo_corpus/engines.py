"""The three speech synthesisers behind the demo corpus, each as text in, 16 kHz samples out.

espeak-ng comes as the PyPI package ``espeakng-loader`` and is called through ctypes. flite and festival
are programs on PATH (Debian: ``flite``, ``festival``, ``festvox-kdlpc16k``).
"""

from __future__ import annotations

import ctypes
import io
import math
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from s3prl_convexprune.errors import AudioError

from .voices import Voice

SAMPLE_RATE = 16000
_ESPEAK_SAMPLE_RATE = 22050
_ESPEAK_WORDS_A_MINUTE = 145
_FLITE_F0 = {"slt": (170.0, 25.0), "rms": (100.0, 15.0), "awb": (130.0, 20.0)}
_KED_F0 = (105.0, 14.0)


def missing_engines() -> list[str]:
    """The engines that are not installed here.

    Returns:
        A subset of ``espeak``, ``flite`` and ``festival``.
    """
    missing = [
        engine for engine, program in (("flite", "flite"), ("festival", "text2wave")) if shutil.which(program) is None
    ]
    try:
        import espeakng_loader  # noqa: F401
    except ImportError:
        missing.append("espeak")
    return missing


def speak(voice: Voice, text: str, rate: float = 1.0, pitch: float = 1.0, pitch_range: float = 1.0) -> np.ndarray:
    """One utterance.

    Args:
        voice: who speaks.
        text: English text, lower case, no markup.
        rate: speed relative to the voice's own.
        pitch: F0 relative to the voice's own.
        pitch_range: F0 excursions relative to the voice's own.

    Returns:
        float64 samples in [-1, 1], 16 kHz, with the engine's own silence at the ends.

    Raises:
        AudioError: the engine is missing or said nothing.
    """
    rate, pitch = rate * voice.rate, pitch * voice.pitch
    engine = {"espeak": _espeak, "flite": _flite, "festival": _festival}[voice.engine]
    samples, sample_rate = engine(voice, text, rate * voice.tract, pitch / voice.tract, pitch_range)
    if len(samples) == 0:
        raise AudioError(f"{voice.engine} said nothing for {text!r} as {voice.voice!r}")
    divisor = math.gcd(SAMPLE_RATE, sample_rate)
    up, down = SAMPLE_RATE // divisor, sample_rate // divisor
    if voice.tract != 1.0:
        up, down = up * 100, down * round(voice.tract * 100)
    return resample_poly(samples / 32768.0, up, down)


def engine_versions() -> dict[str, str]:
    """The version that each installed engine reports of itself."""
    versions = {}
    missing = missing_engines()
    if "espeak" not in missing:
        with _espeak_library() as (library, _):
            library.espeak_Info.restype = ctypes.c_char_p
            versions["espeak"] = library.espeak_Info(None).decode()
    for engine, program in (("flite", "flite"), ("festival", "festival")):
        if engine not in missing:
            text = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            versions[engine] = next(line for line in text.splitlines() if "2." in line).strip()
    return versions


@contextmanager
def _espeak_library() -> Iterator[tuple[ctypes.CDLL, list[np.ndarray]]]:
    """The library, loaded afresh, and the list that its callback fills.

    espeak-ng's synthesiser keeps filter states from one utterance to the next, also across
    espeak_Terminate; unloading it is what makes an utterance independent of the ones before it.
    """
    try:
        import espeakng_loader
    except ImportError as error:
        raise AudioError("espeak needs the package espeakng-loader: pip install espeakng-loader") from error
    library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    chunks: list[np.ndarray] = []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def receive(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    synchronous, libc = 2, ctypes.CDLL(None)
    try:
        data = str(espeakng_loader.get_data_path()).encode()
        if library.espeak_Initialize(synchronous, 0, data, 0) != _ESPEAK_SAMPLE_RATE:
            raise AudioError(f"espeak-ng did not start at {_ESPEAK_SAMPLE_RATE} Hz")
        library.espeak_SetSynthCallback(receive)
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        libc.srand(1)
        yield library, chunks
        library.espeak_Terminate()
    finally:
        libc.dlclose(ctypes.c_void_p(library._handle))


def _espeak(voice: Voice, text: str, rate: float, pitch: float, pitch_range: float) -> tuple[np.ndarray, int]:
    rate_id, pitch_id, range_id = 1, 3, 4
    parameters = {
        rate_id: min(450, round(_ESPEAK_WORDS_A_MINUTE * rate)),
        pitch_id: max(0, min(99, round(50 + 50 * math.log2(pitch)))),
        range_id: min(99, round(50 * pitch_range)),
    }
    utf8 = text.encode() + b"\0"
    with _espeak_library() as (library, chunks):
        if library.espeak_SetVoiceByName(voice.voice.encode()) != 0:
            raise AudioError(f"espeak-ng has no voice {voice.voice!r}")
        for parameter, value in parameters.items():
            library.espeak_SetParameter(parameter, value, 0)
        library.espeak_Synth(utf8, len(utf8), 0, 1, 0, 1, None, None)
    return (np.concatenate(chunks) if chunks else np.zeros(0)), _ESPEAK_SAMPLE_RATE


def _flite(voice: Voice, text: str, rate: float, pitch: float, pitch_range: float) -> tuple[np.ndarray, int]:
    mean, deviation = _FLITE_F0[voice.voice]
    settings = {
        "duration_stretch": 1 / rate,
        "int_f0_target_mean": mean * pitch,
        "int_f0_target_stddev": deviation * pitch_range,
    }
    options = [part for key, value in settings.items() for part in ("--setf", f"{key}={value:.4f}")]
    return _program(["flite", "-voice", voice.voice, *options, "-t", text, "-o"], None)


def _festival(voice: Voice, text: str, rate: float, pitch: float, pitch_range: float) -> tuple[np.ndarray, int]:
    mean, deviation = _KED_F0
    set_up = (
        f"(begin (voice_{voice.voice}) (Parameter.set 'Duration_Stretch {1 / rate:.4f})"
        f" (set! int_lr_params '((target_f0_mean {mean * pitch:.2f})"
        f" (target_f0_std {deviation * pitch_range:.2f}) (model_f0_mean 170) (model_f0_std 34))))"
    )
    return _program(["text2wave", "-eval", set_up, "-o"], text)


def _program(command: list[str], stdin: str | None) -> tuple[np.ndarray, int]:
    """Run a synthesiser that writes a wav file whose name is the last argument."""
    if shutil.which(command[0]) is None:
        raise AudioError(f"the program {command[0]} is not on PATH; on Debian: apt-get install flite festival")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "speech.wav")
        ran = subprocess.run([*command, str(path)], input=stdin, capture_output=True, text=True)
        if ran.returncode != 0 or not path.is_file():
            raise AudioError(f"{command[0]} failed: {ran.stderr.strip().splitlines()[-1:]}")
        with wave.open(io.BytesIO(path.read_bytes())) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
            return samples, file.getframerate()
