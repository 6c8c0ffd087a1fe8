"""Evaluation mode for the length of a `with` block."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from torch import nn

_locks: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_locks_guard = threading.Lock()


@contextmanager
def evaluation_mode(network: nn.Module) -> Iterator[None]:
    """Put a network into evaluation mode; at the end each of its modules has the mode that it had before.

    Module by module, since frozen batch normalisation is in evaluation mode inside a network that is training.
    Threads that share a network in evaluation mode use it at the same time; one in training mode they use in turns, or
    the first to end would put it back into training mode under the others.
    """
    lock = _lock_of(network)
    with lock:
        modes = [(module, module.training) for module in network.modules()]
        changes = any(training for _, training in modes)
        if changes:
            network.eval()
            try:
                yield
            finally:
                for module, training in modes:
                    module.training = training
    if not changes:
        yield


def _lock_of(network: nn.Module) -> threading.RLock:
    with _locks_guard:
        return _locks.setdefault(network, threading.RLock())
