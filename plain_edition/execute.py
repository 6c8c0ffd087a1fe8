"""Chapters' cells run in Jupyter kernels of this environment, each chapter once for every format."""

from __future__ import annotations

import asyncio
import itertools
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import nbformat
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm

from plain_edition.book import Book, FigureDefaults
from tools import cell_cache
from tools.chapters import Cell, Chapter
from tools.errors import BuildError

AT_ONCE = 2  # kernels; each may load torch, and each chapter's numerics use threads of their own
PATIENCE = 3600  # seconds for a kernel to start, and for outputs to arrive: a busy machine is slow, not broken
ANSI = re.compile(r"\x1b\[[0-9;]*m")
FRAME = re.compile(r"Cell In\[\d+\], line (\d+)")

# As Quarto does it. Importing the backend here turns interactive mode on; if the first figure did, inside an
# rc_context, it would end with that context, and later figures would not be shown.
SETUP = """\
import matplotlib.pyplot as plt
from matplotlib_inline.backend_inline import set_matplotlib_formats
plt.rcParams["figure.figsize"] = ({figures.width}, {figures.height})
plt.rcParams["figure.dpi"] = {figures.dpi}
plt.rcParams["savefig.dpi"] = "figure"
set_matplotlib_formats("{figures.format}")
"""


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What a chapter's cells put out: a list of notebook outputs per cell number; from_cache: no kernel was started."""

    outputs: dict[int, list[NotebookNode]]
    from_cache: bool
    seconds: float


def execute(book: Book, chapters: list[Chapter]) -> dict[PurePosixPath, Execution]:
    """Run the cells of `chapters`, two chapters at a time, or take their outputs from the cache.

    Raises BuildError that names the chapter, the cell, the line and the error of every chapter that failed.
    """
    executions = asyncio.run(_execute_all(book, chapters))
    failures = [execution for execution in executions if isinstance(execution, BuildError)]
    if failures:
        raise BuildError(problem for failure in failures for problem in failure.problems)
    return {chapter.path: execution for chapter, execution in zip(chapters, executions, strict=True)}


async def _execute_all(book: Book, chapters: list[Chapter]) -> list[Execution | BuildError]:
    places = asyncio.Semaphore(AT_ONCE)
    numbers = itertools.count(1)  # in the order in which the chapters begin

    async def one(chapter: Chapter) -> Execution | BuildError:
        async with places:
            tell = partial(_tell, f"[{next(numbers)}/{len(chapters)}] {chapter.path}")
            try:
                execution = await _execute(book, chapter, tell)
            except BuildError as error:  # the other chapters go on: one render tells of every failure
                tell("failed")
                return error
            how = "from the cache" if execution.from_cache else "executed"
            tell(f"{how}, {execution.seconds:.1f} s")
            return execution

    # Those with most to do begin, so that none is left to run alone at the end.
    begun = {chapter.path: asyncio.create_task(one(chapter)) for chapter in sorted(chapters, key=_fewest_cells_last)}
    await asyncio.gather(*begun.values())
    return [begun[chapter.path].result() for chapter in chapters]


def _tell(chapter: str, what: str) -> None:
    """Write "[3/17] report/regularisation.qmd: executing". chapter: its number and path."""
    tqdm.write(f"{chapter}: {what}")
    sys.stdout.flush()  # at once, also into a pipe


def _fewest_cells_last(chapter: Chapter) -> int:
    return -len(chapter.cells)


async def _execute(book: Book, chapter: Chapter, tell: Callable[[str], None]) -> Execution:
    start = time.monotonic()
    cells = [cell for cell in chapter.cells if _runs(cell, book)]
    if not cells:
        return Execution(outputs={}, from_cache=True, seconds=0.0)
    notebook = _notebook(cells, book.figures)
    cache_folder = cell_cache.folder(book.project, chapter.path, book.environment)
    executed = cell_cache.find(cache_folder, notebook)
    from_cache = executed is not None
    if executed is None:
        tell("executing")
        await _run(book, chapter, cells, notebook)
        cell_cache.keep(cache_folder, chapter.path, notebook)
        executed = notebook
    outputs = {cell.number: node.outputs for cell, node in zip(cells, executed.cells[1:], strict=True)}
    return Execution(outputs=outputs, from_cache=from_cache, seconds=time.monotonic() - start)


def _runs(cell: Cell, book: Book) -> bool:
    return bool(cell.options.get("eval", book.cell_options.get("eval", True)))


def _notebook(cells: list[Cell], figures: FigureDefaults) -> NotebookNode:
    """The notebook to run: the set-up and the cells' code, without their options, so that a caption costs no run."""
    setup = nbformat.v4.new_code_cell(SETUP.format(figures=figures))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return nbformat.v4.new_notebook(
        cells=[setup] + [nbformat.v4.new_code_cell(cell.code) for cell in cells],
        metadata={"kernelspec": kernel},
    )


class _OwnKernel(KernelSpecManager):
    """Only the Python that runs this program, whatever kernels the machine has under the same name."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(**get_kernel_dict())


async def _run(book: Book, chapter: Chapter, cells: list[Cell], notebook: NotebookNode) -> None:
    """Fill in the outputs of `notebook`, whose first cell is the set-up and whose others are `cells`."""
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=_OwnKernel()),
        timeout=None,
        startup_timeout=PATIENCE,
        iopub_timeout=PATIENCE,
        raise_on_iopub_timeout=True,  # or what a cell put out would be missing without a word
        shutdown_kernel="immediate",
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        record_timing=False,  # times in the notebook would change its hash, and the cache would never hit
        resources={"metadata": {"path": str(book.project)}},
    )
    progress = tqdm(total=len(cells), desc=str(chapter.path), unit="cell", leave=False, disable=None)
    try:
        async with client.async_setup_kernel(env=dict(book.environment), cleanup_kc=True):
            await client.async_execute_cell(notebook.cells[0], 0)
            for index, cell in enumerate(cells, 1):
                progress.set_postfix_str(cell.name)
                try:
                    await client.async_execute_cell(notebook.cells[index], index)
                except (CellExecutionError, DeadKernelError) as error:
                    raise BuildError([_failure(chapter, cell, error)]) from error
                progress.update()
    finally:
        progress.close()


def _failure(chapter: Chapter, cell: Cell, error: CellExecutionError | DeadKernelError) -> str:
    """One line that names the place in the .qmd file, and the traceback below it."""
    label = f" ({cell.label})" if cell.label else ""
    if isinstance(error, DeadKernelError):
        return f"{chapter.path}:{cell.line}: cell {cell.number}{label} ended its kernel, perhaps for want of memory"
    traceback = ANSI.sub("", error.traceback)
    frames = FRAME.findall(traceback)
    within = int(frames[0]) - 1 if frames else 0
    line = cell.code_line + within
    source = cell.code.splitlines()[within].strip()
    head = f"{chapter.path}:{line}: cell {cell.number}{label} failed at `{source}`: {error.ename}: {error.evalue}"
    without_the_cell = traceback.split("------------------\n", 2)[-1]
    return f"{head}\n\n{without_the_cell.strip()}\n"
