"""The pretraining script: targets, masks, a run from end to end, and a kill in the middle of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from s3prl_convexprune.demo.corpus import demo_clips, demo_manifest_path
from s3prl_convexprune.errors import AudioError, CheckpointError, CorpusError
from tools.pretrain.__main__ import main
from tools.pretrain.audio import HOP, RECEPTIVE_FIELD, Streams, read_streams
from tools.pretrain.model import MaskedPrediction, span_mask, tiny_config
from tools.pretrain.probe import held_out_accuracy
from tools.pretrain.targets import cluster, layer_features, mfcc_features, voice_features
from tools.pretrain.train import Schedule, Trainer

CLIPS = demo_manifest_path().parent / "clips"
FOLDERS = [CLIPS / "flite_slt", CLIPS / "espeak_us_f1"]


@pytest.fixture(scope="module")
def streams() -> Streams:
    return read_streams(FOLDERS, "cpu")


@pytest.fixture(scope="module")
def targets(streams: Streams) -> torch.Tensor:
    columns = [
        cluster(streams, mfcc_features(streams), 20, seed=0),
        cluster(streams, voice_features(streams), 12, seed=0),
    ]
    return torch.stack(columns, dim=-1)


def test_every_file_of_a_folder_is_in_its_stream(streams: Streams) -> None:
    seconds = {name: 0.0 for name in streams.names}
    for clip in demo_clips():
        if clip["speaker"] in seconds:
            seconds[clip["speaker"]] += float(clip["seconds"])
    found = {name: frames * HOP / 16000 for name, frames in zip(streams.names, streams.frames, strict=True)}
    assert found == pytest.approx(seconds, abs=0.05)


def test_a_window_and_its_frames_are_the_same_place(streams: Streams) -> None:
    samples, index = streams.windows(50, 8, torch.Generator().manual_seed(0))
    assert samples.shape == (8, 49 * HOP + RECEPTIVE_FIELD)
    for row, first in zip(samples, index[:, 0].tolist(), strict=True):
        stream = int(np.searchsorted(streams.label_starts(), first, side="right")) - 1
        start = (first - streams.label_starts()[stream]) * HOP
        torch.testing.assert_close(row, streams.stream(stream)[start : start + len(row)])


def test_targets_have_one_label_a_frame(streams: Streams, targets: torch.Tensor) -> None:
    assert targets.shape == (sum(streams.frames), 2)
    for column, clusters in zip(targets.T, (20, 12), strict=True):
        assert set(column.tolist()) <= set(range(clusters)) and len(set(column.tolist())) > clusters * 3 / 4


def test_voice_features_tell_streams_apart_and_normalised_ones_do_not(streams: Streams) -> None:
    def apart(features: Callable[[int], torch.Tensor]) -> float:
        return (features(0).mean(0) - features(1).mean(0)).norm().item()

    assert apart(mfcc_features(streams)) < 1e-3
    assert apart(voice_features(streams)) > 0.5
    frames = torch.cat([voice_features(streams)(index) for index in range(len(streams.frames))])
    torch.testing.assert_close(frames.mean(0), torch.zeros(12), atol=1e-3, rtol=0)
    torch.testing.assert_close(frames.std(0), torch.ones(12), atol=1e-3, rtol=0)


def test_several_kmeans_models_weigh_the_same() -> None:
    """Two copies of one k-means model, predicted by copies of one head, give the loss and rights of one."""
    torch.manual_seed(0)
    two = MaskedPrediction(tiny_config(), [7, 7]).eval()
    two.projects[1].load_state_dict(two.projects[0].state_dict())
    two.codes[1].data.copy_(two.codes[0])
    one = MaskedPrediction(tiny_config(), [7]).eval()
    one.load_state_dict({k: v for k, v in two.state_dict().items() if ".1" not in k or "encoder" in k})
    samples, targets = torch.randn(2, 400 + 19 * 320) * 0.1, torch.randint(7, (2, 20, 1))
    mask = torch.zeros(2, 20, dtype=torch.bool)
    with torch.no_grad():
        for ours, theirs in zip(two(samples, targets.expand(2, 20, 2), mask), one(samples, targets, mask), strict=True):
            torch.testing.assert_close(ours, theirs)


def test_layer_features_do_not_depend_on_the_batching(streams: Streams) -> None:
    from transformers import HubertModel

    torch.manual_seed(0)
    model = HubertModel(tiny_config()).eval()
    with torch.no_grad():
        features = layer_features(streams, model, 3)(0)
        assert features.shape == (streams.frames[0], 128)
        window = streams.stream(0)[500 * HOP : (999) * HOP + RECEPTIVE_FIELD][None]
        alone = model(window, output_hidden_states=True).hidden_states[3][0]
    torch.testing.assert_close(features[500:1000], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.65])
def test_masks_cover_the_share_in_spans(share: float) -> None:
    mask = span_mask(200, 200, share, torch.Generator().manual_seed(0))
    assert mask.float().mean().item() == pytest.approx(share, abs=0.05)
    edges = mask.int().diff(dim=1)
    rows, starts = torch.nonzero(edges == 1, as_tuple=True)
    for row, start in zip(rows.tolist(), (starts + 1).tolist(), strict=True):
        assert mask[row, start : start + 10].all()


def test_a_killed_run_goes_on_to_the_same_next_loss(streams: Streams, targets: torch.Tensor, tmp_path: Path) -> None:
    schedule = Schedule(steps=5, batch_seconds=4, save_every=2)
    whole = Trainer(streams, targets, tiny_config(), schedule)
    losses = [whole.update() for _ in range(4)]
    killed = Trainer(streams, targets, tiny_config(), schedule)
    for _ in range(2):
        killed.update()
    killed.save(tmp_path / "checkpoint.pt")
    again = Trainer(streams, targets, tiny_config(), schedule)
    again.load(tmp_path / "checkpoint.pt")
    assert again.step == 2
    torch.testing.assert_close(torch.stack([again.update(), again.update()]), torch.stack(losses[2:]))


def test_a_checkpoint_of_another_schedule_is_refused(streams: Streams, targets: torch.Tensor, tmp_path: Path) -> None:
    Trainer(streams, targets, tiny_config(), Schedule(steps=5)).save(tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError, match="another folder"):
        Trainer(streams, targets, tiny_config(), Schedule(steps=6)).load(tmp_path / "checkpoint.pt")


def test_a_warm_start_begins_with_the_weights_given(streams: Streams, targets: torch.Tensor) -> None:
    from transformers import HubertModel

    torch.manual_seed(7)
    start = HubertModel(tiny_config())
    trainer = Trainer(streams, targets, tiny_config(), Schedule(steps=1), start)
    for name, tensor in start.state_dict().items():
        assert torch.equal(trainer.model.encoder.state_dict()[name], tensor), name


def test_two_iterations_from_audio_to_a_model_folder(tmp_path: Path) -> None:
    from transformers import HubertModel

    probe = tmp_path / "words.csv"
    rows = [
        clip for clip in demo_clips() if clip["speaker"] in ("flite_slt", "flite_rms") and clip["word"] in ("yes", "go")
    ]
    lines = [f"{demo_manifest_path().parent / clip['path']},{clip['word']},{clip['speaker']}\n" for clip in rows]
    probe.write_text("path,label,fold\n" + "".join(lines))
    arguments = ["--audio", *map(str, FOLDERS), "--output", str(tmp_path), "--device", "cpu", "--probe", str(probe)]
    arguments += [
        "--select-by",
        "words",
        "--steps",
        "3",
        "3",
        "--clusters",
        "10",
        "12",
        "--voice-clusters",
        "0",
        "8",
        "--batch-seconds",
        "4",
    ]
    main(arguments)
    first, second = (json.loads((tmp_path / f"iteration-{n}" / "summary.json").read_text()) for n in (1, 2))
    scores = first["probes"]["words"]
    assert len(scores) == 13 and second["teacher_layer"] == scores.index(max(scores))
    model = HubertModel.from_pretrained(tmp_path / "iteration-2")
    assert model.dtype == torch.float32
    before = (tmp_path / "iteration-2" / "model.safetensors").stat().st_mtime_ns
    main(arguments)
    assert (tmp_path / "iteration-2" / "model.safetensors").stat().st_mtime_ns == before


def test_a_probe_finds_what_is_there_and_nothing_more() -> None:
    rng = np.random.default_rng(0)
    labels, folds = np.repeat(["a", "b"], 100), np.tile(["x", "y"], 100)
    noise = rng.normal(size=(200, 4))
    assert held_out_accuracy(noise + 6 * (labels == "a")[:, None], labels, folds) > 0.99
    assert 0.35 < held_out_accuracy(noise, labels, folds) < 0.65


def test_bad_input_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no folder with a second of audio"):
        read_streams([tmp_path], "cpu")
    (tmp_path / "broken.wav").write_bytes(b"not audio")
    with pytest.raises(AudioError, match="broken.wav"):
        read_streams([tmp_path], "cpu")
    with pytest.raises(SystemExit, match="--steps names 2 iterations, --clusters 1"):
        main(["--audio", str(tmp_path), "--output", str(tmp_path), "--steps", "1", "1", "--clusters", "5"])
    soundfile.write(tmp_path / "broken.wav", np.zeros(32000), 16000)
    with pytest.raises(SystemExit, match="needs --teacher-layer"):
        main(["--audio", str(tmp_path), "--output", str(tmp_path), "--steps", "1", "1", "--clusters", "5", "5"])
