"""Training by Lightning's loop: one batch, the ends of epochs, checkpoints."""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from pytorch_lightning.callbacks import Callback, EarlyStopping, TQDMProgressBar
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from pneumo.augment import augment, exchange_frames, exchange_styles, mixup, scale
from pneumo.data.strata import merged_strata
from pneumo.errors import NonFiniteLoss
from pneumo.io.files import atomic_write
from pneumo.io.locks import GLOBAL_STATE
from pneumo.training.batches import Batches, Images, make_generator, prediction_batch_size
from pneumo.training.configuration import TrainingConfig
from pneumo.training.optimizers import build_optimizer, learning_rates
from pneumo.training.untying import UntiedLoss, strata_of, stratum_loss

deterministic_settings: Any = torch.utils.deterministic
"""A module whose attributes are properties, which its type does not say."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What `fit` did.

    history: one row an epoch, as in `Record`. epoch: the one, from 1, whose weights the network now has.
    """

    history: list[dict[str, float]]
    epoch: int


def fit(
    network: nn.Module,
    train: Images,
    validation: Images,
    config: TrainingConfig,
    *,
    seed: int,
    checkpoint: Path,
    progress: bool = True,
    loggers: Sequence[Logger] = (),
) -> Fit:
    """Train `network` in place; it ends with the weights of the epoch that `config.keep` says.

    checkpoint: written after every epoch. Where it exists, training goes on from it and ends with exactly the
        weights that an undisturbed run would have. It stays until the caller, who has the result safe, removes it.
    loggers: of Lightning; each gets the row of `Fit.history` after every epoch.
    Raises NonFiniteLoss when the loss is NaN or infinite, and KeyboardInterrupt where it is interrupted. The process is
    left as it was: random state, deterministic mode, warnings, environment, signals.

    One device computes, the current CUDA device where there is one. Of threads that train at the same time, one trains
    after the other: dropout draws from the one generator of the process. Processes can train at the same time.
    glibc returns freed memory to the system between steps; where a process only trains, MALLOC_TRIM_THRESHOLD_=-1
    MALLOC_MMAP_MAX_=0 in its environment saves up to a sixth of the time. Where others want the same cores, so does
    OMP_WAIT_POLICY=PASSIVE, and more: see `pneumo.io.threads`.

    >>> from pneumo.training import InMemory
    >>> array = np.random.default_rng(0).integers(0, 256, (40, 16, 16), dtype=np.uint8)
    >>> images = Images(pixels=InMemory(array=array), rows=np.arange(40), labels=np.arange(40) % 2)
    >>> network = pneumo.models.build(pneumo.models.CNNConfig(width=2, depth=2))
    >>> training = TrainingConfig(epochs=2, batch_size=8)
    >>> len(fit(network, images, images, training, seed=0, checkpoint=Path("a.ckpt"), progress=False).history)
    2
    """
    module = TrainingModule(network.to(memory_format=torch.channels_last), train, validation, config, seed)
    # Checked with the validation, before the epoch's state is saved, or the saved count would lag by one.
    monitored = "validation_loss" if config.select_by == "mean" else "selection_loss"
    stopping = EarlyStopping(
        monitored, patience=config.patience or config.epochs, check_finite=False, check_on_train_epoch_end=False
    )
    shown = progress and sys.stdout.isatty()  # where Lightning draws its bar
    bar = [TQDMProgressBar(refresh_rate=10)] if shown else []
    accelerator, devices = one_device()
    every_generator = torch.random.fork_rng(devices=range(torch.cuda.device_count()))
    with GLOBAL_STATE, lightning_settings(), every_generator:
        trainer = pl.Trainer(
            accelerator=accelerator,
            devices=devices,
            # Else Lightning takes the number of processes from SLURM, and answers SLURM's signals in submitit's place.
            plugins=[LightningEnvironment()],
            max_epochs=config.epochs,
            precision="bf16-mixed" if torch.cuda.is_available() else "32-true",
            deterministic=True,
            callbacks=[stopping, ResumeEarlyStopping(stopping), SaveStateEachEpoch(checkpoint), *bar],
            logger=list(loggers) or False,
            log_every_n_steps=1,  # nothing is logged by step; Lightning warns where an epoch has fewer steps than this
            enable_checkpointing=False,
            enable_progress_bar=shown,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            reload_dataloaders_every_n_epochs=1,
        )
        resume = checkpoint if _fits(checkpoint, module) else None
        with signals_left_alone(trainer):
            trainer.fit(module, ckpt_path=resume, weights_only=True if resume else None)
    network.load_state_dict(module.kept_weights)
    return Fit(history=module.history, epoch=module.kept_epoch)


def one_device() -> tuple[str, int | list[int]]:
    """The accelerator and devices of Lightning's trainer: the current CUDA device, or else one that it finds.

    Left to choose, Lightning takes all there are and starts the user's command once more for each.
    """
    return ("cuda", [torch.cuda.current_device()]) if torch.cuda.is_available() else ("auto", 1)


