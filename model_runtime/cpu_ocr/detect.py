"""Finds lines of text on a page with PP-OCRv6's detector."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from model_runtime.cpu_ocr.arrays import Pixels, Quad
from model_runtime.cpu_ocr.models import detector

THRESHOLD = 0.3  # a pixel this likely to be text belongs to a line
BOX_THRESHOLD = 0.5  # mean likelihood of a line
UNCLIP = 1.6  # the network marks the core of a line; widen it by area over rim times this
MIN_SIDE = 3
MAX_LINES = 4000
MIN_SIDE_LIMIT = 736
MAX_SIDE_LIMIT = 2000
STRIDE = 32
DARK = 160  # ink, on paper
FEW = 6  # lines: pages with more are seen as they are
LITTLE = 0.25  # of the page: where ink is all over it, there is nothing to look at more closely
MOST_PATCHES = 12
CELL = 24  # pixels: patches of ink further apart than a few of these are apart


def find_lines(pixels: Pixels, threads: int = 1) -> list[Quad]:
    """Quads of text lines in pixels of the page, in no particular order.

    A word or two on an empty sheet are overlooked: where little was found, other ink is looked at closely.
    """
    found = _detected(pixels, threads)
    if len(found) >= FEW:
        return found
    for x0, y0, x1, y1 in _inked(pixels, found):
        quads = _detected(np.ascontiguousarray(pixels[y0:y1, x0:x1]), threads)
        found += [quad + np.array([x0, y0], np.float32) for quad in quads]
    return found


def _inked(pixels: Pixels, found: Sequence[Quad]) -> list[tuple[int, int, int, int]]:
    """Small patches of ink in which nothing was found; none where ink is all over the page."""
    dark = (pixels.min(axis=2) < DARK).astype(np.uint8)
    coarse = cv2.resize(
        dark * 255, (-(-dark.shape[1] // CELL), -(-dark.shape[0] // CELL)), interpolation=cv2.INTER_AREA
    )
    joined = cv2.dilate((coarse > 0).astype(np.uint8), np.ones((3, 5), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    patches = [[int(side) * CELL for side in patch[:4]] for patch in stats[1:]]
    if len(patches) > MOST_PATCHES or sum(w * h for _, _, w, h in patches) > LITTLE * dark.size:
        return []
    boxes = [(max(0, x - CELL), max(0, y - CELL), x + w + CELL, y + h + CELL) for x, y, w, h in patches]
    middles = [quad.mean(axis=0) for quad in found]
    return [b for b in boxes if not any(b[0] <= x <= b[2] and b[1] <= y <= b[3] for x, y in middles)]


def _detected(pixels: Pixels, threads: int) -> list[Quad]:
    height, width = pixels.shape[:2]
    scale = _scale(width, height)
    net_w, net_h = _snap(width * scale), _snap(height * scale)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(pixels, (net_w, net_h), interpolation=how)
    tensor = (small.astype(np.float32).transpose(2, 0, 1)[None] / 127.5) - 1.0
    heat = detector(threads).run(None, {"x": tensor})[0][0, 0]
    return _quads(np.asarray(heat, dtype=np.float32), width / net_w, height / net_h, width, height)


def _scale(width: int, height: int) -> float:
    """Small pages are enlarged, since small text is missed otherwise; enormous ones are reduced."""
    enlarge = max(1.0, MIN_SIDE_LIMIT / min(width, height))
    return min(enlarge, MAX_SIDE_LIMIT / max(width, height))


def _snap(side: float) -> int:
    return max(STRIDE, round(side / STRIDE) * STRIDE)


def _quads(heat: npt.NDArray[np.float32], sx: float, sy: float, width: int, height: int) -> list[Quad]:
    mask = cv2.dilate((heat > THRESHOLD).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    quads = []
    for contour in contours[:MAX_LINES]:
        (cx, cy), (w, h), angle = cv2.minAreaRect(contour)
        if min(w, h) < MIN_SIDE or _mean_inside(heat, np.asarray(contour, np.int32)) < BOX_THRESHOLD:
            continue
        grow = w * h * UNCLIP / (w + h)  # twice the distance: both sides of each dimension move
        points = cv2.boxPoints(((cx, cy), (w + grow, h + grow), angle)) * np.array([sx, sy], np.float32)
        quad = upright(np.asarray(points, dtype=np.float32))
        quad[:, 0] = quad[:, 0].clip(0, width)
        quad[:, 1] = quad[:, 1].clip(0, height)
        if np.ptp(quad[:, 0]) > MIN_SIDE and np.ptp(quad[:, 1]) > MIN_SIDE:
            quads.append(quad)
    return quads


def _mean_inside(heat: npt.NDArray[np.float32], contour: npt.NDArray[np.int32]) -> float:
    x, y, w, h = cv2.boundingRect(contour)
    points = cv2.boxPoints(cv2.minAreaRect(contour)) - np.array([x, y], np.float32)
    mask = np.zeros((h + 1, w + 1), np.uint8)
    cv2.fillPoly(mask, [points.astype(np.int32)], 1)
    window = heat[y : y + h + 1, x : x + w + 1]
    return float(cv2.mean(window, mask[: window.shape[0], : window.shape[1]])[0])


def upright(points: Quad) -> Quad:
    """Corners ordered top left, top right, bottom right, bottom left."""
    by_x = points[np.argsort(points[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.array([left[0], right[0], right[1], left[1]], dtype=np.float32)
