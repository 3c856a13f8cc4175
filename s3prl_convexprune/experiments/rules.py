"""The rules that a study may choose depths by: one table, each with what it needs and what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..budget import LIMITS


@dataclass(frozen=True)
class Rule:
    """A row of `RULES`.

    Attributes:
        name: what a study calls it.
        text: what it is, for people.
        needs: what the choice is made from: ``nothing`` but the depth of the whole upstream, its ``analysis``, or the
            ``points`` that the analysis was made of.
        uses_labels: whether the task's labels take part, which makes a cut task-specific.
        options: its options, all of them required.
        any_of: options of which one or several are required.
        drops: whether its result is no cut at the top but another set of layers, as many as argmax keeps.
    """

    name: str
    text: str
    needs: Literal["nothing", "analysis", "points"]
    uses_labels: bool = True
    options: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    drops: bool = False


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule("whole", "the whole upstream, what cuts are compared with", "nothing", uses_labels=False),
        Rule("all-depths", "every depth from 1 on", "nothing", uses_labels=False),
        Rule("argmax", "the most convex layer", "analysis"),
        Rule("within-sem", "the shallowest layer that cannot be told from the most convex one", "analysis"),
        Rule("budget", "the most convex layer that keeps every limit", "analysis", any_of=(*LIMITS, "times")),
        Rule("paper", "the paper's one depth for a size and a task: words L8 or L15, speakers L2 or L4", "analysis"),
        Rule("screen", "the depth at which SUPERB's own head is predicted to be best", "points"),
        Rule(
            "non-inferior", "the shallowest that it predicts not to be worse by a margin", "points", options=("margin",)
        ),
        Rule("probe", "the layer with the best linear probe on unheard speakers", "points"),
        Rule("logme", "the layer whose points give most evidence for the labels", "points"),
        Rule("h-score", "the layer with most of its covariance between the classes", "points"),
        Rule("h-score-shrunk", "the same with a shrunken covariance", "points"),
        Rule("two-nn", "the least intrinsic dimension behind its peak", "points", uses_labels=False),
        Rule("cka", "the knee of CKA with the last layer", "points", uses_labels=False),
        Rule("cosine", "the knee of the mean cosine with the last layer", "points", uses_labels=False),
        Rule("mutual-knn", "the knee of the neighbours shared with the last layer", "points", uses_labels=False),
        Rule("bi", "as many layers as argmax keeps, those of most block influence", "points", drops=True),
        Rule("knn-bi", "as many, those that change most who is near whom", "points", drops=True),
        Rule("angular", "as many, without the block that turns frames least", "points", drops=True),
        Rule("bottom", "as many layers as argmax keeps, from the top (Sajjad et al. 2023)", "analysis", drops=True),
        Rule("symmetric", "as many, from both ends (Sajjad et al. 2023)", "analysis", drops=True),
        Rule("alternate", "as many, evenly spread (Sajjad et al. 2023)", "analysis", drops=True),
    )
}
