"""A study: which upstreams, which corpora and labels, which rules for a depth, which tasks, frozen or fine-tuned.

These are the objects; `study_file` reads them from YAML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..budget import Budget
from ..errors import ConfigError
from ..report.decision import MARGIN
from ..schema import AtLeastOne, LearningRate, Length, Part, Seed
from ..tasks.table import get_task


@dataclass(frozen=True)
class Base:
    """A whole upstream of a study.

    Attributes:
        name: what the study calls it: its hub name, or for an entry with a checkpoint the checkpoint's name.
        entry: the hub entry that builds it.
        ckpt: the entry's checkpoint, when it takes one.
        final_norm: ``keep`` or ``drop``, of its cuts; None as is usual in the family, see `upstreams.prune`.
    """

    name: str
    entry: str
    ckpt: str | None = None
    final_norm: str | None = None


@dataclass(frozen=True)
class Choose:
    """A rule of the study: a key of `rules.RULES`, with its options."""

    rule: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The rule in a table: its name, and its options where it has any."""
        return " ".join([self.rule, *(f"{key}={value}" for key, value in self.options.items())])

    @property
    def budget(self) -> Budget | None:
        """The limits of the rule ``budget``; None for other rules. Relative `times` start at the working folder.

        Raises:
            ConfigError: they are no budget.
        """
        if self.rule != "budget":
            return None
        times = self.options.get("times")
        return Budget(**{**self.options, "times": None if times is None else Path(str(times)).expanduser()})


@dataclass(frozen=True)
class Labelling(Part):
    """One labelling of one corpus, whose classes' convexity is measured in every layer; `analyze`'s settings."""

    corpus: str
    label: str
    root: str | None = None
    protocol: Literal["exact", "paper"] = "exact"
    split: str | None = None
    per_class: AtLeastOne = 200
    neighbors: AtLeastOne = 10
    seed: Seed = 1337
    context: Literal["file", "segment"] = "segment"
    group: str | None = None
    across: str | None = None


@dataclass(frozen=True)
class Evaluation(Part):
    """One task on which the whole upstreams and their cuts are compared.

    Attributes:
        task: a key of `TASKS`.
        how: ``frozen`` through s3prl's runner, or ``finetuned`` through SpeechBrain.
        analysis: which of the study's analyses chooses the depths; the one of the task's own label by default.
        data: ``demo`` for the embedded corpus in the recipe's layout; a folder for ``finetuned``; otherwise the
            recipe's own paths, filled from the environment.
        variant: ``finetuned``: another variant of the recipe, such as ``v1_12`` of ks.
        after: ``finetuned``: analyses that are made again on the whole upstreams as the first seed left them.
        cuts: rules for this evaluation alone; the study's by default.
        seeds: of the training.
        lrs: ``frozen``: learning rates to choose from on dev; empty for the recipe's.
        folds: for a task with folds, which of them; empty for all.
        overrides: recipe settings, dotted s3prl keys for ``frozen``, hyperparameters for ``finetuned``.
    """

    task: str
    how: Literal["frozen", "finetuned"] = "frozen"
    analysis: str | None = None
    data: str | None = None
    variant: str | None = None
    after: list[str] = field(default_factory=list)
    cuts: tuple[Choose, ...] | None = None
    seeds: list[Seed] = field(default_factory=lambda: [1337])
    lrs: list[LearningRate] = field(default_factory=list)
    folds: list[str] = field(default_factory=list)
    overrides: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The evaluation in a message; a study has one of a task and a way to train."""
        return self.task if self.how == "frozen" else f"{self.task} fine-tuned"


@dataclass(frozen=True)
class Costs(Part):
    """How upstreams are profiled; `profile`'s settings."""

    seconds: list[Length] = field(default_factory=lambda: [1.0, 4.0])
    batches: list[AtLeastOne] = field(default_factory=lambda: [1])
    repeats: AtLeastOne = 5


@dataclass(frozen=True)
class Study:
    """A whole comparison, checked.

    Attributes:
        name: its name, also the folder's default.
        title: what the page is called.
        bases: the whole upstreams.
        analyses: name -> labelling.
        cuts: rules for a depth.
        evaluate: tasks.
        published: whose published numbers stand beside the measured ones; ``dorszewski2024`` or None.
        profile: how costs are measured; None leaves them out.
        notes: sentences for the page.
        text: the file's own text, which travels with the results.
        fallback: what chooses a depth where an analysis decides nothing: a policy, or ``whole``.
        margin: points within which two scores count as equal.
    """

    name: str
    title: str
    bases: tuple[Base, ...]
    analyses: dict[str, Labelling]
    cuts: tuple[Choose, ...]
    evaluate: tuple[Evaluation, ...]
    published: str | None
    profile: Costs | None
    notes: tuple[str, ...]
    text: str
    fallback: str | None = None
    margin: float = MARGIN

    def labelling_of(self, evaluation: Evaluation) -> str:
        """The name of the analysis that chooses an evaluation's depths.

        Raises:
            ConfigError: the study has none that fits.
        """
        if evaluation.analysis is not None:
            return evaluation.analysis
        label = get_task(evaluation.task).label
        fitting = [name for name, labelling in self.analyses.items() if labelling.label == label]
        if len(fitting) != 1:
            found = " and ".join(fitting) or "none"
            raise ConfigError(
                f"evaluation {evaluation.title}: which analysis chooses its depths? {found} of the study's are of "
                f"the label {label!r}; state 'analysis: {next(iter(self.analyses), 'NAME')}'"
            )
        return fitting[0]

    def rules_of(self, evaluation: Evaluation) -> tuple[Choose, ...]:
        """The rules that choose an evaluation's cuts."""
        return self.cuts if evaluation.cuts is None else evaluation.cuts
