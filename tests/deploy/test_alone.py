"""An exported folder runs where there is onnxruntime and numpy, and nothing else."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest
import soundfile

import s3prl_convexprune as cp
from s3prl_convexprune.cli import main as cli

LISTEN = Path(__file__).parents[2] / "examples" / "raspberry_pi" / "listen.py"
NEEDED = ("numpy", "onnxruntime")


@pytest.fixture(scope="module")
def bare(tmp_path_factory) -> Path:
    """The interpreter of an environment that has only what a device needs."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    for name in NEEDED:
        pytest.importorskip(name)
        place = Path(str(importlib.util.find_spec(name).origin)).parent
        for found in (place, place.with_name(f"{name}.libs")):
            if found.is_dir():
                (packages / found.name).symlink_to(found)
    return folder / "bin" / "python"


def run(python: Path, script: Path, *files: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
    ended = subprocess.run([python, "-I", script, *files], capture_output=True, input=stdin)
    return subprocess.CompletedProcess(ended.args, ended.returncode, ended.stdout.decode(), ended.stderr.decode())


@pytest.mark.slow
@pytest.mark.parametrize("made", ["with_head", "in_eight_bits", "text_head", "intent_head"])
def test_run_py_says_what_predict_says(made, bare, request, tmp_path, capsys):
    folder = request.getfixturevalue(made)
    out = (folder[0] if isinstance(folder, tuple) else folder) / "out"
    noise = 0.1 * np.random.default_rng(1).standard_normal(9000)
    soundfile.write(tmp_path / "a.wav", noise, 16000, subtype="PCM_16")
    soundfile.write(tmp_path / "short.wav", noise[:300], 16000, subtype="PCM_16")
    capsys.readouterr()
    assert cli.main(["predict", str(out), str(tmp_path / "a.wav")]) == 0
    said = capsys.readouterr().out
    alone = run(bare, out / "run.py", tmp_path / "a.wav")
    assert alone.returncode == 0 and alone.stdout == said, alone.stderr
    short = run(bare, out / "run.py", tmp_path / "short.wav")
    assert short.returncode == 1 and short.stderr.splitlines() == [
        f"run.py: error: {tmp_path / 'short.wav'}: has 300 samples, expected 400 or more"
    ]
    (tmp_path / "torn.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:9000])
    torn = run(bare, out / "run.py", tmp_path / "torn.wav")
    assert torn.returncode == 1 and torn.stderr.splitlines() == [
        f"run.py: error: {tmp_path / 'torn.wav'}: is cut short"
    ]
    assert len((out / "run.py").read_text().splitlines()) <= 60


@pytest.mark.slow
def test_the_example_for_small_computers_hears_what_a_stream_hears(bare, in_eight_bits):
    samples = np.random.default_rng(2).integers(-9000, 9000, 24500, dtype=np.int16)  # 1.5 s and a bit
    out = in_eight_bits / "out"
    alone = run(bare, LISTEN, out, stdin=samples.astype("<i2").tobytes())
    heard = list(cp.stream(out, [samples.astype(np.float32) / 32768], chunk=1.0, hop=0.25, threads=1))[:3]
    best = [(one.end, *next(iter(dict(one.answer).items()))) for one in heard]
    expected = [f"{end:.2f} s: {label} {chance:.3f}" for end, label, chance in best]
    assert [line.partition(" (")[0] for line in alone.stdout.splitlines()] == expected, alone.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", ["torch", "s3prl_convexprune", "transformers", "soundfile", "scipy"])
def test_it_would_be_seen_if_run_py_imported_more(name, bare, with_head, tmp_path):
    script = tmp_path / "run.py"
    script.write_text(f"import {name}\n" + (with_head / "out" / "run.py").read_text())
    assert f"No module named '{name}'" in run(bare, script).stderr
