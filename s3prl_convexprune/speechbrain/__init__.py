"""Any s3prl upstream, cut or whole, in a SpeechBrain recipe: the lobe, the recipes' common Brain, the comparison.

Inside this folder `import speechbrain` is SpeechBrain itself; this package is `s3prl_convexprune.speechbrain`. The lobe
imports torch, so it is loaded when it is asked for: which runs a comparison has can be told without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lobe import PrunedUpstream as PrunedUpstream

__all__ = ["PrunedUpstream"]


def __getattr__(name: str) -> Any:
    if name != "PrunedUpstream":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .lobe import PrunedUpstream

    return PrunedUpstream
