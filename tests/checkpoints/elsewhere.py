"""Checkpoints in other packages' formats: transformers, Whisper, RoBERTa, ESPnet's HuBERT, SSAST and AST."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
import torchaudio
from torch import nn

from tests.checkpoints.case import HIDDEN, randomised


def transformers_model(folder: Path, layers: int, pre_norm: bool, kind: str, **sizes: Any) -> Path:
    import transformers

    config = getattr(transformers, f"{kind}Config")(
        **{
            "num_hidden_layers": layers,
            "hidden_size": HIDDEN,
            "intermediate_size": 2 * HIDDEN,
            "num_attention_heads": 4,
            "conv_dim": [32] * 7,
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 4,
            "do_stable_layer_norm": pre_norm,
            "feat_extract_norm": "layer" if pre_norm else "group",
            "conv_bias": pre_norm,
            "layerdrop": 0.5,
            "mask_time_prob": 0.0,
            **sizes,
        }
    )
    path = folder / kind.lower()
    randomised(getattr(transformers, f"{kind}Model")(config)).save_pretrained(path)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=pre_norm, return_attention_mask=True).save_pretrained(path)
    return path


def whisper(folder: Path, layers: int, **sizes: Any) -> Path:
    """A Whisper with positions for 2 s, as transformers saves it: encoder and decoder."""
    import transformers

    config = transformers.WhisperConfig(
        **{
            "d_model": HIDDEN,
            "encoder_layers": layers,
            "decoder_layers": 1,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 2 * HIDDEN,
            "decoder_ffn_dim": 2 * HIDDEN,
            "max_source_positions": 100,
            "max_target_positions": 8,
            "vocab_size": 50,
            "pad_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
            "decoder_start_token_id": 3,
            "encoder_layerdrop": 0.5,
            "dropout": 0.1,
            **sizes,
        }
    )
    path = folder / "whisper"
    randomised(transformers.WhisperForConditionalGeneration(config)).save_pretrained(path)
    transformers.WhisperFeatureExtractor(feature_size=config.num_mel_bins).save_pretrained(path)
    return path


def roberta(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    """A BERT over the codes of a vector-quantised front end (s3prl's `discretebert`).

    It is fed windows of `max_positions` codes. They are so long here that the tests' utterances take two, and so short
    that no utterance ends before the second: a window of nothing but padding is NaN on torch before 2.5, in s3prl too.
    """
    from s3prl.upstream.roberta.dictionary import Dictionary
    from s3prl.upstream.roberta.roberta_model import RobertaEncoder, RobertaModel

    text = "".join(f"{code} 1\n" for code in range(20))
    (folder / "dict.txt").write_text(text)
    dictionary = Dictionary.load(str(folder / "dict.txt"))
    dictionary.add_symbol("<mask>")
    config = {
        "encoder_layers": layers,
        "encoder_embed_dim": HIDDEN,
        "encoder_ffn_embed_dim": 2 * HIDDEN,
        "encoder_attention_heads": 4,
        "encoder_normalize_before": pre_norm,
        "encoder_layerdrop": 0.5,
        "max_positions": 50,
        **sizes,
    }
    arguments = Namespace(**config)
    model = RobertaModel(arguments, RobertaEncoder(Namespace(**config), dictionary))
    task = {"data": "codes", "seed": 1}
    path = folder / "roberta.pt"
    torch.save(
        {
            "task_cfg": task,
            "model_cfg": Namespace(**config),
            "model_weight": randomised(model).state_dict(),
            "text_dictionary": text,
        },
        path,
    )
    return path


class Codes(nn.Module):
    """A vector quantiser of a kind: one code for every 10 ms, from the energy of the frame."""

    def forward(self, wavs: list[torch.Tensor]) -> list[str]:
        return [" ".join(str(int(frame.abs().mean() * 100) % 20) for frame in wav.split(160)[:-1]) for wav in wavs]


def load_roberta(path: Path) -> nn.Module:
    from s3prl.upstream.roberta.expert import UpstreamExpert

    return UpstreamExpert(str(path), Codes())


def espnet_hubert(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    """What ESPnet's task builds (torchaudio's HuBERT); its own loader needs espnet, `load_espnet_hubert` does not."""
    path = folder / "espnet_hubert.pt"
    config = {
        "extractor_mode": "layer_norm" if pre_norm else "group_norm",
        "extractor_conv_layer_config": [(32, 10, 5), *[(32, 3, 2)] * 4, *[(32, 2, 2)] * 2],
        "extractor_conv_bias": False,
        "encoder_embed_dim": HIDDEN,
        "encoder_projection_dropout": 0.1,
        "encoder_pos_conv_kernel": 16,
        "encoder_pos_conv_groups": 4,
        "encoder_num_layers": layers,
        "encoder_num_heads": 4,
        "encoder_attention_dropout": 0.1,
        "encoder_ff_interm_features": 2 * HIDDEN,
        "encoder_ff_interm_dropout": 0.1,
        "encoder_dropout": 0.1,
        "encoder_layer_norm_first": pre_norm,
        "encoder_layer_drop": 0.5,
        "aux_num_out": None,
        **sizes,
    }
    model = torchaudio.models.wav2vec2_model(**config)
    torch.save({"config": config, "model": randomised(model).state_dict()}, path)
    return path


def load_espnet_hubert(path: Path) -> nn.Module:
    from s3prl.upstream.espnet_hubert.expert import UpstreamExpert

    states = torch.load(path)
    expert = UpstreamExpert.__new__(UpstreamExpert)
    nn.Module.__init__(expert)
    expert.device = torch.device("cpu")
    expert.model = nn.Module()
    expert.model.wav2vec2 = torchaudio.models.wav2vec2_model(**states["config"])
    expert.model.wav2vec2.load_state_dict(states["model"])
    return expert


def need_timm() -> None:
    """Skip where s3prl's ast and ssast cannot be: without timm, or with another torch's torchvision."""
    try:
        import timm  # noqa: F401
    except (ImportError, RuntimeError) as error:
        import pytest

        pytest.skip(f"needs the extra 'ast' and torchvision of torch's release: {error}")


def ssast(folder: Path, layers: int, patch: tuple[int, int], **sizes: Any) -> Path:
    """An SSAST as its authors save it: the pretraining model, wrapped in DataParallel; its depth is timm's."""
    need_timm()
    from s3prl.upstream.ssast.ast_models import ASTModel

    frequency, time = patch
    shape = {"fshape": frequency, "fstride": frequency, "tshape": time, "tstride": time}
    model = ASTModel(**shape, input_fdim=128, input_tdim=1024, model_size="tiny", pretrain_stage=True)
    assert len(model.v.blocks) == layers
    path = folder / "ssast.pth"
    torch.save(nn.DataParallel(randomised(model)).state_dict(), path)
    return path


def load_ssast(path: Path, kind: str) -> nn.Module:
    """What s3prl's entries build, in the smallest of the sizes that the expert knows; theirs is ``base``."""
    from s3prl.upstream.ssast.expert import UpstreamExpert

    return UpstreamExpert(str(path), f"tiny_{kind}", window_secs=0.5)


def ast(folder: Path, layers: int, **sizes: Any) -> Path:
    """An AST as its authors save it; s3prl takes one size alone, DeiT base."""
    need_timm()
    from s3prl.upstream.ast.ast_models import ASTModel

    model = ASTModel(imagenet_pretrain=False, audioset_pretrain=False, model_size="base384", verbose=False)
    assert len(model.v.blocks) == layers
    path = folder / "ast.pth"
    torch.save(nn.DataParallel(model).state_dict(), path)
    return path


def load_ast(path: Path) -> nn.Module:
    from s3prl.upstream.ast.expert import UpstreamExpert

    return UpstreamExpert(str(path), window_secs=0.5, stride_secs=0.5, feature_selection="hidden_states")
