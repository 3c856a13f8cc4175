"""A study's run: whose folder it goes on in, and which device what it runs has."""

from __future__ import annotations

import pytest

from s3prl_convexprune.errors import ConfigError
from s3prl_convexprune.experiments import engine
from s3prl_convexprune.experiments.cells.run import GridReport
from s3prl_convexprune.experiments.cuts import Cut
from s3prl_convexprune.experiments.study import Base, Choose
from s3prl_convexprune.experiments.study_file import read_study
from s3prl_convexprune.upstreams.config_search import SEARCH_PATH_VARIABLE
from tests.experiments.test_study_file import GOOD, written

WHOLE = Cut(Base("hubert", "hubert"), Choose("whole"), "word", 12, 12, "hubert")


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Without what a machine has to have, and without the hub of other tests."""
    monkeypatch.setattr(engine, "check_machine", lambda study: None)
    monkeypatch.setattr(engine, "check_report", lambda output: None)
    monkeypatch.setenv(SEARCH_PATH_VARIABLE, "")


@pytest.mark.parametrize(
    ("line", "overrides"), [('study: "mine"', []), ("study: mine # note", []), ("study: first", ["study=mine"])]
)
def test_a_folder_is_of_the_study_that_its_file_says(line, overrides, tmp_path, monkeypatch):
    """However that is written; a study of another name is refused."""
    monkeypatch.setattr(engine.analyses, "analyse", lambda *given: None)
    file = written(tmp_path, study=None)
    file.write_text(f"{line}\n{file.read_text()}")
    for _ in range(2):
        engine.run_study(read_study(file, overrides), tmp_path / "out", only="analyses", device="cpu")
    with pytest.raises(ConfigError, match="holds another study"):
        engine.run_study(read_study(file, ["study=yours"]), tmp_path / "out", only="analyses", device="cpu")


@pytest.mark.parametrize("device", [None, "cuda"])
def test_cells_on_other_machines_have_the_device_that_was_given(device, tmp_path, monkeypatch):
    """What this one has says nothing about theirs; the analyses are made here."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    plans, here = [], []
    monkeypatch.setattr(engine, "cuts_of", lambda study, evaluation, output: [WHOLE])
    monkeypatch.setattr(engine.analyses, "analyse", lambda *given: here.append(given[4]))
    monkeypatch.setattr(engine, "run_cells", lambda plan, workers: plans.append(plan) or GridReport(tmp_path))
    monkeypatch.setattr(engine, "report", lambda study, chosen, output, device: here.append(device))
    tuned = {"task": "ks", "how": "finetuned", "data": str(tmp_path), "seeds": [1]}
    study = read_study(written(tmp_path, upstreams=["hubert"], evaluate=[*GOOD["evaluate"], tuned]))
    engine.run_study(study, tmp_path / "out", launcher="slurm", device=device)
    assert [plan.device for plan in plans] == [device, device] and here == ["cpu", "cpu"]
    if device is not None:
        with pytest.raises(ConfigError, match="torch sees no such device"):
            engine.run_study(study, tmp_path / "out", device=device)
