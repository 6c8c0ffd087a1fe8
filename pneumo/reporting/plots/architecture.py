"""Diagrams of network architectures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Polygon

from pneumo.reporting.formatting import format_count, format_shape
from pneumo.reporting.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    SMALL_TEXT,
    WIDTH,
    single_axes,
    styled,
)

if TYPE_CHECKING:
    from pneumo.models.summary import Layer

LAYER_NAMES = {
    "Conv2d": "convolution",
    "BatchNorm1d": "batch norm",
    "BatchNorm2d": "batch norm",
    "MaxPool2d": "max pool",
    "AvgPool2d": "mean pool",
    "AdaptiveAvgPool2d": "global mean",
    "AdaptiveMaxPool2d": "global max",
    "Linear": "linear",
    "Dropout": "dropout",
    "Flatten": "flatten",
}
"""What PyTorch's layers are called in a drawing; another kind keeps its own name."""

BLOCK_COLOURS = {"input": GREY, "conv": BLUE, "pool": ORANGE, "linear": GREEN}
"""Colour of a block by what its first layer's kind contains; any other is PURPLE."""

MAX_BLOCKS_IN_A_ROW = 11
"""Whose labels can be read at 7 inches; more go on in a further row."""

# In inches.
TALLEST_BLOCK, NAMES_BELOW_BASE, LINE_HEIGHT, ROW_GAP = 0.95, 0.38, 0.12, 0.22
DEPTH = np.array([0.22, 0.16])
"""Offset of a block's far corner to the right and up, in heights of the block."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """Consecutive layers of one output shape, (C, H, W) or (C,)."""

    shape: tuple[int, ...]
    kinds: tuple[str, ...]

    @property
    def height(self) -> int:
        """Of the feature maps, in pixels; 1 where no image is left."""
        return self.shape[1] if len(self.shape) == 3 else 1


@styled
def architecture(
    layers: Sequence[Layer], *, input_shape: tuple[int, int, int] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a convolutional network: a block for each output shape, and beneath it the layers that give that shape.

    layers: in the order in which an image passes them, see `models.layers`. input_shape: (C, H, W) of the image, drawn
    first. A block's height is in proportion to the square root of its feature maps' height, its width to the logarithm
    of their number. Raises ValueError if there is no layer.

    >>> ax = architecture(models.layers(models.build(CNNConfig()), 64), input_shape=(1, 64, 64))  # doctest: +SKIP
    """
    if not layers:
        raise ValueError("there are no layers to draw")
    blocks = _blocks(layers)
    if input_shape is not None:
        blocks.insert(0, Block(shape=input_shape, kinds=("input",)))
    rows = _rows(blocks)
    slot = WIDTH / len(rows[0])
    scale = TALLEST_BLOCK / math.sqrt(max(block.height for block in blocks))
    bases, height = _bases(rows, scale)
    ax = single_axes(ax, height, grid=False)
    ax.set(xlim=(0, WIDTH), ylim=(-height, 0), aspect="equal")
    ax.axis("off")
    for row, base in zip(rows, bases, strict=True):
        for column, block in enumerate(row):
            _draw(ax, block, centre=slot * (column + 0.5), base=base, scale=scale)
            _label(ax, block, centre=slot * (column + 0.5), base=base, wide=slot > 1)
    parameters, multiply_adds = sum(layer.parameters for layer in layers), sum(layer.multiply_adds for layer in layers)
    cost = f"{format_count(parameters)} parameters, {multiply_adds / 1e6:.1f} million multiply-adds an image"
    ax.text(WIDTH, 0, cost, ha="right", va="top", fontsize=8, color=GREY)
    return ax


def _blocks(layers: Sequence[Layer]) -> list[Block]:
    """Merge neighbours of one output shape; a convolution or a linear layer begins a block of its own."""
    blocks: list[Block] = []
    for layer in layers:
        begins = layer.kind.startswith(("Conv", "Linear"))
        if blocks and blocks[-1].shape == layer.output_shape and not begins:
            blocks[-1] = Block(shape=layer.output_shape, kinds=(*blocks[-1].kinds, layer.kind))
        else:
            blocks.append(Block(shape=layer.output_shape, kinds=(layer.kind,)))
    return blocks


def _rows(blocks: list[Block]) -> list[list[Block]]:
    """Rows of nearly equal length, at most MAX_BLOCKS_IN_A_ROW each."""
    rows = -(-len(blocks) // MAX_BLOCKS_IN_A_ROW)
    length = -(-len(blocks) // rows)
    return [blocks[start : start + length] for start in range(0, len(blocks), length)]


def _bases(rows: list[list[Block]], scale: float) -> tuple[list[float], float]:
    """Where the blocks of each row stand, downwards from 0, and the height of it all."""
    bases, top = [], -ROW_GAP
    for row in rows:
        bases.append(top - scale * math.sqrt(max(block.height for block in row)) * (1 + DEPTH[1]))
        top = bases[-1] - NAMES_BELOW_BASE - LINE_HEIGHT * max(len(block.kinds) for block in row) - ROW_GAP
    return bases, -top - ROW_GAP / 2


def _draw(ax: Axes, block: Block, *, centre: float, base: float, scale: float) -> None:
    """A cuboid that stands on `base`: front, top and right-hand side."""
    height = scale * math.sqrt(block.height)
    width = 0.055 * math.log2(1 + block.shape[0])
    far = DEPTH * height
    left = centre - (width + far[0]) / 2
    front = np.array([[left, base], [left + width, base], [left + width, base + height], [left, base + height]])
    colour = _colour(block)
    for corners, light in (
        (front, 0.35),
        (np.array([front[3], front[2], front[2] + far, front[3] + far]), 0.6),
        (np.array([front[1], front[2], front[2] + far, front[1] + far]), 0.1),
    ):
        face = np.array(to_rgb(colour)) * (1 - light) + light
        ax.add_patch(Polygon(corners, facecolor=face, edgecolor=PAPER, linewidth=0.5))


def _label(ax: Axes, block: Block, *, centre: float, base: float, wide: bool) -> None:
    """The shape, and beneath it the names of the layers."""
    shape = format_shape(block.shape)
    if not wide:
        shape = "\n× ".join(shape.rsplit(" × ", 1))
    ax.text(centre, base - 0.07, shape, ha="center", va="top", fontsize=SMALL_TEXT, color=INK, linespacing=1.15)
    names = "\n".join(LAYER_NAMES.get(kind, kind) for kind in block.kinds)
    ax.text(centre, base - NAMES_BELOW_BASE, names, ha="center", va="top", fontsize=7, color=GREY, linespacing=1.25)


def _colour(block: Block) -> str:
    kind = block.kinds[0].lower()
    return next((colour for word, colour in BLOCK_COLOURS.items() if word in kind), PURPLE)
