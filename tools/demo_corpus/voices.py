"""The demo's speakers: one row a voice, with the engine that speaks it, its session and its split.

The rows were chosen by measurement, not by name: of 97 candidate voices the most distant ones in
class-whitened MFCC statistics were taken greedily (`docs/demo.md` has the numbers).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """One synthetic speaker.

    Attributes:
        speaker: the speaker's name in the manifest.
        engine: ``espeak``, ``flite`` or ``festival``.
        voice: the engine's own name of the voice.
        session: 1 to 5; IEMOCAP's folds hold one session out.
        split: ``train``, ``dev`` or ``test``: the split that the speaker's words and sentences are in.
        rate: speaking rate relative to the engine's default.
        pitch: F0 relative to the voice's own.
        tract: frequency scale of the spectrum, > 1 for a shorter vocal tract; done by resampling.
    """

    speaker: str
    engine: str
    voice: str
    session: int
    split: str
    rate: float = 1.0
    pitch: float = 1.0
    tract: float = 1.0


VOICES: tuple[Voice, ...] = (
    Voice("flite_slt", "flite", "slt", 1, "train"),
    Voice("espeak_caribbean_zac", "espeak", "en-029+zac", 1, "train"),
    Voice("espeak_rp_ian", "espeak", "en-gb-x-rp+ian", 1, "train"),
    Voice("espeak_us_aunty", "espeak", "en-us+aunty", 1, "test", rate=1.1),
    Voice("flite_awb", "flite", "awb", 2, "train"),
    Voice("espeak_scotland_steph", "espeak", "en-gb-scotland+steph", 2, "train", rate=0.9),
    Voice("espeak_us_sandro", "espeak", "en-us+sandro", 2, "train"),
    Voice("espeak_rp_caleb", "espeak", "en-gb-x-rp+caleb", 2, "dev"),
    Voice("festival_ked", "festival", "ked_diphone", 3, "train"),
    Voice("espeak_us_f1", "espeak", "en-us+f1", 3, "train"),
    Voice("espeak_rp_kaukovalta", "espeak", "en-gb-x-rp+kaukovalta", 3, "train"),
    Voice("flite_slt_child", "flite", "slt", 3, "test", pitch=1.35, tract=1.18),
    Voice("espeak_rp_f5", "espeak", "en-gb-x-rp+f5", 4, "train"),
    Voice("espeak_rp_travis", "espeak", "en-gb-x-rp+travis", 4, "train", rate=1.1),
    Voice("flite_rms", "flite", "rms", 4, "dev"),
    Voice("espeak_us_anxiousandy", "espeak", "en-us+AnxiousAndy", 4, "test"),
    Voice("espeak_caribbean_andy", "espeak", "en-029+Andy", 5, "train"),
    Voice("espeak_rp_lee", "espeak", "en-gb-x-rp+Lee", 5, "dev", rate=0.9),
    Voice("espeak_scotland_andrea", "espeak", "en-gb-scotland+Andrea", 5, "dev"),
    Voice("espeak_us_rob", "espeak", "en-us+rob", 5, "test"),
)
