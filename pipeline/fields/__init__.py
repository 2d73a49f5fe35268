"""Named fields by label and layout: any JSON Schema against pages that were read, without a model."""

from pipeline.fields.candidates import candidates
from pipeline.fields.leaves import leaves
from pipeline.fields.resolve import resolve
from pipeline.fields.shapes import FieldCandidate, FieldsOutcome, Leaf
from pipeline.fields.thinning import thinned

__all__ = ["FieldCandidate", "FieldsOutcome", "Leaf", "candidates", "leaves", "resolve", "thinned"]
