"""The SUPERB tasks this package scores: one row a task, nothing task-specific anywhere else.

A task is an s3prl downstream, a recipe, the files in which that downstream leaves its predictions, and a metric
with its direction. Metrics are percentages: accuracy for SID, KS and ER, word error rate for ASR.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import ConfigError, nearest


@dataclass(frozen=True)
class Task:
    """One task of the benchmark, as s3prl runs it.

    Attributes:
        name: what commands call it.
        title: what a table calls it.
        downstream: s3prl's name for it (``-d``).
        recipe: file name of this package's recipe.
        label: what separates the classes, hence which convexity curve belongs to the task.
        metric: "accuracy" or "wer", in percent.
        higher_is_better: direction of the metric.
        evaluate_split: what ``-t`` must be for the test set.
        dev_split: s3prl's name of the split that chooses the checkpoint.
        folds: s3prl's names of the cross-validation folds; the task's number is their mean. Empty: one run.
        corpus: the data set of the published number.
        predictions: file of per-utterance predictions in the experiment folder; ``{split}`` and ``{fold}`` vary.
        truths: file of the reference labels or transcripts, line by line the same utterances.
        full_steps: optimizer steps of the published protocol; a shorter schedule is not a SUPERB number.
        test_utterances: size of the published test set (all folds); another size is another corpus.
    """

    name: str
    title: str
    downstream: str
    recipe: str
    label: str
    metric: str
    higher_is_better: bool
    evaluate_split: str
    dev_split: str
    folds: tuple[str, ...]
    corpus: str
    predictions: str
    truths: str
    full_steps: int
    test_utterances: int

    @property
    def best_checkpoint(self) -> str:
        """The checkpoint that s3prl keeps for the best score on dev."""
        return f"{self.dev_split}-best.ckpt"

    def better(self, a: float, b: float) -> bool:
        """Whether score ``a`` beats score ``b`` in this task's direction.

        >>> TASKS["asr"].better(6.4, 7.0), TASKS["ks"].better(6.4, 7.0)
        (True, False)
        """
        return a > b if self.higher_is_better else a < b


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="asr",
            title="ASR",
            downstream="asr",
            recipe="asr.yaml",
            label="phoneme",
            metric="wer",
            higher_is_better=False,
            evaluate_split="test-clean",
            dev_split="dev-clean",
            folds=(),
            corpus="LibriSpeech train-clean-100",
            predictions="{split}-noLM-hyp.ark",
            truths="{split}-noLM-ref.ark",
            full_steps=200_000,
            test_utterances=2_620,
        ),
        Task(
            name="sid",
            title="SID",
            downstream="voxceleb1",
            recipe="sid.yaml",
            label="speaker",
            metric="accuracy",
            higher_is_better=True,
            evaluate_split="test",
            dev_split="dev",
            folds=(),
            corpus="VoxCeleb1",
            predictions="{split}_predict.txt",
            truths="{split}_truth.txt",
            full_steps=200_000,
            test_utterances=8_251,
        ),
        Task(
            name="ks",
            title="KS",
            downstream="speech_commands",
            recipe="ks.yaml",
            label="word",
            metric="accuracy",
            higher_is_better=True,
            evaluate_split="test",
            dev_split="dev",
            folds=(),
            corpus="Speech Commands v0.01",
            predictions="{split}_predict.txt",
            truths="{split}_truth.txt",
            full_steps=200_000,
            test_utterances=3_081,
        ),
        Task(
            name="er",
            title="ER",
            downstream="emotion",
            recipe="er.yaml",
            label="emotion",
            metric="accuracy",
            higher_is_better=True,
            evaluate_split="test",
            dev_split="dev",
            folds=("fold1", "fold2", "fold3", "fold4", "fold5"),
            corpus="IEMOCAP",
            predictions="{split}_{fold}_predict.txt",
            truths="{split}_{fold}_truth.txt",
            full_steps=30_000,
            test_utterances=5_531,
        ),
    )
}


def get_task(name: str) -> Task:
    """The task called ``name``.

    Raises:
        ConfigError: there is none; the message names the nearest.

    >>> get_task("ks").downstream
    'speech_commands'
    >>> get_task("kws")
    Traceback (most recent call last):
    ...
    s3prl_convexprune.errors.ConfigError: unknown task 'kws'; did you mean 'ks'?
    """
    if name not in TASKS:
        raise ConfigError(f"unknown task {name!r}{nearest(name, TASKS)}")
    return TASKS[name]


def get_tasks(names: Iterable[str]) -> list[Task]:
    """`get_task` for each name, in the order given, every task once."""
    return [get_task(name) for name in dict.fromkeys(names)]
