"""A stream is heard window by window, in a pipe or from a file, and each answer is that of the window alone."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import s3prl_convexprune as cp
from s3prl_convexprune.cli import main as cli
from s3prl_convexprune.corpora.layout import write_audio
from s3prl_convexprune.deploy.streaming import pcm, windows
from s3prl_convexprune.errors import AudioError, ConfigError


@given(sizes=st.lists(st.integers(0, 30), max_size=8), chunk=st.integers(1, 20), share=st.floats(0, 1))
def test_windows_lie_where_they_should_however_the_blocks_come(sizes, chunk, share):
    hop = max(1, round(share * chunk))
    signal = np.arange(sum(sizes), dtype=np.float32)
    blocks = np.split(signal, np.cumsum(sizes)[:-1]) if sizes else []
    found = list(windows(blocks, chunk, hop))
    for index, (start, window) in enumerate(found):
        assert start == index * hop
        np.testing.assert_array_equal(window, signal[start : start + chunk])
    assert all(len(window) == chunk for _, window in found[:-1])
    ends = [start + len(window) for start, window in found]
    assert all(one < after for one, after in pairwise(ends)), "each window has something new"
    assert max(ends, default=0) == len(signal), "and nothing is left out"


@pytest.mark.parametrize("cut", [1, 2, 7, 1000])
def test_pcm_comes_in_any_pieces(cut):
    samples = np.random.default_rng(0).integers(-32768, 32767, 3000, dtype=np.int16)

    class Pieces(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            return self.read(cut)

    found = np.concatenate(list(pcm(Pieces(samples.astype("<i2").tobytes()))))
    np.testing.assert_array_equal(found, samples.astype(np.float32) / 32768)


@pytest.mark.parametrize(
    "content, says",
    [(b"", "is empty"), (b"\0" * 801, "in the middle of a sample"), (b"RIFF" + b"\0" * 900, "holds a WAV file")],
)
def test_what_is_no_pcm(content, says):
    with pytest.raises(AudioError, match=says):
        list(pcm(io.BytesIO(content)))


@pytest.fixture(scope="module")
def noise(tmp_path_factory) -> Path:
    """1.1 s of noise."""
    path = tmp_path_factory.mktemp("noise") / "a.wav"
    write_audio(path, 0.1 * np.random.default_rng(1).standard_normal(17600).astype(np.float32))
    return path


@pytest.mark.slow
def test_each_answer_is_that_of_its_window(with_head, noise, capsys):
    wav = cp.load(with_head / "out")
    from s3prl_convexprune.corpora.audio import load_audio

    samples = load_audio(noise)
    heard = list(cp.stream(with_head / "out", noise, chunk=0.5, hop=0.25, top=12))
    assert [(one.start, one.end) for one in heard] == [(0, 0.5), (0.25, 0.75), (0.5, 1.0), (0.75, 1.1)]
    for one in heard:
        assert one.answer == wav(samples[round(16000 * one.start) : round(16000 * one.end)])
        assert one.latency_ms > 0
    capsys.readouterr()
    assert cli.main(["predict", str(with_head / "out"), str(noise), "--chunk", "0.5", "--hop", "0.25", "--json"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [list(one["answer"]) for one in said] == [list(one.answer)[:3] for one in heard]


@pytest.mark.slow
def test_bad_lengths_and_short_streams(with_head, noise):
    for chunk, hop in ((0, 0.25), (0.5, 0.75), (float("nan"), 0.25), (1.0, 0)):
        with pytest.raises(ConfigError, match=r"^(chunk|hop) "):
            cp.stream(with_head / "out", noise, chunk=chunk, hop=hop)
    with pytest.raises(AudioError, match="400 samples or more"):
        list(cp.stream(with_head / "out", [np.zeros(100, np.float32), np.zeros(299, np.float32)]))


@contextmanager
def half_a_second(folder):
    """`predict` on a pipe of which it has half a second and has not seen the end."""
    words = ["predict", str(folder / "out"), "-", "--chunk", "0.5"]
    program, pipe = [sys.executable, "-W", "ignore", "-m", "s3prl_convexprune"], subprocess.PIPE
    # a shell's background job ignores Ctrl-C, and so would what it starts
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    started = subprocess.Popen([*program, *words], stdin=pipe, stdout=pipe, stderr=pipe)
    signal.signal(signal.SIGINT, heard)
    with started as running:
        running.stdin.write(np.zeros(8000, "<i2").tobytes())
        running.stdin.flush()
        assert running.stdout.readline().startswith(b"0.00-0.50 s: ")
        yield running


@pytest.mark.slow
def test_a_pipe_is_answered_while_it_is_open_and_its_reader_may_leave(with_head):
    with half_a_second(with_head) as running:
        running.stdout.close()
        running.stdin.write(np.zeros(8000, "<i2").tobytes())
        running.stdin.close()
        assert running.stderr.read() == b"" and running.wait() == 1


@pytest.mark.slow
def test_ctrl_c_is_how_a_live_stream_ends(with_head):
    with half_a_second(with_head) as running:
        running.send_signal(signal.SIGINT)
        assert running.wait() == 0 and running.stderr.read() == b"" and running.stdout.read() == b""
