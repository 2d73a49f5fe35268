"""The embedded reader: PP-OCRv6 and Tesseract on the CPU, run in child processes only."""

from model_runtime.cpu_ocr.reader import CpuReader, read_image

__all__ = ["CpuReader", "read_image"]
