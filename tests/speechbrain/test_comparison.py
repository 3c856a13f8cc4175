"""The command that compares: runs, skips what is finished, rows, table."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest

from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.errors import ArtifactError, ConfigError, ConvexPruneError
from s3prl_convexprune.experiments.cells import run as cells_run
from s3prl_convexprune.experiments.finetuned import experiment, table
from s3prl_convexprune.experiments.finetuned.comparison import OWNED_BY_COMPARISON, make_comparison
from s3prl_convexprune.results.leaderboard import load_rows, make_leaderboard
from s3prl_convexprune.results.reading import read_results
from s3prl_convexprune.results.result import Result
from s3prl_convexprune.tasks.table import get_task
from tests.finetuned_rows import row
from tests.speechbrain.conftest import CUT as TRAINED

WHOLE, CUT = "hubert_custom", "hubert_custom_convexpruned_L1"
SETTINGS = ("num_workers=0", "number_of_epochs=2", "lr=0.02", "lr_upstream=0.002", "batch_size=8")


@pytest.mark.slow
def test_the_command_end_to_end(corpora, checkpoint, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    out = tmp_path / "out"
    arguments = [
        "finetune",
        "-u",
        WHOLE,
        CUT,
        "-k",
        checkpoint("hubert-post"),
        "-t",
        "ks",
        "-o",
        str(out),
        "--seeds",
        "3",
    ]
    arguments += ["--data-folder", str(corpora["ks"]), "--device", "cpu", "--override", *SETTINGS]
    assert cli.main(arguments) == 0
    said = capsys.readouterr()
    assert "for 3 seeds write --seeds 0 1 2" in said.err
    whole, cut = read_results(out / "results.json")
    assert [row.name for row in (whole, cut)] == [f"{WHOLE} (fine-tuned)", f"{CUT} (fine-tuned)"]
    assert (whole.layers, cut.layers) == (4, 1) and cut.params < whole.params
    assert whole.truth_sha256 == cut.truth_sha256
    assert whole.provenance.manifests == cut.provenance.manifests
    assert cut.provenance.depth.base == whole.upstream and whole.provenance.depth is None
    written = (out / "table.md").read_text()
    assert f"| {CUT} (fine-tuned) | 1 |" in written and written.partition("\n")[2].strip() in said.out

    entries = make_leaderboard(load_rows([out / "results.json"]))
    assert [entry.name for entry in entries] == [whole.name, cut.name]
    assert entries[1].differences["ks"].value == pytest.approx(cut.test - whole.test)
    assert not any(entry.follows_protocol for entry in entries)
    assert "the upstream was fine-tuned" in entries[0].scores["ks"].notes

    def no_worker(plan, workers, progress):
        raise AssertionError("a finished comparison was run again")

    with monkeypatch.context() as patch:
        patch.setattr(cells_run, "run_here", no_worker)
        assert cli.main(arguments) == 0
    assert read_results(out / "results.json") == [whole, cut]
    assert cli.main([*arguments, "lr=0.5"]) == 2
    assert "made with another overrides" in capsys.readouterr().err
    number = out / cut.folder / "finished.json"
    row = Result.read(number)
    replace(row, provenance=replace(row.provenance, device="another GPU")).write(number)
    (out / whole.folder / "finished.json").unlink()
    assert cli.main(arguments) == 2
    assert "finished cells were made on another GPU" in capsys.readouterr().err


def test_a_failed_run_says_why_and_leaves_no_record(corpora, checkpoint, tmp_path):
    plan = make_comparison(
        (WHOLE,), "ks", tmp_path / "out", corpora["ks"], ckpt=checkpoint("hubert-post"), device="cpu"
    )
    cell = plan.cells[0]
    folder = plan.folder(cell)
    folder.mkdir(parents=True)
    with pytest.raises(ConvexPruneError, match="no hyperparameter 'batchsize'; did you mean 'batch_size'"):
        experiment.execute([*plan.command(cell), "--batchsize=3"], folder)
    with pytest.raises(ArtifactError, match="record.json"):
        experiment.result(plan, cell)


@pytest.mark.parametrize("said", [{"upstream": WHOLE}, {"seed": 5}, {"precision": "bf16"}])
def test_a_record_of_another_cell_is_refused(said, finetuned, corpora, tmp_path):
    """Its number would stand in this cell's row."""
    plan = make_comparison((TRAINED,), "ks", tmp_path / "out", corpora["ks"], seeds=(3,))
    (cell,) = plan.cells
    record = shutil.copytree(finetuned, plan.folder(cell)) / "record.json"
    assert experiment.result(plan, cell).seed == 3
    record.write_text(json.dumps(json.loads(record.read_text()) | said))
    ((key, value),) = said.items()
    with pytest.raises(ArtifactError, match=f"says {key} {value}; expected"):
        experiment.result(plan, cell)


@pytest.mark.parametrize(
    ("key", "option"), [*OWNED_BY_COMPARISON.items(), ("test_session", "--folds")], ids=lambda value: value
)
def test_what_the_comparison_decides_is_no_override(key, option, tmp_path):
    """Rows would stay labelled with what was not run."""
    with pytest.raises(ConfigError, match=f"the comparison itself decides {key}; use {option}"):
        make_comparison(("a",), "er", tmp_path, tmp_path, overrides={"lr": "1", key: "5"})


def test_order_and_folds(tmp_path):
    plan = make_comparison(("a", "b"), "er", tmp_path, tmp_path, seeds=(0, 1), folds=("fold2", "fold4"))
    order = [(cell.seed, cell.fold, cell.upstream) for cell in plan.cells]
    assert order[:4] == [(0, "fold2", "a"), (0, "fold2", "b"), (0, "fold4", "a"), (0, "fold4", "b")] and len(order) == 8
    assert len(make_comparison(("a",), "er", tmp_path, tmp_path, seeds=(0,)).cells) == 5
    assert "--test_session=4" in plan.command(plan.cells[2])


def test_the_table_averages_folds_inside_a_seed():
    tests = {(0, "fold1"): 60.0, (0, "fold2"): 70.0, (1, "fold1"): 50.0, (1, "fold2"): 90.0}
    rows = [row("a", seed, fold, test, 2.0, [40.0, 80.0], "er") for (seed, fold), test in tests.items()]
    line = table.lines(rows)[0]
    assert line.score == 67.5
    assert line.spread == pytest.approx(((65 - 67.5) ** 2 + (70 - 67.5) ** 2) ** 0.5)


def test_the_table_times_against_the_first_upstream():
    rows = [
        row("a", 0, None, 90.0, 4.0, [50.0, 80.0, 100.0], "ks"),
        row("b", 0, None, 88.0, 3.0, [94.0, 95.0, 96.0], "ks"),
    ]
    whole, cut = table.lines(rows)
    assert (whole.seconds_to_target, cut.seconds_to_target) == (12.0, 6.0)
    assert table.lines(rows, target=99.0)[1].seconds_to_target is None
    text = table.markdown([whole, cut], get_task("ks"))
    assert text.splitlines()[-1] == "| b (fine-tuned) | 3 | 88.00 | 0.00 M | -60 % | -25 % | -50 % | -25 % | - |"


def test_an_error_rate_is_reached_from_above():
    rows = [row("a", 0, None, 20.0, 1.0, [50.0, 20.0], "asr"), row("b", 0, None, 21.0, 1.0, [21.5, 20.9], "asr")]
    assert [line.seconds_to_target for line in table.lines(rows)] == [2.0, 2.0]
