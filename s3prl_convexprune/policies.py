"""The names of the rules that turn an analysis into a depth; what they do stands in `artifact.choosing`."""

from __future__ import annotations

#: Those that go by the curve's scores: what `convexity.choose_layer` knows.
SCORED = ("argmax", "within-sem", "budget")
#: Those that go by something else, so that a flat curve does not matter to them.
REGARDLESS = ("paper",)
POLICIES = (*SCORED, *REGARDLESS)
#: What may choose in place of a policy when the curve decides nothing; `whole` cuts nothing.
FALLBACKS = ("whole", *POLICIES)
DEFAULT_POLICY = "within-sem"
