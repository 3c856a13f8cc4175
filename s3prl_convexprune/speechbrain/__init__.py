"""Any s3prl upstream, cut or whole, in a SpeechBrain recipe: the lobe, the recipes' common Brain, the comparison.

Inside this folder `import speechbrain` is SpeechBrain itself; this package is `s3prl_convexprune.speechbrain`.
"""

from .lobe import PrunedUpstream

__all__ = ["PrunedUpstream"]
