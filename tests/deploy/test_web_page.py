"""The page of `examples/web` says in a browser what `predict` says, where npm and Chromium can be had."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

import s3prl_convexprune as cp

PAGE = Path(__file__).parents[2] / "examples" / "web"
SECONDS = 60  # that npm may take to bring the package, some 100 MB


@pytest.fixture
def site(tmp_path, with_head) -> Path:
    """A copy of the page with its package and an exported folder, as its README says."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path / "site"
    shutil.copytree(PAGE, folder, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copytree(with_head / "out", folder / "model")
    if (PAGE / "node_modules").is_dir():
        (folder / "node_modules").symlink_to(PAGE / "node_modules")
        return folder
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=SECONDS)
    except (subprocess.SubprocessError, OSError):
        pytest.skip("npm cannot bring onnxruntime-web")
    return folder


@pytest.fixture
def address(site):
    """Where the site is served on this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.slow
def test_the_page_says_what_predict_says(browser, address, with_head, tmp_path):
    noise = 0.1 * np.random.default_rng(1).standard_normal(9000)
    soundfile.write(tmp_path / "a.wav", noise, 16000, subtype="PCM_16")
    soundfile.write(tmp_path / "short.wav", noise[:300], 16000, subtype="PCM_16")
    expected = cp.predict(with_head / "out", [tmp_path / "a.wav"])[str(tmp_path / "a.wav")]
    page = browser.new_page()
    page.goto(address)
    page.wait_for_selector("#file:enabled", timeout=60_000)
    page.set_input_files("#file", str(tmp_path / "a.wav"))
    page.wait_for_function("/\\(\\d+ ms\\)|error/.test(said.textContent)", timeout=60_000)
    said = dict(re.findall(r"(\S+) (\d\.\d+)", page.text_content("#said")))
    assert list(said) == list(expected)
    assert all(float(said[label]) == pytest.approx(chance, abs=2e-3) for label, chance in expected.items())
    page.set_input_files("#file", str(tmp_path / "short.wav"))
    page.wait_for_function("/error/.test(said.textContent)", timeout=60_000)
    assert page.text_content("#said") == "error: 300 samples, expected 400 or more"
    page.close()