@contextmanager
def signals_left_alone(trainer: pl.Trainer) -> Iterator[None]:
    """Signals mean what they mean without Lightning, which ends with status 0 after SIGTERM and with 1 after Ctrl-C.

    Nothing is lost by ending at once: the state of the last whole epoch is on disk.
    """
    connector: Any = trainer._signal_connector
    connector.register_signal_handlers = lambda: None
    handler = signal.getsignal(signal.SIGINT)
    try:
        yield
    except SystemExit as stopped:
        if isinstance(stopped.__context__, KeyboardInterrupt):
            raise stopped.__context__ from None
        raise
    finally:
        # Lightning ignores every further Ctrl-C from the first on.
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is not handler:
            signal.signal(signal.SIGINT, handler)


def _fits(checkpoint: Path, module: nn.Module) -> bool:
    """Whether training can go on from a checkpoint. A damaged or another network's is left aside, with a warning."""
    if not checkpoint.exists():
        return False
    try:
        weights = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
        if _shapes(weights) != _shapes(module.state_dict()):
            raise ValueError("it is another network's")
    except Exception as error:  # whatever PyTorch makes of bytes that are none of its own
        warnings.warn(f"{checkpoint} cannot be read ({error}); training starts from the beginning", stacklevel=2)
        return False
    return True


def _shapes(weights: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}


class TrainingModule(pl.LightningModule):
    """What is done with one batch and at the ends of epochs; Lightning does the rest."""

    def __init__(
        self, network: nn.Module, train: Images, validation: Images, config: TrainingConfig, seed: int
    ) -> None:
        super().__init__()
        self.network, self.config, self.seed = network, config, seed
        self.train_images, self.validation_images = train, validation
        # With the averages of batch normalisation, which belong to the weights they were measured with.
        self.average = (
            AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.averaging), use_buffers=True)
            if config.averaging
            else None
        )
        self.history: list[dict[str, float]] = []
        self.kept_weights: dict[str, Tensor] = {}
        self.merged = (
            merged_strata(strata_of(train), train.labels, config.untying.smallest_group)
            if config.needs_strata
            else None
        )
        self.untied_loss = (
            UntiedLoss(train, self.merged, config.untying)
            if self.merged is not None and config.untying.needs_strata
            else None
        )

    @property
    def evaluated_network(self) -> nn.Module:
        """The network that validation sees and that is kept: the average, where one is asked for."""
        return self.network if self.average is None else self.average.module

    @property
    def kept_epoch(self) -> int:
        """The last epoch, or the one with the lowest loss in selection, from 1."""
        if self.config.keep == "last":
            return len(self.history)
        return 1 + int(np.argmin([row.get("selection_loss", row["validation_loss"]) for row in self.history]))

    def train_dataloader(self) -> Batches:
        # Kept: the strata and shapes of a batch are looked up by the place of its images in the epoch's order.
        self.train_batches = self.train_images.batches(
            self.config.batch_size, make_generator(self.seed, self.current_epoch, "shuffle")
        )
        return self.train_batches

    def val_dataloader(self) -> Batches:
        return self.validation_images.batches(prediction_batch_size(self.validation_images))

    def on_train_epoch_start(self) -> None:
        self.epoch_start = time.perf_counter()
        self.train_metrics = RunningMetrics()
        self.augmentation_generator = make_generator(self.seed, self.current_epoch, "augmentation")
        self.style_generator = make_generator(self.seed, self.current_epoch, "style exchange")
        self.frame_generator = make_generator(self.seed, self.current_epoch, "frame exchange")
        # Dropout draws from the global generator and takes no other. `fit` restores its state at the end.
        torch.manual_seed(make_generator(self.seed, self.current_epoch, "dropout").initial_seed())

    def on_validation_epoch_start(self) -> None:
        self.validation_metrics = RunningMetrics()
        self.validation_losses: list[Tensor] = []

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        images, labels = batch
        augmentation, untying = self.config.augmentation, self.config.untying
        chosen = self.train_batches.indices(index)
        images = scale(images)
        if untying.style_exchange:
            aspects = self.train_images.aspects
            images = exchange_styles(
                images,
                labels,
                untying.style_exchange,
                self.style_generator,
                aspects=None if aspects is None else torch.from_numpy(aspects[chosen]),
            )
        if untying.frame_exchange:
            images = exchange_frames(images, labels, untying.frame_exchange, self.frame_generator)
        generator = self.augmentation_generator
        images = augment(images, augmentation, generator)
        if augmentation.mixup_alpha:
            images, labels = mixup(images, labels, augmentation.mixup_alpha, generator)
        logits = self.network(images)
        smoothing = self.config.label_smoothing
        targets = labels * (1 - smoothing) + smoothing / 2
        if self.untied_loss is None:
            loss = F.binary_cross_entropy_with_logits(logits, targets)
        else:
            loss = self.untied_loss(logits, targets, chosen)
        self.train_metrics.add(loss, logits, labels)
        if index % 50 == 0:  # a look at the value makes an accelerator wait, so not at every step
            self._check_finite("training", self.train_metrics.loss)
        return loss

    def on_train_batch_end(self, outputs: object, batch: object, index: int) -> None:
        if self.average is not None:
            self.average.update_parameters(self.network)

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        images, labels = batch
        logits = self.evaluated_network(scale(images))
        self.validation_metrics.add(F.binary_cross_entropy_with_logits(logits, labels), logits, labels)
        if self.config.select_by != "mean":
            self.validation_losses.append(F.binary_cross_entropy_with_logits(logits, labels, reduction="none").cpu())

    def on_validation_epoch_end(self) -> None:
        self._check_finite("training", self.train_metrics.loss)
        self._check_finite("validation", self.validation_metrics.loss)
        row = {
            "epoch": self.current_epoch + 1,
            "train_loss": self.train_metrics.loss,
            "train_accuracy": self.train_metrics.accuracy,
            "validation_loss": self.validation_metrics.loss,
            "validation_accuracy": self.validation_metrics.accuracy,
            "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
            "seconds": round(time.perf_counter() - self.epoch_start, 2),
        }
        if self.config.select_by != "mean":
            row["selection_loss"] = self._selection_loss()
        self.history.append(row)
        if self.kept_epoch == row["epoch"]:
            self.kept_weights = {
                name: value.detach().clone() for name, value in self.evaluated_network.state_dict().items()
            }
        self.log("validation_loss", row["validation_loss"], prog_bar=True, logger=False)
        if "selection_loss" in row:
            self.log("selection_loss", row["selection_loss"], logger=False)
        for logger in self.loggers:
            logger.log_metrics(row, step=row["epoch"])

    def _selection_loss(self) -> float:
        assert self.merged is not None  # it is there wherever `select_by` is not "mean"
        images = self.validation_images
        losses = torch.cat(self.validation_losses).double().numpy()
        return stratum_loss(
            losses, images.labels, self.merged[strata_of(images)], worst=self.config.select_by != "balanced"
        )

    def configure_optimizers(self) -> dict[str, object]:
        batches = len(self.train_images.batches(self.config.batch_size, torch.Generator()))
        optimizer = build_optimizer(self.network, self.config.optimizer)
        schedule = learning_rates(optimizer, self.config.optimizer.schedule, updates=batches * self.config.epochs)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["history"], checkpoint["kept_weights"] = self.history, self.kept_weights

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.history, self.kept_weights = checkpoint["history"], checkpoint["kept_weights"]

    def _check_finite(self, part: str, loss: float) -> None:
        if not math.isfinite(loss):
            raise NonFiniteLoss(
                f"the {part} loss became {loss} in epoch {self.current_epoch + 1}; "
                f"lower learning_rate={self.config.optimizer.learning_rate}"
            )


