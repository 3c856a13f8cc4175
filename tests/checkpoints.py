"""Tiny checkpoints with random weights for every family, from s3prl's and transformers' own model classes.

No network. ``CASES["hubert-post"].build(folder)`` writes a checkpoint and returns the path that the hub
entry ``CASES["hubert-post"].entry`` takes as ``ckpt``. Every parameter is random, LayerNorms included, so
that a LayerNorm applied where it should not be shows. Importing this module imports torch; building also
imports s3prl's modules, so `s3prl_convexprune.compat.apply()` comes first.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torchaudio
from torch import nn

LAYERS = 4
HIDDEN = 32
CONV = "[(32,10,5)] + [(32,3,2)] * 4 + [(32,2,2)] * 2"


@dataclass(frozen=True)
class Case:
    """One kind of checkpoint.

    Attributes:
        name: ``<family>-<variant>``.
        entry: the hub entry that loads it.
        make: writes the checkpoint: ``make(folder, layers, seed, **sizes)`` -> the path for ``ckpt``.
        layers: how many transformer layers it gets by default.
        load: builds the upstream where the hub has no entry that takes a checkpoint of one's own.
    """

    name: str
    entry: str
    make: Callable[..., Path]
    layers: int = LAYERS
    load: Callable[[Path], nn.Module] | None = None

    @property
    def family(self) -> str:
        return self.name.rsplit("-", 1)[0]

    def whole(self, path: Path) -> nn.Module:
        """The whole upstream on a checkpoint that `build` wrote, in eval mode."""
        from s3prl_convexprune.upstreams.registry import build_upstream

        return (self.load(path) if self.load else build_upstream(self.entry, ckpt=str(path))).eval()

    def build(self, folder: Path, layers: int | None = None, seed: int = 0, **sizes: Any) -> Path:
        """Write the checkpoint under `folder` (made if missing); the same arguments give the same weights."""
        folder.mkdir(parents=True, exist_ok=True)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.make(folder, self.layers if layers is None else layers, **sizes)


def randomised(model: nn.Module) -> nn.Module:
    """The model with noise on every parameter, so that no LayerNorm is left at weight 1 and bias 0."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.is_floating_point():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def fairseq_config(layers: int, pre_norm: bool, **sizes: Any) -> dict[str, Any]:
    """The keys that HuBERT, wav2vec 2.0, data2vec and WavLM configs share, tiny unless `sizes` say otherwise."""
    return {
        "encoder_layers": layers,
        "encoder_embed_dim": HIDDEN,
        "encoder_ffn_embed_dim": 2 * HIDDEN,
        "encoder_attention_heads": 4,
        "conv_feature_layers": CONV,
        "conv_pos": 16,
        "conv_pos_groups": 4,
        "layer_norm_first": pre_norm,
        "extractor_mode": "layer_norm" if pre_norm else "default",
        "conv_bias": pre_norm,
        "encoder_layerdrop": 0.5,
        "dropout": 0.1,
    } | sizes


