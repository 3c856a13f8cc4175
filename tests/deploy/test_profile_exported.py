"""`profile --exported`: every form of a model in one table, each measured in a process of its own."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import s3prl_convexprune as cp
from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.deploy.device_profile import DeviceProfile
from s3prl_convexprune.errors import ArtifactError, InstallationError
from tests.artifacts import device_profile

from .s3prl_experiment import NAME


@pytest.mark.slow
def test_every_form_is_a_row_and_the_numbers_are_the_models_own(with_head, in_eight_bits, tmp_path, capsys):
    cp.export(NAME, tmp_path / "hf", format="hf")
    folders = [str(folder) for folder in (tmp_path / "hf", with_head / "out", in_eight_bits / "out")]
    line = ["profile", "-u", NAME, "--exported", *folders, "--seconds", "0.5", "--threads", "1", "--repeats", "3"]
    assert cli.main([*line, "-o", str(tmp_path / "p.json")]) == 0
    found = DeviceProfile.read(tmp_path / "p.json")
    forms = [(NAME, "torch fp32"), (NAME, "torch bf16"), (folders[0], "torch fp32"), (folders[0], "torch bf16")]
    forms += [(folders[1], "onnx fp32"), (folders[2], "onnx int8")]
    assert [(row.model, row.form) for row in found.rows] == forms
    assert all(row.threads == 1 and row.p50_ms <= row.p95_ms for row in found.rows)
    assert all(row.rtf == pytest.approx(row.p50_ms / 500) for row in found.rows)
    assert all(1e3 * row.first_output_s > row.p50_ms for row in found.rows), "the first answer includes a pass"
    sizes = [1e6 * row.file_mb for row in found.rows]
    assert sizes[1] == sizes[0] / 2 and sizes[3] == sizes[2] / 2, "bfloat16 has half the bytes"
    assert sizes[4:] == [(Path(folder) / "model.onnx").stat().st_size for folder in folders[1:]]
    if found.rows[0].memory_mb is not None:
        whole_process = 150  # MB that a process of torch holds at least; the rows are models' own
        assert all(row.memory_mb is not None and row.memory_mb < whole_process for row in found.rows)
    said = capsys.readouterr().out
    assert all(form in said for _, form in forms) and "(1.00)" in said


def test_ratios_refer_to_the_first_row_on_as_many_threads():
    profile = device_profile()
    rows = [*profile.rows, *(replace(row, threads=2, p50_ms=row.p50_ms / 2) for row in profile.rows)]
    lines = replace(profile, rows=tuple(rows)).table()
    assert [line.split(" | ")[3] for line in lines[2:]] == ["80.0 (1.00)", "20.0 (0.25)", "40.0 (1.00)", "10.0 (0.25)"]
    assert " | ? | " in lines[2] and " | 40 | " in lines[3], "memory that is not known has no ratio"


def test_what_cannot_be_measured_is_refused_before_anything_starts(with_head, tmp_path, monkeypatch):
    with pytest.raises(ArtifactError, match="is no exported folder"):
        cp.profile_exported([tmp_path])
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InstallationError, match=r"onnxruntime; pip install 's3prl-convexprune\[onnx\]'"):
        cp.profile_exported([with_head / "out"])