class RunningMetrics:
    """Running sums of loss and hits, left on the device until they are read."""

    def __init__(self) -> None:
        self.images, self.loss_sum, self.hits = 0, torch.zeros(()), torch.zeros(())

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """loss: the mean over the batch."""
        self.images += len(labels)
        self.loss_sum = self.loss_sum.to(loss.device) + loss.detach() * len(labels)
        self.hits = self.hits.to(loss.device) + ((logits > 0) == (labels > 0.5)).sum()

    @property
    def loss(self) -> float:
        return self.loss_sum.item() / self.images

    @property
    def accuracy(self) -> float:
        return self.hits.item() / self.images


class SaveStateEachEpoch(Callback):
    """Writes the state after each epoch, whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        with atomic_write(self.path) as temporary:
            trainer.save_checkpoint(temporary)


class ResumeEarlyStopping(Callback):
    """A run that had stopped early, and was killed before its record was written, stops again at once."""

    def __init__(self, stopping: EarlyStopping) -> None:
        self.stopping = stopping

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self.stopping.wait_count >= self.stopping.patience:
            trainer.should_stop = True


@contextmanager
def lightning_settings() -> Iterator[None]:
    """Lightning without its notices (hardware that is not used, a deprecation between it and PyTorch), and without
    what it leaves behind: deterministic algorithms for the whole process, and variables of the environment."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    benchmark = torch.backends.cudnn.benchmark
    fill = deterministic_settings.fill_uninitialized_memory
    environment = dict(os.environ)
    logger.setLevel(logging.WARNING)
    # Deterministic mode also fills every new tensor with NaN, lest it be read before it is written. None is, and it
    # takes a tenth of a step of EfficientNet-Lite0.
    deterministic_settings.fill_uninitialized_memory = False
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*", category=FutureWarning)
            # Frozen batch normalisation stays in evaluation mode on purpose.
            warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
            yield
    finally:
        logger.setLevel(level)
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.backends.cudnn.benchmark = benchmark
        deterministic_settings.fill_uninitialized_memory = fill
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        os.environ.update(environment)
