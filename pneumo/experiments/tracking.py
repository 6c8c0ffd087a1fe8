"""Experiment tracking for who wants it: TensorBoard, MLflow, Weights & Biases or CSV files, by Lightning's own loggers.

    PNEUMO_TRACKERS=tensorboard,mlflow pneumo run first-network

Off where $PNEUMO_TRACKERS is not set. A tracker sees the configuration and each epoch; the result of an experiment is
its record alone, with or without trackers.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo.errors import PneumoError
from pneumo.experiments.config import Experiment, to_dict

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


def tracking_folder() -> Path:
    """Where trackers write that write files: `tracking` in the current folder."""
    return Path("tracking")


def make_loggers(experiment: Experiment) -> list[Logger]:
    """The loggers that $PNEUMO_TRACKERS names, names of `TRACKERS` separated by commas, for one experiment.

    Each has been told the experiment's configuration, as "training.optimizer.learning_rate" and so on. A run has the
    name and, where a tracker takes one, the key of the experiment, so that training that goes on after an interruption
    goes on there too. Raises PneumoError for an unknown name, and for a tracker that is not installed.

    >>> from pneumo.experiments import first_network
    >>> make_loggers(first_network()[0])  # where $PNEUMO_TRACKERS is not set
    []
    """
    found = []
    for name in filter(None, (part.strip() for part in os.environ.get("PNEUMO_TRACKERS", "").split(","))):
        if name not in TRACKERS:
            raise PneumoError(f"PNEUMO_TRACKERS names {name!r}, which is unknown; choose from {', '.join(TRACKERS)}")
        try:
            logger = TRACKERS[name](experiment)
        except ImportError as error:
            raise PneumoError(f'{name} is not installed; install it with: pip install "pneumo[{name}]"') from error
        logger.log_hyperparams(_flat(to_dict(experiment)))
        found.append(logger)
    return found


def _tensorboard(experiment: Experiment) -> Logger:
    from pytorch_lightning.loggers import TensorBoardLogger

    return TensorBoardLogger(tracking_folder(), name=experiment.name, version=experiment.key, default_hp_metric=False)


def _mlflow(experiment: Experiment) -> Logger:
    from pytorch_lightning.loggers import MLFlowLogger

    return MLFlowLogger(
        experiment_name=experiment.group or experiment.name,
        run_name=experiment.name,
        tracking_uri=os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{tracking_folder().resolve()}/mlflow.db",
        tags={"key": experiment.key},
    )


def _wandb(experiment: Experiment) -> Logger:
    from pytorch_lightning.loggers import WandbLogger

    tracking_folder().mkdir(exist_ok=True)
    return WandbLogger(
        project=os.environ.get("WANDB_PROJECT", "pneumo"),
        name=experiment.name,
        id=experiment.key,
        group=experiment.group or None,
        save_dir=tracking_folder(),
    )


def _csv(experiment: Experiment) -> Logger:
    from pytorch_lightning.loggers import CSVLogger

    return CSVLogger(tracking_folder(), name=experiment.name, version=experiment.key)


TRACKERS: dict[str, Callable[[Experiment], Logger]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "wandb": _wandb,
    "csv": _csv,
}
"""By the names that $PNEUMO_TRACKERS takes; each but "csv" needs the extra of its name."""


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A configuration on one level, "training.optimizer.name"."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat
