"""Several upstreams and labels on one corpus: the artifacts of single calls, every file decoded once."""

from __future__ import annotations

import inspect
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile

import s3prl_convexprune as cp
from s3prl_convexprune.analysis import analyze_all as module
from s3prl_convexprune.analysis import built
from s3prl_convexprune.analysis.analyze import analyze
from s3prl_convexprune.analysis.analyze_all import analyze_all
from s3prl_convexprune.analysis.batches import BATCH_SECONDS, Batching, Clip, Lengths, plan_batches
from s3prl_convexprune.analysis.hidden_states import FedUpstream
from s3prl_convexprune.analysis.measurement import Measurement
from s3prl_convexprune.analysis.team import Alone
from s3prl_convexprune.analysis.together import Listener, shared_passes
from s3prl_convexprune.cli.main import main
from s3prl_convexprune.corpora.manifest import Utterance
from s3prl_convexprune.errors import CheckpointError, ConfigError, ConvexPruneError, DataError

from .tones import CASE, arguments

CUT = f"{CASE.entry}_convexpruned_L1"
LABELS = ["word", "speaker"]
PAIRS = [(upstream, label) for upstream in (CASE.entry, CUT) for label in LABELS]
SETTINGS = {"neighbors": 3, "per_class": 6, "keep_points": True, "device": "cpu", "progress": False}


@pytest.fixture(scope="module")
def singles(ckpt, manifest, tmp_path_factory):
    """Each pair's artifact and points by a call of its own: file name -> bytes."""
    folder = tmp_path_factory.mktemp("singles")
    for upstream, label in PAIRS:
        analyze(upstream, manifest, label, folder / f"{upstream}-{label}.json", ckpt=ckpt, **SETTINGS)
    return contents(folder)


@pytest.fixture
def decoded(monkeypatch):
    """The open files that samples were read from."""
    own, files = soundfile.SoundFile.read, {}

    def read(self, *args, **kwargs):
        files[id(self)] = self
        return own(self, *args, **kwargs)

    monkeypatch.setattr(soundfile.SoundFile, "read", read)
    return files


@pytest.fixture
def passes(monkeypatch):
    """The upstream and the clips of every pass."""
    own, heard = FedUpstream.hear, []

    def hear(self, utterances, batch, *args):
        heard.append((id(self.expert), batch.clips))
        return own(self, utterances, batch, *args)

    monkeypatch.setattr(FedUpstream, "hear", hear)
    return heard


def contents(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def all_of(ckpt, manifest, output, **changes):
    return analyze_all([CASE.entry, CUT], manifest, LABELS, output, **{"ckpt": ckpt, **SETTINGS, **changes})


def test_the_artifacts_of_single_calls(singles, ckpt, manifest, tmp_path, decoded, passes):
    found = all_of(ckpt, manifest, tmp_path)
    assert contents(tmp_path) == singles and not found.failed
    assert found.made == {
        (upstream, label): cp.Analysis.read(tmp_path / f"{upstream}-{label}.json") for upstream, label in PAIRS
    }
    names = [file.name for file in decoded.values()]
    assert len(names) == len(set(names)) > 18  # the two samples differ
    assert len(passes) == len(set(passes))


@pytest.mark.parametrize("context", ["segment", "file"])
def test_a_pass_for_all_labels_where_their_batches_are_the_same(context, ckpt, tmp_path, decoded, passes):
    noise = random.Random(0)
    rows = []
    for number in range(4):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, [noise.uniform(-1, 1) for _ in range(16_000 + 800 * number)], 16_000)
        rows += [
            Utterance(path, {"word": f"w{part % 2}", "place": f"p{number % 2}"}, 0.25 * part, 0.25 * (part + 1))
            for part in range(4)
        ]
    settings = {**SETTINGS, "ckpt": ckpt, "per_class": 8, "context": context}
    found = analyze_all([CUT], rows, ["word", "place"], tmp_path / "all", **settings)
    assert len(passes) == len(set(passes)) == found.made[CUT, "word"].settings.batches.count
    assert len(decoded) == (16 if context == "segment" else 4)
    for label in ("word", "place"):
        analyze(CUT, rows, label, tmp_path / "one" / f"{CUT}-{label}.json", **settings)
    assert contents(tmp_path / "all") == contents(tmp_path / "one")


