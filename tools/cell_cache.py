"""Executed notebooks, kept by jupyter-cache: the same library, the same folders and the same rule as Quarto's.

Quarto looks for the cache beside each chapter, in `$JUPYTERCACHE` or `.jupyter_cache`; so does the plain edition. The
notebooks themselves are not exchanged, since the two editions set up the kernel differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from nbformat import NotebookNode


def folder(project: Path, chapter: PurePosixPath, environment: Mapping[str, str]) -> Path:
    """Where the executed notebook of `chapter` (relative to `project`) is kept."""
    return project / chapter.parent / environment.get("JUPYTERCACHE", ".jupyter_cache")


def find(cache_folder: Path, notebook: NotebookNode) -> NotebookNode | None:
    """The executed notebook with the same code cells as `notebook`, or None."""
    if not cache_folder.is_dir():
        return None
    cache = get_cache(str(cache_folder))
    try:
        return cache.get_cache_bundle(cache.match_cache_notebook(notebook).pk).nb
    except KeyError:
        return None
    finally:
        _close(cache)


def keep(cache_folder: Path, chapter: PurePosixPath, notebook: NotebookNode) -> None:
    """Keep an executed notebook."""
    cache = get_cache(str(cache_folder))
    cache.cache_notebook_bundle(CacheBundleIn(notebook, chapter.name), overwrite=True)
    _close(cache)


def drop(cache_folder: Path, chapter: PurePosixPath) -> int:
    """Forget every executed version of `chapter`, made by Quarto or here, so that the next render executes it.

    Quarto names a chapter "data.quarto_ipynb" in its cache; what comes before the dot is what counts. Returns the
    number of versions forgotten.
    """
    if not cache_folder.is_dir():
        return 0
    cache = get_cache(str(cache_folder))
    records = [record for record in cache.list_cache_records() if Path(record.uri).stem == chapter.stem]
    for record in records:
        cache.remove_cache(record.pk)
    _close(cache)
    return len(records)


def _close(cache: JupyterCacheAbstract) -> None:
    cache.db.dispose()
