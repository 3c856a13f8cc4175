"""What the paper's poster prints: the depths that were cut at, and what the cuts changed.

Source of every number here: the authors' poster of Dorszewski, Tětková, Hansen, "Convexity-based Pruning of Speech
Representation Models", IEEE MLSP 2024, doi 10.1109/MLSP58920.2024.10734716. The published curves of its figure are
in `analysis.published`.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ConfigError, nearest

#: Label -> transformer layers of the whole model (12 is Base, 24 Large) -> layers kept.
DEPTHS: dict[str, dict[int, int]] = {"word": {12: 8, 24: 15}, "speaker": {12: 2, 24: 4}}


@dataclass(frozen=True)
class PaperChange:
    """What cutting changed once both models were fine-tuned end to end, in percent, mean over the models.

    Args:
        accuracy: change in test accuracy; whether points or a share is meant the poster does not say.
        training_time: change in training time.
        inference_time: change in inference time.
    """

    accuracy: float
    training_time: float
    inference_time: float


#: Label -> the poster's row. The change in size is not printed there; it follows from the architecture.
CHANGES: dict[str, PaperChange] = {
    "word": PaperChange(accuracy=-0.25, training_time=-23.4, inference_time=-25.9),
    "speaker": PaperChange(accuracy=1.22, training_time=-47.8, inference_time=-58.7),
}


def paper_depth(label: str, layers: int) -> int:
    """The depth that the paper cut at: one a size and task, not each model's own most convex layer.

    Args:
        label: ``word`` or ``speaker``; the plurals do too.
        layers: transformer layers of the whole model.

    Raises:
        ConfigError: another label, or a model that is neither Base (12 layers) nor Large (24).

    >>> paper_depth("word", 12), paper_depth("words", 24), paper_depth("speaker", 12), paper_depth("speakers", 24)
    (8, 15, 2, 4)
    """
    depths = DEPTHS.get(label.removesuffix("s"))
    if depths is None:
        raise ConfigError(f"the paper chose depths for words and speakers, not for {label!r}{nearest(label, DEPTHS)}")
    if layers not in depths:
        raise ConfigError(
            f"the paper cut models of {' and '.join(map(str, depths))} transformer layers; this one has {layers}"
        )
    return depths[layers]
