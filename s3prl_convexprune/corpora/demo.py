"""The embedded corpus: synthetic voices, shipped in the package, for trying things without data.

Its styles are prosody settings of speech synthesisers, not emotions; `emotion` names them so that the emotion
recipe can be tried, and says nothing about emotion recognition.
"""

from __future__ import annotations

from dataclasses import replace

from .manifest import Utterance, read_manifest


def read(root: None, label: str) -> list[Utterance]:
    """Read the shipped manifest.

    Args:
        root: not used; the corpus lies in the package.
        label: ``word``, ``speaker``, ``style`` or its other name ``emotion``. For ``speaker`` the split is
            the one that holds words out, for the others the one that holds speakers out.
    """
    from ..demo.corpus import demo_manifest_path

    rows = read_manifest(demo_manifest_path())
    if label == "speaker":
        rows = [replace(row, split=row.labels.get("speaker_split")) for row in rows]
    return [
        replace(row, labels={**row.labels, "emotion": row.labels["style"]}) if "style" in row.labels else row
        for row in rows
    ]
