"""How speech is sampled wherever this package reads it, makes it or hands it to an upstream."""

from __future__ import annotations

#: Hz. What every upstream on the hub was pretrained on; recipes state their own, since their corpora are theirs.
SAMPLE_RATE = 16_000
