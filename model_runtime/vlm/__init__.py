"""Reads pages with a vision language model, whatever serves it."""

from model_runtime.vlm.reader import VlmReader
from model_runtime.vlm.settings import Check, Hosted, ReaderSettings

__all__ = ["Check", "Hosted", "ReaderSettings", "VlmReader"]
