#!/usr/bin/env python3
"""CTC speech recognition on LibriSpeech with an s3prl upstream, whole or cut, fine-tuned end to end.

> python train.py hparams/librispeech_100.yaml --data_folder=/path/to/LibriSpeech --upstream=hubert
> python train.py hparams/librispeech_100.yaml --data_folder=/path/to/LibriSpeech --upstream=hubert_convexpruned_L9

Characters, greedy decoding, no language model: the word error rate of the acoustic model alone, as SUPERB reports it.
"""

import sys
from pathlib import Path

import speechbrain as sb
import torch
from librispeech_prepare import prepare_librispeech

from s3prl_convexprune.speechbrain.brain import FineTuningBrain
from s3prl_convexprune.speechbrain.datasets import check_outputs, dynamic_loaders, load_datasets, save_encoder
from s3prl_convexprune.speechbrain.recipe import Recipe


class ASR(FineTuningBrain):
    """Frames to characters with a small feed-forward network and CTC."""

    criterion = "WER"
    annealed_by = "loss"  # WER stands at 100 % while CTC still learns where the blanks are

    def compute_forward(self, batch, stage):
        """Log-probabilities `[batch, frames, tokens]` and the relative number of frames."""
        wavs, lens = batch.to(self.device).sig
        if stage == sb.Stage.TRAIN and self.hparams.wav_augment is not None:
            wavs, lens = self.hparams.wav_augment(wavs, lens)
        feats = self.modules.lobe(wavs, lens)
        logits = self.modules.ctc_lin(self.modules.enc(feats))
        return torch.log_softmax(logits.float(), dim=-1), self.hparams.lobe.frame_lens(wavs, lens, feats.shape[1])

    def compute_objectives(self, predictions, batch, stage):
        """CTC loss; outside training also the error rates of the greedy decoding."""
        p_ctc, frame_lens = predictions
        tokens, token_lens = batch.to(self.device).tokens
        if stage == sb.Stage.TRAIN and self.hparams.wav_augment is not None:
            tokens, token_lens = self.hparams.wav_augment.replicate_multiple_labels(tokens, token_lens)
        if stage != sb.Stage.TRAIN:
            hypotheses = sb.decoders.ctc_greedy_decode(p_ctc, frame_lens, blank_id=self.hparams.blank_index)
            words = ["".join(self.hparams.label_encoder.decode_ndim(sequence)).split() for sequence in hypotheses]
            references = [transcript.split() for transcript in batch.transcript]
            self.wer_metric.append(batch.id, words, references)
            self.cer_metric.append(batch.id, words, references)
        if stage == sb.Stage.TEST:
            self.answers += zip(batch.id, map(" ".join, words), map(" ".join, references), strict=True)
        return self.hparams.ctc_cost(p_ctc, tokens, frame_lens, token_lens)

    def on_stage_start(self, stage, epoch=None):
        super().on_stage_start(stage, epoch)
        if stage != sb.Stage.TRAIN:
            self.wer_metric = self.hparams.error_rate_computer()
            self.cer_metric = self.hparams.cer_computer()

    def stage_metrics(self):
        return {"WER": self.wer_metric.summarize("error_rate"), "CER": self.cer_metric.summarize("error_rate")}

    def on_stage_end(self, stage, stage_loss, epoch=None):
        super().on_stage_end(stage, stage_loss, epoch)
        if stage == sb.Stage.TEST and sb.utils.distributed.if_main_process():
            with Path(self.hparams.test_wer_file).open("w", encoding="utf-8") as file:
                self.wer_metric.write_stats(file)


def prepare(hparams):
    """Write the manifests of the three subsets."""
    prepare_librispeech(
        data_folder=hparams["data_folder"],
        save_folder=hparams["manifest_folder"],
        train_splits=hparams["train_splits"],
        dev_split=hparams["dev_split"],
        test_split=hparams["test_split"],
        skip_prep=hparams["skip_prep"],
    )


def dataio_prep(hparams):
    """Datasets with waveform, transcript and its characters, in batches of bounded duration."""
    datasets = load_datasets(hparams["manifest_folder"], hparams["data_folder"], hparams["sample_rate"])
    label_encoder = hparams["label_encoder"]
    characters = sorted({character for row in datasets["train"].data.values() for character in row["transcript"]})
    label_encoder.insert_blank(index=hparams["blank_index"])
    label_encoder.update_from_iterable(characters, sequence_input=False)
    label_encoder.expect_len(len(characters) + 1)
    check_outputs(len(characters) + 1, hparams["out_n_neurons"])
    save_encoder(label_encoder, hparams["label_encoder_file"])

    @sb.utils.data_pipeline.takes("transcript")
    @sb.utils.data_pipeline.provides("transcript", "tokens")
    def text_pipeline(transcript):
        yield transcript
        yield torch.LongTensor(label_encoder.encode_sequence(list(transcript)))

    sb.dataio.dataset.add_dynamic_item(datasets.values(), text_pipeline)
    sb.dataio.dataset.set_output_keys(datasets.values(), ["id", "sig", "transcript", "tokens"])
    return datasets, dynamic_loaders(datasets, hparams)


RECIPE = Recipe(ASR, prepare, dataio_prep, about=lambda hparams: {"task": "asr"})

if __name__ == "__main__":
    sys.exit(RECIPE.main(sys.argv[1:]))
