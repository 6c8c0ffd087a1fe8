"""Saliency maps over the images they belong to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.patheffects import withStroke

from pneumo.interpret.gradcam import overlay
from pneumo.reporting.plots.gallery import gallery
from pneumo.reporting.plots.style import BLUE, PAPER, styled


@styled
def saliency_maps(
    images: np.ndarray,
    maps: np.ndarray,
    mask: np.ndarray | None = None,
    titles: Sequence[str] | None = None,
    *,
    columns: int = 5,
) -> np.ndarray:
    """Images with a saliency map over each in orange, and the outline of a mask in blue.

    images: (N, H, W) uint8. maps: (N, H, W) in [0, 1], see `interpret.grad_cam`. mask: bool, (H, W) for all or
    (N, H, W); one that fills its image or none of it has no outline. titles: N captions.
    Returns the axes, (rows, columns).

    >>> axes = saliency_maps(np.zeros((2, 32, 32), np.uint8), np.zeros((2, 32, 32)))
    """
    axes = gallery(images, titles, columns=columns)
    masks = [None] * len(images) if mask is None else np.broadcast_to(mask, images.shape)
    for ax, picture, outline in zip(axes.flat, overlay(images, maps), masks, strict=False):
        ax.imshow(picture, interpolation="antialiased")
        if outline is not None and 0 < outline.mean() < 1:
            drawn = ax.contour(outline.astype(float), levels=[0.5], colors=BLUE, linewidths=1.2)
            # With an edge of the colour of paper, so that it is seen on a bright and on a dark image.
            drawn.set_path_effects([withStroke(linewidth=2.4, foreground=PAPER)])
    return axes
