"""Lets torchvision, whose compiled part is linked to CUDA, be imported beside a CPU build of torch.

torchvision bears the loss of that part, except that it registers kernels for two operators that nobody has
declared then ("operator torchvision::nms does not exist"). A .pth file names this module; it waits for the
first import of torchvision and declares the two. The pure Python parts that image processors use work then.
"""

import importlib.abc
import importlib.machinery
import sys

SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_KEPT = []  # a torch library dies with its Python object


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):  # noqa: ARG002  # the protocol's
        if name != "torchvision":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec is not None:
            _declare()
        return spec


def _declare():
    import torch  # noqa: PLC0415  # not before somebody asks for torchvision

    if torch.version.cuda is not None or torch.version.hip is not None:
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        if not hasattr(torch.ops.torchvision, schema.split("(")[0]):
            library.define(schema)
    _KEPT.append(library)


sys.meta_path.insert(0, _Finder())
