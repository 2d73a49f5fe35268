"""A Qwen2-VL small enough to train here: synthetic documents, the model, its training and evaluation."""
