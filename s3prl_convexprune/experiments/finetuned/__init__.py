"""Cells that fine-tune their upstream, run through SpeechBrain."""
