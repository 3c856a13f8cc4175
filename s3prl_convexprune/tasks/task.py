"""What a row of the table of tasks says: the types; the rows are in `table`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "S3PRL_CONVEXPRUNE_DATA_"


@dataclass(frozen=True)
class Folder:
    """One path that an s3prl recipe leaves open.

    Attributes:
        key: its name under ``downstream_expert.<section>``.
        corpus: the environment variable's ending, ``IEMOCAP`` for ``S3PRL_CONVEXPRUNE_DATA_IEMOCAP``.
        below: where it lies under that folder.
        made_by: the command that makes it, where the corpus does not come with it.
        section: where the recipe keeps its paths.
    """

    key: str
    corpus: str
    below: str = ""
    made_by: str = ""
    section: str = "datarc"

    @property
    def variable(self) -> str:
        """The environment variable that names the corpus's folder."""
        return PREFIX + self.corpus


@dataclass(frozen=True)
class Downstream:
    """One of s3prl's downstreams: the recipe for frozen upstreams, and what its expert needs.

    Attributes:
        name: s3prl's name (``-d``).
        recipe: file name of the recipe that ships; None where none does.
        folders: the recipe's open paths, the corpus's own folder first.
        packages: distributions that the expert imports beyond s3prl's own requirements and ours.
        part: a package of s3prl that it imports and that only a clone has.
        sox: what it needs the program sox for, where torchaudio has no sox effects of its own.
        sox_for_all: whether every corpus needs that, not only some audio.
    """

    name: str
    recipe: str | None = None
    folders: tuple[Folder, ...] = ()
    packages: tuple[str, ...] = ()
    part: str | None = None
    sox: str | None = None
    sox_for_all: bool = False


@dataclass(frozen=True)
class DemoData:
    """What a SpeechBrain recipe is told so that it reads the embedded corpus.

    Attributes:
        layout: the task whose layout has it (`corpora.demo.lay_out`).
        folder: the data folder in that.
        others: further hyperparameters -> paths in it.
    """

    layout: str
    folder: str = ""
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FineTuning:
    """The SpeechBrain recipe of a task.

    Attributes:
        folder: its folder below ``downstream_recipes/speechbrain``.
        variant: the hyperparameter file that is taken unless another is asked for, by its name without ending.
        demo: variant -> what it is told to read the embedded corpus.
        fold: the hyperparameter that takes a fold's number.
    """

    folder: str
    variant: str
    demo: Mapping[str, DemoData]
    fold: str | None = None


@dataclass(frozen=True)
class Published:
    """The protocol of the published numbers, and SUPERB's scale for them.

    Attributes:
        corpus: the data set; also what a shorter one is not.
        steps: optimizer steps; a shorter schedule is not a SUPERB number.
        utterances: size of the test set (all folds); another size is another corpus.
        fbank: the metric of FBANK, 0 points.
        reference: the metric that has 1000 points.
    """

    corpus: str
    steps: int
    utterances: int
    fbank: float
    reference: float


@dataclass(frozen=True)
class Task:
    """One task of the benchmark.

    Attributes:
        name: what commands call it.
        title: what a table calls it.
        corpus: key of `CORPORA`; what its reader calls the labels is `label`.
        label: what separates the classes, hence which convexity curve belongs to the task.
        metric: "accuracy" or "wer", in percent.
        higher_is_better: direction of the metric.
        evaluate_split: what s3prl's ``-t`` must be for the test set.
        dev_split: s3prl's name of the split that chooses the checkpoint.
        predictions: file of per-utterance predictions in a cell's folder; ``{split}`` and ``{fold}`` vary.
        truths: file of the reference labels or transcripts, line by line the same utterances.
        downstream: how a frozen upstream is scored.
        finetuning: how an upstream is fine-tuned.
        published: what the published numbers were made with.
        folds: s3prl's names of the cross-validation folds; the task's number is their mean. Empty: one run.
        speaker: where an utterance's name in those files says who speaks, a pattern with one group; empty where it
            does not, or where folds already hold speakers apart.
    """

    name: str
    title: str
    corpus: str
    label: str
    metric: str
    higher_is_better: bool
    evaluate_split: str
    dev_split: str
    predictions: str
    truths: str
    downstream: Downstream
    finetuning: FineTuning
    published: Published
    folds: tuple[str, ...] = ()
    speaker: str = ""

    @property
    def best_checkpoint(self) -> str:
        """The checkpoint that s3prl keeps for the best score on dev."""
        return f"{self.dev_split}-best.ckpt"

    @property
    def data_variable(self) -> str:
        """The environment variable that names the corpus's folder."""
        return self.downstream.folders[0].variable

    def better(self, a: float, b: float) -> bool:
        """Whether score ``a`` beats score ``b`` in this task's direction."""
        return a > b if self.higher_is_better else a < b

    def points(self, score: float) -> float:
        """SUPERB's normalisation of a score: FBANK has 0 points, the reference 1000."""
        return 1000 * (score - self.published.fbank) / (self.published.reference - self.published.fbank)
