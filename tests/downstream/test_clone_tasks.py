"""The other six tasks of SUPERB from a clone of s3prl: PR, SF, IC, SD, ASV and QbE, on a cut upstream.

A clone is the package's files plus configs, vocabularies, and for PR and SF the modules that read the corpus. Small
ones of these are written here, for the package has none; S3PRL_CLONE=<a clone> takes the real ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import editdistance
import pytest

from s3prl_convexprune._plugin import _is_of_s3prl
from s3prl_convexprune.compat import sox_effects
from s3prl_convexprune.tasks.recipes import recipe_path
from tests import tiny_corpora
from tests.recipes import other_corpora

from .conftest import override

UPSTREAM = "hubert_custom_convexpruned_L2"
SHORT = {
    "config.runner.total_steps": 1,
    "config.runner.eval_step": 1,
    "config.runner.save_step": 1,
    "config.runner.log_step": 1,
    "config.runner.gradient_accumulate_steps": 1,
}
PHONES = ("SIL", "AA", "B", "K", "S")

CTC_CONFIG = """
runner: {{total_steps: 1, gradient_clipping: 1, log_step: 1, eval_step: 1, save_step: 1, max_keep: 1,
  gradient_accumulate_steps: 1, eval_dataloaders: [dev]}}
optimizer: {{name: TorchOptim, torch_optim_name: Adam, lr: 1.0e-4}}
downstream_expert:
  corpus: {{name: {name}, path: null, train: [{train}], dev: [{dev}], test: [{test}], bucketing: true, batch_size: 2,
    num_workers: 0}}
  text: {text}
  model: {{project_dim: 8, zero_infinity: true, select: {model}, FrameLevel: {{hidden_sizes: []}}, RNNs: {{
    total_rate: -1, module: LSTM, bidirection: true, dim: [8, 8], dropout: [0.0, 0.0], layer_norm: [false, false],
    proj: [false, false], sample_rate: [1, 1], sample_style: concat}}}}
  save_best_on: [dev]
  metric_higher_better: false
  metric: {metric}
"""

#: What `downstream/ctc/corpus` gives the expert: pairs of a path and a tokenized transcript, `bucket_size` at once.
CORPUS = """
from pathlib import Path
from torch.utils.data import Dataset

class {name}(Dataset):
    def __init__(self, split, tokenizer, bucket_size, path, lexicon=(), **kwargs):
        self.size, said = bucket_size, {{}}
        phones = dict(line.split(maxsplit=1) for file in lexicon for line in open(file))
        for file in [*Path(path).rglob("*.trans.txt"), *Path(path).glob("all.iob.snips.txt")]:
            said.update(line.rstrip("\\n").split(" ", 1) for line in file.open())
        if phones:
            said = {{name: " ".join(phones[word].strip() for word in text.split()) for name, text in said.items()}}
        files = sorted(file for part in split for file in (Path(path) / part).rglob("*.*") if file.stem in said)
        self.pairs = [(str(file), tokenizer.encode(said[file.stem])) for file in files]

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        start = min(index, len(self.pairs) - self.size)
        return self.pairs[index] if self.size == 1 else self.pairs[start : start + self.size]
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """The folder `s3prl` of a clone."""
    real, root = os.environ.get("S3PRL_CLONE"), tmp_path_factory.mktemp("clone") / "s3prl"
    source = Path(real) / "s3prl" if real else Path(find_spec("s3prl").origin).parent
    shutil.copytree(source, root, ignore=shutil.ignore_patterns("__pycache__", ".cache", "result"))
    if real:
        return root
    for downstream in ("fluent_commands", "diarization", "sv_voxceleb1", "quesst14_dtw"):
        shutil.copy(recipe_path(downstream), root / "downstream" / downstream / "config.yaml")
    ctc = root / "downstream" / "ctc"
    for folder in ("corpus", "vocab"):
        (ctc / folder).mkdir()
    (ctc / "corpus" / "libriphone.py").write_text(CORPUS.format(name="LibriPhoneDataset"))
    (ctc / "corpus" / "snips.py").write_text(CORPUS.format(name="SnipsDataset"))
    (ctc / "vocab" / "phoneme.txt").write_text("".join(f"{phone}\n" for phone in PHONES))
    (ctc / "vocab" / "character.txt").write_text("".join(f"{letter}\n" for letter in " AEFJKLOPSUYZ"))
    phoneme = "{mode: word, vocab_file: downstream/ctc/vocab/phoneme.txt}"
    slot = "{mode: character-slot, vocab_file: downstream/ctc/vocab/character.txt, slots_file: null}"
    splits = {"train": "train-clean-100", "dev": "dev-clean", "test": "test-clean"}
    pr = CTC_CONFIG.format(name="libriphone", text=phoneme, model="FrameLevel", metric="[per]", **splits)
    splits = {"train": "train", "dev": "valid", "test": "test"}
    sf = CTC_CONFIG.format(name="snips", text=slot, model="RNNs", metric="[slot_type_f1, cer]", **splits)
    (ctc / "libriphone.yaml").write_text(pr)
    (ctc / "snips.yaml").write_text(sf)
    return root


