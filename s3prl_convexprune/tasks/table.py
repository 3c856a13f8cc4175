"""The SUPERB tasks: one row a task, nothing task-specific anywhere else.

`TASKS` are the tasks that this package scores and tunes. `OTHERS` are s3prl's other downstreams that run with its
upstreams: their recipes and needs, no scores. Metrics are percentages: accuracy for SID, KS and ER, word error rate
for ASR. FBANK's value and the reference point are from superbbenchmark/website-react frontend/src/Data.js.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ConfigError, nearest
from .task import DemoData, Downstream, FineTuning, Folder, Published, Task


def _prepared(key: str, corpus: str, below: str, task: str) -> Folder:
    return Folder(key, corpus, below, f"s3prl-convexprune prepare {task} --root ROOT")


TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task(
            name="asr",
            title="ASR",
            corpus="librispeech",
            label="phoneme",
            metric="wer",
            higher_is_better=False,
            evaluate_split="test-clean",
            dev_split="dev-clean",
            predictions="{split}-noLM-hyp.ark",
            truths="{split}-noLM-ref.ark",
            downstream=Downstream(
                "asr",
                "asr.yaml",
                folders=(
                    Folder("libri_root", "LIBRISPEECH"),
                    _prepared("bucket_file", "LIBRISPEECH", "len_for_bucket", "asr"),
                    _prepared("dict_path", "LIBRISPEECH", "char.dict", "asr"),
                ),
                packages=("editdistance", "pandas"),
            ),
            finetuning=FineTuning("ASR", "librispeech_100", {"librispeech_100": DemoData("asr", "LibriSpeech")}),
            published=Published("LibriSpeech train-clean-100", 200_000, 2_620, fbank=23.18, reference=3.62),
            speaker=r"(\d+)-\d+-\d+",
        ),
        Task(
            name="sid",
            title="SID",
            corpus="voxceleb1",
            label="speaker",
            metric="accuracy",
            higher_is_better=True,
            evaluate_split="test",
            dev_split="dev",
            predictions="{split}_predict.txt",
            truths="{split}_truth.txt",
            downstream=Downstream(
                "voxceleb1",
                "sid.yaml",
                folders=(
                    Folder("file_path", "VOXCELEB1"),
                    _prepared("meta_data", "VOXCELEB1", "veri_test_class.txt", "sid"),
                ),
            ),
            finetuning=FineTuning(
                "SID",
                "voxceleb1",
                {"voxceleb1": DemoData("sid", "VoxCeleb1"), "speech_commands": DemoData("ks", "train")},
            ),
            published=Published("VoxCeleb1", 200_000, 8_251, fbank=20.058174, reference=90.3),
            speaker=r"(id\d+)-",
        ),
        Task(
            name="ks",
            title="KS",
            corpus="speech_commands",
            label="word",
            metric="accuracy",
            higher_is_better=True,
            evaluate_split="test",
            dev_split="dev",
            predictions="{split}_predict.txt",
            truths="{split}_truth.txt",
            downstream=Downstream(
                "speech_commands",
                "ks.yaml",
                folders=(
                    Folder("speech_commands_root", "SPEECH_COMMANDS"),
                    Folder("speech_commands_test_root", "SPEECH_COMMANDS_TEST"),
                ),
            ),
            finetuning=FineTuning(
                "KS", "v2_35", dict.fromkeys(("v1_12", "v2_35"), DemoData("ks", "train", {"test_data_folder": "test"}))
            ),
            published=Published("Speech Commands v0.01", 200_000, 3_081, fbank=41.3826674, reference=96.66),
            speaker=r"[^-]+-(?:[a-z]+_)?(.+)_nohash_",  # a test set puts the word before the speaker
        ),
        Task(
            name="er",
            title="ER",
            corpus="iemocap",
            label="emotion",
            metric="accuracy",
            higher_is_better=True,
            evaluate_split="test",
            dev_split="dev",
            predictions="{split}_{fold}_predict.txt",
            truths="{split}_{fold}_truth.txt",
            downstream=Downstream(
                "emotion",
                "er.yaml",
                folders=(Folder("root", "IEMOCAP"), _prepared("meta_data", "IEMOCAP", "meta_data", "er")),
            ),
            finetuning=FineTuning("ER", "iemocap", {"iemocap": DemoData("er")}, fold="test_session"),
            published=Published("IEMOCAP", 30_000, 5_531, fbank=48.23672168, reference=67.62),
            folds=("fold1", "fold2", "fold3", "fold4", "fold5"),
        ),
    )
}

OTHERS = (
    Downstream(
        "sv_voxceleb1",
        "asv.yaml",
        folders=(
            Folder("file_path", "VOXCELEB1"),
            Folder("test_meta_data", "VOXCELEB1", "veri_test2.txt"),
            Folder("dev_meta_data", "VOXCELEB1", "veri_test2.txt"),
        ),
        packages=("joblib",),
        sox="to trim silence",
        sox_for_all=True,
    ),
    Downstream("fluent_commands", "ic.yaml", folders=(Folder("file_path", "FLUENT_COMMANDS"),), packages=("pandas",)),
    Downstream(
        "quesst14_dtw",
        "qbe.yaml",
        folders=(Folder("dataset_root", "QUESST14"),),
        packages=("dtw-python", "lxml"),
        sox="for audio that has not 16 kHz, as QUESST's has 8",
    ),
    Downstream(
        "diarization",
        "sd.yaml",
        folders=(
            Folder("train_dir", "LIBRI2MIX", "train", section="loaderrc"),
            Folder("dev_dir", "LIBRI2MIX", "dev", section="loaderrc"),
            Folder("test_dir", "LIBRI2MIX", "test", section="loaderrc"),
        ),
        packages=("h5py", "pandas"),
    ),
    Downstream("ctc", packages=("editdistance",), part="s3prl.downstream.ctc.corpus"),
)

#: s3prl's name -> downstream.
DOWNSTREAMS: dict[str, Downstream] = {
    downstream.name: downstream for downstream in (*(task.downstream for task in TASKS.values()), *OTHERS)
}


def get_task(name: str) -> Task:
    """The task called ``name``.

    Raises:
        ConfigError: there is none; the message names the nearest.

    >>> get_task("ks").downstream.name, get_task("ks").better(6.4, 7.0), get_task("asr").better(6.4, 7.0)
    ('speech_commands', False, True)
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