def hubert(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.hubert.hubert_model import HubertConfig, HubertModel, HubertPretrainingConfig

    config = fairseq_config(layers, pre_norm, **{"final_dim": 16, **sizes})
    task = {"label_rate": 50.0, "sample_rate": 16000, "normalize": pre_norm}
    config["label_rate"] = task["label_rate"]
    symbols = [[str(i) for i in range(10)]]
    model = HubertModel(HubertConfig(**config), HubertPretrainingConfig(**task), symbols)
    path = folder / "hubert.pt"
    torch.save(
        {
            "task_cfg": task,
            "model_cfg": config,
            "model_weight": randomised(model).state_dict(),
            "dictionaries_symbols": symbols,
        },
        path,
    )
    return path


def wav2vec2(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.wav2vec2.wav2vec2_model import Wav2Vec2Config, Wav2Vec2Model

    config = fairseq_config(layers, pre_norm, **{"final_dim": 16, "quantize_targets": True, **sizes})
    model = Wav2Vec2Model(Wav2Vec2Config(**config))
    path = folder / "wav2vec2.pt"
    task = {"sample_rate": 16000, "normalize": pre_norm}
    torch.save({"task_cfg": task, "model_cfg": config, "model_weight": randomised(model).state_dict()}, path)
    return path


def multires_hubert(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    """An hourglass of three stacks at 50, 25 and 50 Hz, with a quarter, half and a quarter of the layers."""
    from s3prl.upstream.multires_hubert.hubert_model import (
        MultiresHubertConfig,
        MultiresHubertModel,
        MultiresHubertPretrainingConfig,
    )

    config = fairseq_config(
        layers,
        pre_norm,
        **{
            "label_rate": 50,
            "label_rate_ratios": [1, 2],
            "override_encoder_layers": str([layers // 4, layers - 2 * (layers // 4), layers // 4]),
            "final_dim": 16,
            "conv_adapator_kernal": 7,
            **sizes,
        },
    )
    task = {"label_rate": 50.0, "sample_rate": 16000, "normalize": pre_norm}
    symbols = [[str(i) for i in range(10)]] * 2
    model = MultiresHubertModel(MultiresHubertConfig(**config), MultiresHubertPretrainingConfig(**task), symbols)
    path = folder / "multires_hubert.pt"
    states = {"task_cfg": task, "model_cfg": config, "model_weight": randomised(model).state_dict()}
    torch.save(states | {"dictionaries_symbols": symbols}, path)
    return path


def conformer(folder: Path, layers: int, pos_enc_type: str, **sizes: Any) -> Path:
    kind = {"layer_type": "conformer", "pos_enc_type": pos_enc_type, "attn_type": "espnet", "max_positions": 1000}
    return wav2vec2(folder, layers, True, **{**kind, "depthwise_conv_kernel_size": 7, **sizes})


def data2vec(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.data2vec.data2vec_model import Data2VecAudioConfig, Data2VecAudioModel

    config = fairseq_config(layers, pre_norm, **{"average_top_k_layers": 2, **sizes})
    model = Data2VecAudioModel(Data2VecAudioConfig(**config))
    model.remove_pretraining_modules()
    weights = dict(randomised(model).state_dict())
    teacher = {
        name.removeprefix("encoder."): weight.clone() for name, weight in weights.items() if name.startswith("encoder.")
    }
    path = folder / "data2vec.pt"
    task = {"sample_rate": 16000, "normalize": pre_norm}
    torch.save({"task_cfg": task, "model_cfg": config, "model_weight": weights | {"_ema": teacher}}, path)
    return path


def wavlm(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.wavlm.WavLM import WavLM, WavLMConfig

    config = fairseq_config(
        layers,
        pre_norm,
        **{
            "normalize": pre_norm,
            "relative_position_embedding": True,
            "num_buckets": 32,
            "max_distance": 80,
            "gru_rel_pos": True,
            **sizes,
        },
    )
    model = WavLM(WavLMConfig(config))
    path = folder / "wavlm.pt"
    torch.save({"cfg": config, "model": randomised(model).state_dict()}, path)
    return path


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


def decoar2(folder: Path, layers: int, **sizes: Any) -> Path:
    """DeCoAR 2.0 states its sizes in its module, not in the checkpoint: they are made tiny there."""
    from s3prl.upstream.decoar2 import decoar2 as module

    module.args.update(
        {
            "encoder_embed_dim": HIDDEN,
            "encoder_ffn_embed_dim": 2 * HIDDEN,
            "encoder_attention_heads": 4,
            "encoder_layers": layers,
            "conv_pos": 16,
            "conv_pos_groups": 4,
            **sizes,
        }
    )
    path = folder / "decoar2.pt"
    torch.save({"model": randomised(module.Decoar2()).state_dict()}, path)
    return path


def distilhubert(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.distiller.model import DistillerConfig, DistillerModel

    config = {
        "extractor_conv_feature_layers": CONV,
        "conv_pos": 16,
        "conv_pos_groups": 4,
        "encoder_layers": layers,
        "encoder_embed_dim": HIDDEN,
        "encoder_ffn_embed_dim": 2 * HIDDEN,
        "encoder_attention_heads": 4,
        "encoder_layerdrop": 0.5,
        "layer_norm_first": pre_norm,
        "final_dim": HIDDEN,
        "out_layer_type": "expand-last",
        "out_layer_inter_dim": 16,
        "n_tasks": 3,
        "task_emb_type": "expand-last",
        "pred_layer_id": [4, 8, 12],
        **sizes,
    }
    model = DistillerModel(DistillerConfig(config))
    path = folder / "distilhubert.ckpt"
    torch.save({"Config": {"distiller": config}, "Distiller": randomised(model).state_dict()}, path)
    return path


def mockingjay(
    folder: Path, layers: int, pre_norm: bool, share: bool = False, key: str = "Config", **sizes: Any
) -> Path:
    from s3prl.upstream.mockingjay.model import TransformerConfig, TransformerModel

    transformer = {
        "hidden_size": HIDDEN,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "intermediate_size": 2 * HIDDEN,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "share_layer": share,
        "pre_layer_norm": pre_norm,
        **sizes,
    }
    audio = {
        "kaldi": {
            "feat_type": "fbank",
            "fbank": {"num_mel_bins": 80, "frame_length": 25.0, "frame_shift": 10.0, "use_log_fbank": True},
        },
        "delta": {"order": 2, "win_length": 5},
        "cmvn": {"use_cmvn": True},
    }
    model = TransformerModel(TransformerConfig(transformer), 240)
    config = {"transformer": transformer, "task": {"sequence_length": 1500}, "audio": audio}
    states = {"Transformer": randomised(model).state_dict(), key: config}
    if key != "Config":
        states["Config"] = {"runner": {"total_steps": 1}}
    states["Optimizer"] = {"state": {0: torch.randn(1000)}}
    path = folder / "mockingjay.ckpt"
    torch.save(states, path)
    return path


def lighthubert(folder: Path, layers: int, **sizes: Any) -> Path:
    """LightHuBERT small: s3prl fixes its 12 layers and the sizes of its search space, so it is not tiny."""
    from s3prl.upstream.lighthubert.lighthubert import LightHuBERT, LightHuBERTConfig

    config = {
        "_name": "hubert_pruner",
        "pruner_supernet": "small.yaml",
        "encoder_layers": layers,
        "encoder_embed_dim": 512,
        "encoder_ffn_embed_dim": 2048,
        "encoder_attention_heads": 8,
        "encoder_layerdrop": 0.5,
        "conv_feature_layers": CONV,
        "conv_pos": 16,
        "conv_pos_groups": 4,
        "teacher_embed_dim": HIDDEN,
        **sizes,
    }
    build = LightHuBERTConfig(config)
    build.supernet_type = "small"
    path = folder / "lighthubert.pt"
    torch.save({"cfg": {"model": config}, "model": randomised(LightHuBERT(build)).state_dict()}, path)
    return path


def mae_ast(folder: Path, layers: int, pre_norm: bool, **sizes: Any) -> Path:
    from s3prl.upstream.mae_ast.mae_ast import MAE_AST, MAE_AST_Config

    config = {
        "encoder_layers": layers,
        "encoder_embed_dim": HIDDEN,
        "encoder_ffn_embed_dim": 2 * HIDDEN,
        "encoder_attention_heads": 4,
        "encoder_layerdrop": 0.5,
        "layer_norm_first": pre_norm,
        "decoder_embed_dim": HIDDEN,
        "decoder_layers": 1,
        "ast_kernel_size_chan": 128,
        "ast_kernel_stride_chan": 128,
        "ast_kernel_size_time": 2,
        "ast_kernel_stride_time": 2,
        "enc_sine_pos": True,
        "max_token_length": 400,
        **sizes,
    }
    config = {**vars(MAE_AST_Config()), **config}
    task = {
        "feature_type": "fbank",
        "feature_dim": 128,
        "sample_rate": 16000,
        "feature_rate": 100,
        "mask_type": "random_mask",
    }
    model = MAE_AST(SimpleNamespace(**config), SimpleNamespace(**task))
    path = folder / "mae_ast.pt"
    torch.save({"cfg": {"model": config, "task": task}, "model": randomised(model).state_dict()}, path)
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


def _variants(family: str, entry: str, make: Callable[..., Path], layers: int = LAYERS, **more: Any) -> list[Case]:
    load = more.pop("load", None)
    return [
        Case(f"{family}-post", entry, partial(make, pre_norm=False, **more), layers, load),
        Case(f"{family}-pre", entry, partial(make, pre_norm=True, **more), layers, load),
    ]


CASES: dict[str, Case] = {
    case.name: case
    for case in [
        *_variants("hubert", "hubert_custom", hubert),
        *_variants("wav2vec2", "wav2vec2_custom", wav2vec2),
        *_variants("wavlm", "wavlm_local", wavlm),
        *_variants("unispeech_sat", "unispeech_sat_local", wavlm),
        *_variants("data2vec", "data2vec_custom", data2vec),
        *_variants("hf_hubert", "hf_hubert_custom", transformers_model, kind="Hubert"),
        *_variants("hf_wav2vec2", "hf_wav2vec2_custom", transformers_model, kind="Wav2Vec2"),
        *_variants("hf_wavlm", "hf_wavlm_custom", transformers_model, kind="WavLM"),
        Case("hf_whisper-pre", "hf_whisper_custom", whisper),
        Case("wav2vec2-conformer_rel", "wav2vec2_custom", partial(conformer, pos_enc_type="rel_pos")),
        Case("wav2vec2-conformer_rope", "wav2vec2_custom", partial(conformer, pos_enc_type="rope")),
        Case("decoar2-post", "decoar2_custom", decoar2),
        *_variants("distilhubert", "distiller_local", distilhubert, layers=2),
        *_variants("mockingjay", "mockingjay_local", mockingjay),
        Case("tera-post", "tera_local", partial(mockingjay, pre_norm=False, key="Upstream_Config")),
        Case("audio_albert-post", "audio_albert_local", partial(mockingjay, pre_norm=False, share=True)),
        *_variants("multires_hubert", "multires_hubert_custom", multires_hubert, layers=8),
        Case("lighthubert-post", "lighthubert_local", lighthubert, layers=12),
        *_variants("mae_ast", "mae_ast_local", mae_ast),
        *_variants("roberta", "", roberta, load=load_roberta),
        *_variants("espnet_hubert", "", espnet_hubert, load=load_espnet_hubert),
        Case("ssast-frame", "", partial(ssast, patch=(128, 2)), 12, partial(load_ssast, kind="f")),
        Case("ssast-patch", "", partial(ssast, patch=(16, 16)), 12, partial(load_ssast, kind="p")),
        Case("ast-base384", "", ast, 12, load_ast),
    ]
}
