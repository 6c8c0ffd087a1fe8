"""Folders and files of the package on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The folder for what can be computed or downloaded again: $PNEUMO_CACHE, or the user's cache folder."""
    return Path(os.environ.get("PNEUMO_CACHE") or platformdirs.user_cache_dir("pneumo", appauthor=False))


def weights_path(key: str) -> Path:
    """Where the trained weights of an experiment are kept. They are not part of its record.

    key: `Experiment.key`.
    """
    return cache_folder() / "weights" / f"{key}.safetensors"


def checkpoint_path(key: str) -> Path:
    """Where the state of an experiment in training is kept until its record is stored.

    key: `Experiment.key`.
    """
    return cache_folder() / "runs" / f"{key}.ckpt"
