"""The analysis artifact: one JSON file that says how convex every layer is, and how that was measured.

It is all that `select`, the leaderboard and the report need, on this machine or another.
"""

from .analysis import Analysis as Analysis
from .choosing import Choice as Choice
from .firmness import firmness as firmness
from .parts import Batches as Batches
from .parts import Checkpoint as Checkpoint
from .parts import CorpusFacts as CorpusFacts
from .parts import FineTuned as FineTuned
from .parts import Grouping as Grouping
from .parts import LayerRow as LayerRow
from .parts import Settings as Settings