@pytest.fixture(scope="module")
def corpora(clone, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("corpora")
    tiny_corpora.librispeech(root / "LibriSpeech", each=2, dev=1)
    words = sorted({word for sentence in tiny_corpora.SENTENCES for word in sentence.split()})
    phones = (clone / "downstream/ctc/vocab/phoneme.txt").read_text().split()
    rows = [f"{word} {phones[1 + i % 4]} {phones[1 + i % 3]}\n" for i, word in enumerate(words)]
    (root / "lexicon.txt").write_text("".join(rows))
    other_corpora.snips(root / "SNIPS")
    other_corpora.fluent_commands(root / "fluent")
    other_corpora.libri2mix(root / "Libri2Mix")
    other_corpora.verification(root / "VoxCeleb1", speakers=4)
    other_corpora.quesst14(root / "QUESST", 16000 if sox_effects.program() is None else 8000)
    return root


def tasks(root: Path) -> dict[str, tuple[list[str], dict[str, object]]]:
    """Each task's arguments in `superb.md`, and the values of its YAML that a tiny corpus asks for."""
    trials = root / "VoxCeleb1" / "veri_test2.txt"
    return {
        "pr": (
            ["-d", "ctc", "-c", "downstream/ctc/libriphone.yaml"],
            {"corpus.path": root / "LibriSpeech", "corpus.lexicon": [str(root / "lexicon.txt")]}
            | {"corpus.num_workers": 0, "corpus.batch_size": 2},
        ),
        "sf": (
            ["-d", "ctc", "-c", "downstream/ctc/snips.yaml"],
            {"corpus.path": root / "SNIPS", "text.slots_file": root / "SNIPS" / "slots.txt"}
            | {"corpus.num_workers": 0, "corpus.batch_size": 2, "model.project_dim": 8, "model.RNNs.dim": [8, 8]}
            | {"model.RNNs.dropout": [0.0, 0.0]},
        ),
        "ic": (["-d", "fluent_commands"], {"datarc.file_path": root / "fluent", "datarc.num_workers": 0}),
        "sd": (
            ["-d", "diarization"],
            {f"loaderrc.{split}_dir": root / "Libri2Mix" / split for split in ("train", "dev", "test")}
            | {"loaderrc.num_workers": 0, "modelrc.hidden_size": 8},
        ),
        "asv": (
            ["-d", "sv_voxceleb1"],
            {"datarc.file_path": root / "VoxCeleb1", "datarc.dev_meta_data": trials, "datarc.test_meta_data": trials}
            | {"datarc.num_workers": 0, "datarc.train_batch_size": 2, "datarc.vad_config.min_sec": 8000},
        ),
        "qbe": (
            ["-d", "quesst14_dtw"],
            {"datarc.dataset_root": root / "QUESST", "datarc.num_workers": 0, "max_workers": 1},
        ),
    }


@pytest.fixture(scope="module")
def ran(clone, corpora, installed, hubert) -> tuple[Path, str]:
    """All tasks trained and evaluated by one process of the clone: the folder of experiments, and what was printed."""
    rounds = []
    for task, (arguments, values) in tasks(corpora).items():
        if task == "asv" and sox_effects.program() is None:
            continue
        values = {f"config.downstream_expert.{key}": value for key, value in values.items()}
        common = ["-u", UPSTREAM, "-k", str(hubert), "-n", task, "--device", "cpu", *arguments]
        if task == "qbe":
            rounds.append(["-m", "evaluate", "-t", "dev", "-l", "-1", *common, "-o", override(values)])
        else:
            rounds.append(["-m", "train", *common, "-o", override(SHORT, values)])
            rounds.append(["-m", "evaluate", "-e", f"result/downstream/{task}", "--device", "cpu"])
    file = corpora / "rounds.json"
    file.write_text(json.dumps(rounds))
    environ = {"PYTHONPATH": str(clone.parent)}
    done = installed.run(["python", Path(__file__).with_name("rounds.py"), file], clone, environ)
    assert done.returncode == 0, done.stderr[-3000:]
    return clone / "result" / "downstream", done.stdout


@pytest.mark.slow
def test_phonemes_and_slots_are_scored_on_what_was_written(ran):
    folder, printed = ran
    for task, metric in (("pr", "per"), ("sf", "cer")):
        lines = [(folder / task / f"test-{kind}.ark").read_text().splitlines() for kind in ("hyp", "ref")]
        assert len(lines[0]) == len(lines[1]) > 1
        errors = length = 0
        for heard, said in zip(*lines, strict=True):
            (name, _, heard), (of, _, said) = heard.partition(" "), said.partition(" ")
            assert name == of
            pair = (heard.split(" "), said.split(" ")) if metric == "per" else (heard, said)
            errors, length = errors + editdistance.eval(*pair), length + len(pair[1])
        found = re.findall(rf"^test {metric}: ([\d.]+)", printed, re.MULTILINE)
        assert float(found[-1]) == pytest.approx(errors / length)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "says", "leaves"),
    [
        ("ic", r"^test acc: [\d.]+$", "test_predict.csv"),
        ("sd", r"mode test acc [\d.]+ der [\d.]+", "scoring/predictions/mix_0.h5"),
        ("asv", r"test-EER: [\d.]+", "test_predict.txt"),
        ("qbe", "", "benchmark.stdlist.xml"),
    ],
)
def test_other_tasks_of_a_clone_end_in_their_scores(ran, task, says, leaves):
    folder, printed = ran
    if task == "asv" and sox_effects.program() is None:
        pytest.skip("the program sox trims ASV's silence: apt-get install sox")
    assert re.search(says, printed, re.MULTILINE)
    assert (folder / task / leaves).is_file()


@pytest.mark.slow
def test_a_script_of_a_clone_that_imports_torchaudio_alone(clone, corpora, installed, tmp_path):
    """As s3prl's `preprocess/generate_len_for_bucket.py` does; the same script elsewhere is left alone."""
    code = "import sys, torchaudio\ntorchaudio.set_audio_backend('sox_io')\n"
    code += "print(torchaudio.info(sys.argv[1]).num_frames)\n"
    script = clone / "preprocess" / "lengths.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(code)
    audio = next((corpora / "LibriSpeech").rglob("*.flac"))
    done = subprocess.run(
        [installed.bin / "python", "preprocess/lengths.py", audio],
        cwd=clone,
        env=installed.environ,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) in (19200, 20800)


def test_a_program_of_s3prl_is_known_by_its_folder(clone, tmp_path):
    assert _is_of_s3prl(str(clone / "preprocess" / "any.py"))
    assert _is_of_s3prl(str(clone / "run_downstream.py"))
    assert not _is_of_s3prl(str(tmp_path / "any.py"))
    assert not _is_of_s3prl("")
