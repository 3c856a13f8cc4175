"""The names of the rules that turn an analysis into a depth; what they do stands in `artifact.choosing`."""

from __future__ import annotations

POLICIES = ("argmax", "within-sem", "budget", "paper")
#: Those that go by something else than the curve's scores, so that a flat curve does not matter to them.
REGARDLESS = ("paper",)
#: What may choose in place of a policy when the curve decides nothing; `whole` cuts nothing.
FALLBACKS = ("whole", *POLICIES)
DEFAULT_POLICY = "within-sem"
