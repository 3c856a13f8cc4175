"""A convolution over frames is a product with a matrix; the front end gives what transformers' gives, in both forms."""

from __future__ import annotations

import pytest
import torch

from s3prl_convexprune.deploy.front_end import FrontEnd, Windows

SIZES = {
    "conv_dim": (16, 24, 8),
    "conv_kernel": (10, 3, 2),
    "conv_stride": (5, 2, 2),
    "num_feat_extract_layers": 3,
    "hidden_size": 16,
    "num_attention_heads": 2,
}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kernel, stride", [(3, 2), (2, 2), (5, 1), (10, 5), (2, 3)])
def test_windows_times_a_matrix_is_the_convolution(kernel, stride, bias):
    torch.manual_seed(kernel)
    convolution = torch.nn.Conv1d(6, 4, kernel, stride, bias=bias)
    for frames in range(kernel, kernel + 2 * stride + 2):
        given = torch.randn(2, frames, 6)
        expected = convolution(given.transpose(1, 2)).transpose(1, 2)
        torch.testing.assert_close(Windows(convolution)(given), expected)


@pytest.mark.parametrize("products", [False, True])
@pytest.mark.parametrize("norm, bias", [("group", False), ("layer", True)])
def test_the_front_end_is_that_of_transformers(norm, bias, products):
    from transformers import Wav2Vec2Config, Wav2Vec2Model

    torch.manual_seed(0)
    config = Wav2Vec2Config(**SIZES, num_hidden_layers=1, feat_extract_norm=norm, conv_bias=bias)
    extractor = Wav2Vec2Model(config).eval().feature_extractor
    for parameter in extractor.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # norms start as ones and zeros, which any order of them would give
    for samples in (320, 1001):
        wav = torch.randn(2, samples)
        with torch.no_grad():
            expected = extractor(wav).transpose(1, 2)
            torch.testing.assert_close(FrontEnd(extractor, products)(wav), expected, rtol=1e-4, atol=1e-5)
