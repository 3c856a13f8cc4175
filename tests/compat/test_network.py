"""The network: no request that the user did not cause, and one line where one fails."""

from __future__ import annotations

import contextlib
import http.server
import shutil
import socket
import threading

import huggingface_hub.constants
import pytest
import torch

from s3prl_convexprune.cli.main import main
from s3prl_convexprune.compat import hf_models
from s3prl_convexprune.errors import CheckpointError
from s3prl_convexprune.upstreams.bases import tiny_hubert_path
from s3prl_convexprune.upstreams.registry import build_upstream, load_hub

HUBERT = "https://huggingface.co/s3prl/converted_ckpts/resolve/main/hubert_base_ls960.pt"
MODEL = "facebook/hubert-base-ls960"


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """A machine without a network: the hosts that somebody tried to reach. Nothing is in a cache."""
    hosts = []

    def unreachable(host, *args, **kwargs):
        hosts.append(host.decode() if isinstance(host, bytes) else host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: unreachable(*address))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    load_hub()
    from s3prl.util import download

    monkeypatch.setattr(download, "_download_dir", tmp_path / "downloads")
    return hosts


@pytest.fixture(scope="module")
def bare_folder(tmp_path_factory):
    """The shipped model without its `preprocessor_config.json`."""
    folder = tmp_path_factory.mktemp("model") / "bare"
    shutil.copytree(tiny_hubert_path(), folder, ignore=shutil.ignore_patterns("preprocessor_config.json"))
    return folder


@pytest.mark.parametrize("cut", ["", "_convexpruned_L2"])
def test_a_folder_without_an_extractor_is_normalised_and_asks_nobody(asked, bare_folder, caplog, cut):
    wav = torch.randn(4000, generator=torch.Generator().manual_seed(0)) * 0.1 + 0.05
    normalised = (wav - wav.mean()) / torch.sqrt(wav.var(correction=0) + 1e-7)
    ours = build_upstream(f"hf_hubert_custom{cut}", ckpt=str(bare_folder)).eval()
    theirs = build_upstream(f"tiny_hubert{cut}").eval()  # whose file says that nothing is normalised
    with torch.no_grad():
        pairs = zip(ours([wav])["hidden_states"], theirs([normalised])["hidden_states"], strict=True)
    for state, expected in pairs:
        torch.testing.assert_close(state, expected, rtol=1e-4, atol=1e-4)
    warnings = [record.getMessage() for record in caplog.records if record.name == "s3prl_convexprune"]
    assert len(warnings) == 1 and str(bare_folder) in warnings[0] and "normalised" in warnings[0]
    assert asked == []


@pytest.mark.parametrize("name", ["hf_wavlm_custom", "hf_wavlm_custom_convexpruned_L1"])
def test_a_wavlm_that_does_not_say_is_refused(asked, bare_folder, tmp_path, name):
    folder = tmp_path / "wavlm"
    shutil.copytree(bare_folder, folder)
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"model_type": "hubert"', '"model_type": "wavlm"'))
    with pytest.raises(CheckpointError, match="do_normalize") as error:
        build_upstream(name, ckpt=str(folder))
    assert str(folder) in str(error.value)
    assert asked == []


@pytest.mark.parametrize(
    ("name", "checkpoint", "url"),
    [
        ("hubert", None, HUBERT),
        ("hubert_convexpruned_L2", None, HUBERT),
        ("hf_hubert_custom", MODEL, f"https://huggingface.co/{MODEL}/resolve/main/config.json"),
        ("hf_hubert_custom_convexpruned_L2", MODEL, f"https://huggingface.co/{MODEL}/resolve/main/config.json"),
        ("hf_wavlm_custom", "a/b", "https://huggingface.co/a/b/resolve/main/config.json"),
    ],
)
def test_what_cannot_be_fetched_is_one_line(asked, name, checkpoint, url):
    with pytest.raises(CheckpointError) as error:
        build_upstream(name, ckpt=checkpoint)
    text = str(error.value)
    assert url in text and "-k" in text and "Name or service not known" in text and "\n" not in text
    assert len(text) < 350
    assert 1 <= len(asked) <= 2 and set(asked) == {"huggingface.co"}  # s3prl tries twice; nobody tries six times


@pytest.mark.parametrize(
    "verb",
    [
        ["export", "hubert_convexpruned_L2", "-o", "cut.pt"],
        ["analyze", "-u", "hubert", "--corpus", "some.csv", "--label", "label", "-o", "analysis.json"]
        + ["--neighbors", "1"],
    ],
    ids=lambda verb: verb[0],
)
def test_a_verb_that_cannot_fetch_ends_in_one_line(asked, verb, monkeypatch, tmp_path, capsys):
    from s3prl_convexprune.corpora.layout import write_audio
    from tests.tiny_corpora import tone

    rows = []
    for number in range(4):
        write_audio(tmp_path / f"{number}.wav", tone(200 * (number + 1), 0.5, number))
        rows.append(f"{number}.wav,{'ab'[number % 2]}\n")
    (tmp_path / "some.csv").write_text("path,label\n" + "".join(rows))
    monkeypatch.chdir(tmp_path)
    assert main(verb) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("s3prl-convexprune: error: ") and HUBERT in error and "-k" in error


def test_a_model_of_the_cache_is_found_without_a_network(asked, tmp_path):
    model = tmp_path / "hf" / "models--some--model"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("0" * 40)
    shutil.copytree(tiny_hubert_path(), model / "snapshots" / ("0" * 40))
    assert hf_models.find_model("some/model") == str(model / "snapshots" / ("0" * 40))
    assert build_upstream("hf_hubert_custom_convexpruned_L1", ckpt="some/model") is not None


@contextlib.contextmanager
def server(status):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = b"the page of an error"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}/model.pt"
        serving.shutdown()


@pytest.mark.parametrize(("status", "said"), [(404, "404"), (503, "503")])
def test_the_page_of_an_error_is_not_kept_as_a_checkpoint(monkeypatch, tmp_path, status, said):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    load_hub()
    from s3prl.util import download

    monkeypatch.setattr(download, "_download_dir", tmp_path)
    with server(status) as url, pytest.raises(CheckpointError, match=said) as error:
        build_upstream("hubert_url", ckpt=url)
    assert url in str(error.value)
    assert [path for path in tmp_path.iterdir() if path.suffix != ".lock"] == []