def test_no_more_audio_is_held_than_a_batch_of_each_plan():
    draw = random.Random(1)
    files = {Clip(Path(f"{number}.wav")): (draw.randrange(8_000, 200_000), 0, 16_000) for number in range(400)}
    listeners = []
    for share, padded in ((0.9, True), (0.5, True), (0.3, False)):
        own = {clip: length for clip, length in files.items() if draw.random() < share}
        lengths = Lengths({clip: (row,) for row, clip in enumerate(own)}, own, dict.fromkeys(own, 0))
        plan = plan_batches(lengths, Batching(padded=padded))
        sample = [Utterance(clip.path) for clip in own]
        listeners.append(Listener(object(), Batching(), sample, lengths, plan, SimpleNamespace(finished={})))
    order = shared_passes(listeners)
    assert len(order) == sum(len(listener.batches) for listener in listeners)
    last = {clip: at for at, one in enumerate(order) for clip in one.batch.clips}
    held, most = set(), 0
    for at, one in enumerate(order):
        held |= set(one.batch.clips)
        most = max(most, sum(files[clip][0] for clip in held))
        held = {clip for clip in held if last[clip] > at}
    assert most <= len(listeners) * BATCH_SECONDS * 16_000


def nan_in_the_cut(monkeypatch):
    own = FedUpstream._states

    def states(self, wavs):
        found = own(self, wavs)
        return found if len(found) > 2 else [state * float("nan") for state in found]

    monkeypatch.setattr(FedUpstream, "_states", states)
    return DataError


def damaged_checkpoint_of_the_cut(monkeypatch):
    def build(name, **arguments):
        if name == CUT:
            raise CheckpointError("the checkpoint is damaged")
        return cp.build_upstream(name, **arguments)

    monkeypatch.setattr(built, "build_upstream", build)
    return CheckpointError


@pytest.mark.parametrize("how", [nan_in_the_cut, damaged_checkpoint_of_the_cut])
def test_an_upstream_that_fails_does_not_end_the_others(how, singles, ckpt, manifest, tmp_path, monkeypatch, capsys):
    kind = how(monkeypatch)
    found = all_of(ckpt, manifest, tmp_path)
    whole = {name: content for name, content in singles.items() if name.startswith(f"{CASE.entry}-")}
    assert {name: content for name, content in contents(tmp_path).items() if name in singles} == whole
    assert list(found.failed) == [(CUT, label) for label in LABELS]
    assert all(isinstance(error, kind) for error in found.failed.values())
    with pytest.raises(ConvexPruneError, match=f"^{CUT}, word: .*1 more of 4 failed"):
        found.raise_failed()
    command = arguments(ckpt, manifest, tmp_path, **{"--neighbors": "3", "--per-class": "6"})
    command[command.index("--upstream") + 1 : command.index("--ckpt")] = [CASE.entry, CUT]
    assert main([*command, "--label", *LABELS, "--device", "cpu", "--keep-points"]) == 2
    said = capsys.readouterr()
    assert said.err.count("error: ") == 1 and f"error: {CUT}, word: " in said.err
    assert f"wrote {tmp_path / CASE.entry}-speaker.json" in said.out and CUT not in said.out


def test_interrupted_it_goes_on(singles, ckpt, manifest, tmp_path, monkeypatch, decoded):
    own, scored = Measurement.score, []

    def score(self, heard):
        if len(scored) == 2:
            raise KeyboardInterrupt
        scored.append(self.output.name)
        return own(self, heard)

    monkeypatch.setattr(Measurement, "score", score)
    with pytest.raises(KeyboardInterrupt):
        all_of(ckpt, manifest, tmp_path)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in scored}
    assert len(before) == 2 and decoded
    decoded.clear()
    monkeypatch.setattr(Measurement, "score", own)
    assert list(all_of(ckpt, manifest, tmp_path).made) == PAIRS
    assert contents(tmp_path) == singles and not decoded
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in scored} == before


def test_it_takes_what_one_analysis_takes():
    one, several = (inspect.signature(function).parameters for function in (analyze, analyze_all))
    own = [name for name, parameter in several.items() if parameter.kind is parameter.KEYWORD_ONLY]
    assert {name: one[name] for name in own} == {name: several[name] for name in own}
    assert one.keys() - several.keys() == {"upstream", "label", "jobs"}


def test_what_several_do_not_take(ckpt, manifest, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="a list of names, not 'word'"):
        analyze_all([CUT], manifest, "word", tmp_path, ckpt=ckpt)
    monkeypatch.setattr(module, "own_team", lambda: Alone(shares=True))
    with pytest.raises(ConfigError, match="torchrun's processes share one analysis"):
        all_of(ckpt, manifest, tmp_path)
