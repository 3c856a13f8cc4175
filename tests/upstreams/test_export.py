"""Exported cuts are ordinary checkpoints: s3prl loads them without this package, and they give the cut's states."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from s3prl_convexprune import compat
from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.errors import CheckpointError, ConfigError, DepthError
from s3prl_convexprune.upstreams import registry
from s3prl_convexprune.upstreams.export import export_cut
from s3prl_convexprune.upstreams.families import FAMILIES
from tests.checkpoints import CASES

EXPORTED = [name for name, case in CASES.items() if any(family.loads_with == case.entry for family in FAMILIES)]


def export(name: str, layers: int, out: Path, source: Path, final_norm: str = "drop"):
    entry = CASES[name].entry
    return export_cut(getattr(registry.load_hub(), entry), entry, layers, out, final_norm, ckpt=str(source))


def states_of(expert, wavs):
    with torch.no_grad():
        return expert.eval()(wavs)["hidden_states"]


@pytest.mark.parametrize("name", EXPORTED)
def test_the_export_gives_the_states_of_the_cut(name, checkpoint, cut, tmp_path, wavs):
    done = export(name, 2, tmp_path / "cut", checkpoint(name), "keep")
    assert (done.layers, done.whole, done.entry) == (2, 4, CASES[name].entry)
    assert list(tmp_path.iterdir()) == [tmp_path / "cut"]
    plain = getattr(registry.load_hub(), done.entry)(ckpt=str(tmp_path / "cut"))
    for ours, theirs in zip(states_of(plain, wavs), states_of(cut(name, 2, "keep"), wavs), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("name", ["hubert-post", "hf_hubert-post"])
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_others_may_read_what_the_umask_lets_them(name, umask, checkpoint, tmp_path):
    before = os.umask(umask)
    try:
        export(name, 2, tmp_path / "cut", checkpoint(name))
    finally:
        os.umask(before)
    for path in [tmp_path / "cut", *(tmp_path / "cut").rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~umask, path


def test_every_family_is_exported_or_says_why_not():
    tested = {CASES[name].entry for name in EXPORTED}
    for family in FAMILIES:
        assert (family.loads_with in tested) != bool(family.no_export), family.name


@pytest.mark.parametrize("name", ["hubert-pre", "hf_hubert-pre"])
def test_the_whole_depth_and_post_norm_need_no_choice(name, checkpoint, tmp_path):
    assert export(name, 4, tmp_path / "all", checkpoint(name)).layers == 4
    post = name.replace("-pre", "-post")
    assert export(post, 2, tmp_path / "two", checkpoint(post)).layers == 2
    with pytest.raises(ConfigError, match="export with final_norm 'keep'"):
        export(name, 2, tmp_path / "dropped", checkpoint(name))


@pytest.mark.parametrize("name, reason", [("decoar2-post", "12 layers"), ("distilhubert-post", "prediction heads")])
def test_families_without_an_ordinary_form(name, reason, checkpoint, tmp_path):
    with pytest.raises(ConfigError, match=reason):
        export(name, 1, tmp_path / "cut", checkpoint(name))


def test_an_existing_file_is_left_alone(checkpoint, tmp_path):
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ConfigError, match="exists already"):
        export("hubert-post", 2, tmp_path / "mine", checkpoint("hubert-post"))
    assert (tmp_path / "mine").read_text() == "precious"


@pytest.mark.parametrize("name", ["hubert-post", "mockingjay-post", "hf_hubert-post"])
def test_the_same_export_again_is_finished_and_another_is_refused(name, checkpoint, tmp_path):
    out = tmp_path / "cut"
    done = export(name, 2, out, checkpoint(name))
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [out, *out.rglob("*")]}
    assert export(name, 2, out, checkpoint(name)) == done
    other = CASES[name].build(tmp_path / "other", seed=7)
    for layers, source in ((3, checkpoint(name)), (2, other)):
        with pytest.raises(ConfigError, match="exists already"):
            export(name, layers, out, source)
    assert before == {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [out, *out.rglob("*")]}
    assert {path.name for path in tmp_path.iterdir()} == {"cut", "other"}


def test_a_folder_that_has_lost_a_file_is_not_finished(checkpoint, tmp_path):
    out = tmp_path / "cut"
    export("hf_hubert-post", 2, out, checkpoint("hf_hubert-post"))
    for lost in out.iterdir():
        content = lost.read_bytes()
        lost.unlink()
        with pytest.raises(ConfigError, match="exists already"):
            export("hf_hubert-post", 2, out, checkpoint("hf_hubert-post"))
        lost.write_bytes(content)


def test_a_failed_export_leaves_nothing(checkpoint, tmp_path):
    half = tmp_path / "half.pt"
    half.write_bytes(checkpoint("hubert-post").read_bytes()[:1000])
    with pytest.raises(CheckpointError):
        export("hubert-post", 2, tmp_path / "cut", half)
    with pytest.raises(DepthError):
        export("hf_hubert-post", 9, tmp_path / "cut", checkpoint("hf_hubert-post"))
    assert list(tmp_path.iterdir()) == [half]


def test_the_command(checkpoint, tmp_path, capsys):
    out = tmp_path / "deep" / "cut.pt"
    name = "hubert_custom_convexpruned_L3"
    assert cli.main(["export", name, "-k", str(checkpoint("hubert-post")), "-o", str(out)]) == 0
    assert "the first 3 of 4 transformer layers of hubert_custom" in capsys.readouterr().out
    assert cli.main(["export", name, "-k", str(checkpoint("hubert-post")), "-o", str(out)]) == 0
    assert "is finished already" in capsys.readouterr().out
    assert cli.main(["export", "fbank_convexpruned_L3", "-o", str(tmp_path / "x")]) == 2
    assert "fbank cannot be cut" in capsys.readouterr().err


PLAIN = """
import sys
import torch
{remedy}
from s3prl.upstream.{family}.expert import UpstreamExpert
assert not [name for name in sys.modules if name.startswith("s3prl_convexprune.upstreams")]
with torch.no_grad():
    states = UpstreamExpert(sys.argv[1]).eval()([torch.linspace(-0.5, 0.5, 9000)])["hidden_states"]
torch.save([state.clone() for state in states], sys.argv[2])
"""


@pytest.mark.parametrize("name", ["hubert-pre", "hf_wav2vec2-pre"])
def test_a_process_without_this_package_loads_it(name, checkpoint, cut, tmp_path):
    export(name, 2, tmp_path / "cut", checkpoint(name), "keep")
    # A torchaudio that does not import beside this torch is no matter of the exported file.
    mend = "from s3prl_convexprune.compat import torchaudio_library as library; library.patch()"
    torchaudio_refuses = next(r.applied for r in compat.apply() if r.name == "torchaudio_library")
    script = PLAIN.format(family=CASES[name].family, remedy=mend if torchaudio_refuses else "")
    environment = os.environ | {"S3PRL_CONVEXPRUNE_NO_HOOK": "1"}
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "cut"), str(tmp_path / "states.pt")]
    subprocess.run(command, check=True, env=environment, cwd=tmp_path, capture_output=True)
    wav = torch.linspace(-0.5, 0.5, 9000)
    for ours, theirs in zip(torch.load(tmp_path / "states.pt"), states_of(cut(name, 2, "keep"), [wav]), strict=True):
        assert torch.equal(ours, theirs)
