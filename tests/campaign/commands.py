"""Commands that work for a while, and what two runs of one must have in common however they were disturbed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from s3prl_convexprune.results.reading import read_results

from .forkserver import Ended, ForkServer

LEFTOVERS = (".*", "*.tmp", "*.work", "resume-*", "failed.json")


@dataclass(frozen=True)
class Command:
    """A command that writes files.

    Attributes:
        words: what is typed; ``@name`` is a file of the material.
        kills: how many of each signal, in the suite and in the long run.
        compared: the files whose bytes an undisturbed run decides.
        environ: environment variables; ``@name`` likewise.
    """

    words: str
    kills: tuple[int, int]
    compared: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict)

    def run(self, server: ForkServer, folder: Path, *signals: tuple[float, int]) -> Ended:
        """Run it in a folder, which is made, with `<folder>.tmp` for temporary files."""
        temporary = folder.with_suffix(".tmp")
        for place in (folder, temporary):
            place.mkdir(exist_ok=True)
        material = f"{server.folder}/material/"
        words = [word.replace("@", material) for word in self.words.split()]
        environ = {key: value.replace("@", material) for key, value in self.environ.items()}
        return server.run(["s3prl-convexprune", *words], folder, {**environ, "TMPDIR": str(temporary)}, signals=signals)

    def check(self, undisturbed: Path, disturbed: Path) -> None:
        """The same files are there, and those that are compared hold the same bytes."""
        assert names(disturbed) == names(undisturbed)
        for name in self.compared:
            assert (disturbed / name).read_bytes() == (undisturbed / name).read_bytes(), name


class Grid(Command):
    """A command whose experiments carry the time in their files' names: their numbers are compared."""

    def check(self, undisturbed: Path, disturbed: Path) -> None:
        expected, found = (numbers(folder / "out" / "results.json") for folder in (undisturbed, disturbed))
        assert expected and found == expected
        left = [name for pattern in LEFTOVERS for name in disturbed.rglob(pattern)]
        assert not left, left


def names(root: Path) -> set[str]:
    """Everything below a folder."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


def numbers(path: Path) -> dict[str, tuple[object, ...]]:
    """What each cell of a results file came to."""
    return {
        f"{row.upstream} {row.task} {row.seed}": (row.dev, row.test, row.step, row.truth_sha256)
        for row in read_results(path)
    }


SHORT = (
    "config.runner.total_steps=6,,config.runner.eval_step=3,,config.runner.save_step=2,,config.runner.log_step=2,,"
    "config.downstream_expert.datarc.num_workers=0,,config.downstream_expert.datarc.batch_size=4"
)
DEMO = " ".join(
    f"{key}={json.dumps(value, separators=(',', ':'))}"
    for key, value in {
        "analyses": {"word": {"corpus": "demo", "label": "word", "per_class": 10}},
        "evaluate": [
            {
                "task": "ks",
                "data": "demo",
                "seeds": [1],
                "overrides": {key: int(value) for key, _, value in (text.partition("=") for text in SHORT.split(",,"))},
            }
        ],
        "profile": None,
    }.items()
)
DATA = "S3PRL_CONVEXPRUNE_DATA_SPEECH_COMMANDS"
COMMANDS = {
    "analyze": Command(
        "analyze -u tiny_hubert --corpus demo --label emotion --per-class 6 --device cpu -o out.json",
        kills=(2, 40),
        compared=("out.json", "out.png", "out.svg"),
    ),
    "analyze, layers in processes": Command(
        "analyze -u tiny_hubert_convexpruned_L3 --corpus demo --label emotion --per-class 6 --device cpu --jobs 2 "
        "--max-sources auto -o out.json",
        kills=(1, 20),
        compared=("out.json", "out.png", "out.svg"),
    ),
    "analyze, points kept": Command(
        "analyze -u tiny_hubert_convexpruned_L3 --corpus demo --label emotion --per-class 6 --device cpu --keep-points "
        "-o out.json",
        kills=(1, 20),
        compared=("out.json", "out.points.npz"),
    ),
    "analyze, several": Command(
        "analyze -u tiny_hubert_convexpruned_L2 tiny_hubert_convexpruned_L1 --corpus demo --label emotion speaker "
        "--per-class 4 --device cpu -o out",
        kills=(1, 20),
        compared=tuple(
            f"out/tiny_hubert_convexpruned_{pair}.{kind}"
            for pair in ("L2-emotion", "L2-speaker", "L1-emotion", "L1-speaker")
            for kind in ("json", "svg")
        ),
    ),
    "export": Command(
        "export hubert_custom_convexpruned_L2 -k @hubert.pt -o out.pt", kills=(2, 40), compared=("out.pt",)
    ),
    "export for transformers": Command(
        "export hubert_custom_convexpruned_L2 -k @hubert.pt --format hf -o out",
        kills=(1, 20),
        compared=("out/model.safetensors", "out/config.json", "out/README.md"),
    ),
    "profile, by depth": Command(
        "profile -u hubert_custom -k @hubert.pt --by-depth --threads 1 --seconds 0.1 --repeats 20 -o out.json",
        kills=(1, 20),
    ),
    "profile, exported": Command(
        "profile --exported @exported_hf --threads 1 --seconds 0.1 --repeats 2 -o out.json", kills=(0, 10)
    ),
    "select": Command(
        "select @analysis.json --fallback argmax --name mine -o out.yaml", kills=(1, 40), compared=("out.yaml",)
    ),
    "leaderboard": Command(
        "leaderboard @grid --analysis @analysis.json -o out.html out.md", kills=(1, 40), compared=("out.html", "out.md")
    ),
    "plot": Command("plot @analysis.json -o out.pdf", kills=(1, 40), compared=("out.pdf",)),
    "screen": Command(
        "screen @analysis.json --parts 2 --heads 1 --steps 20 -o out.json", kills=(1, 40), compared=("out.json",)
    ),
    "export for onnxruntime": Command(
        "export hubert_custom_convexpruned_L2 -k @hubert.pt --format onnx -o out",
        kills=(0, 10),
        compared=("out/model.onnx",),
    ),
    "run": Grid(
        f"run -u hubert_custom_convexpruned_L2 -k @hubert.pt -t ks --lr 1e-3 --device cpu --override {SHORT} -o out",
        kills=(1, 6),
        environ={DATA: "@ks/train", f"{DATA}_TEST": "@ks/test"},
    ),
    "finetune": Grid(
        "finetune -u hubert_custom -k @hubert.pt -t ks --data-folder @commands --seeds 0 --device cpu -o out "
        "--override num_workers=0 number_of_epochs=2 lr=0.02 lr_upstream=0.002 batch_size=8",
        kills=(0, 6),  # `tests/speechbrain/test_resume.py` kills one in the suite
    ),
    "study": Command(
        f"study demo -o out --device cpu --only analyses --override {DEMO}",
        kills=(0, 10),
        compared=("out/study.yaml", "out/analyses/tiny_hubert-word.json", "out/analyses/tiny_hubert-word.svg"),
    ),
    # the demo's own study with KS alone and six steps: all of it takes longer than a forked command may
    "demo": Grid(f"study demo -o out --device cpu --override {DEMO}", kills=(0, 2)),
}
