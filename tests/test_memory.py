"""What is said of this process's memory follows what it holds, and agrees with the system's own count."""

from __future__ import annotations

import mmap
import resource
import subprocess
import sys

import pytest

from s3prl_convexprune.memory import forget_peak, peak_memory, resident_memory

BLOCK = 96 << 20
SLACK = 16 << 20
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what is resident")


@linux
def test_a_peak_stays_when_memory_is_given_back_until_it_is_forgotten() -> None:
    assert forget_peak()
    before = resident_memory()
    with mmap.mmap(-1, BLOCK) as block:
        block.write(b"x" * BLOCK)
        held = resident_memory()
    after, peak = resident_memory(), peak_memory()
    assert before and held and after and peak
    assert abs(held - before - BLOCK) < SLACK and abs(after - before) < SLACK
    assert peak > held - SLACK  # the kernel adds up its counters of pages now and then
    assert forget_peak() and abs(peak_memory() - after) < SLACK


@linux
def test_a_child_does_not_begin_with_the_peak_of_its_parent() -> None:
    """As `ru_maxrss` does, which outlives an exec."""
    program = (
        "from s3prl_convexprune.memory import peak_memory, resident_memory; print(resident_memory(), peak_memory())"
    )
    with mmap.mmap(-1, 4 * BLOCK) as block:
        block.write(b"x" * 4 * BLOCK)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    held, peak = map(int, done.stdout.split())
    assert held <= peak < held + BLOCK


def test_without_proc_the_system_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("s3prl_convexprune.memory._status", lambda field: None)
    unit = 1 if sys.platform == "darwin" else 1024
    assert peak_memory() == resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    assert resident_memory() is None
