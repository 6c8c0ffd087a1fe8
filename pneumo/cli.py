"""The package from a shell: `pneumo predict`, `pneumo data`, `pneumo run` and others, see `pneumo --help`."""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pneumo import __version__
from pneumo.errors import PneumoError
from pneumo.io.streams import escaped_output
from pneumo.io.threads import waiting_without_spinning

# Each command imports what it needs when it runs, so that --help answers at once.


STOPPING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Signals that ask a command to end, as far as the system has them: Ctrl-C; `kill`, systemd or a batch system; a
terminal that is closed; Ctrl-Break on Windows."""

NOTHING_WRITTEN = "stopped; nothing was written"
GOES_ON = "stopped; what was finished is kept, and the same command goes on from here"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0 done, 1 an error that was explained, 2 wrong usage, 3 predicted, but for files that could not be read;
    128 and the number of the signal that ended it: 130 after Ctrl-C, 143 after SIGTERM, 141 where the program that
    reads its output has ended, such as `head`. The process is left as it was found.
    """
    options = _parser().parse_args(arguments)
    with waiting_without_spinning(), escaped_output(), _stopping_signals() as received:
        try:
            status = options.command(options)
            sys.stdout.flush()
            return status
        except KeyboardInterrupt as interruption:
            return _stopped(received, str(interruption) or options.stopped)
        except Exception as error:
            if received:  # while modules are imported, an interruption can come out as another error
                return _stopped(received, options.stopped)
            if not isinstance(error, PneumoError | OSError):
                raise
            if isinstance(error, OSError) and _reader_has_ended():
                return 128 + getattr(signal, "SIGPIPE", 13)
            print(f"pneumo: {_printable(str(error))}", file=sys.stderr)
            return 1


@contextmanager
def _stopping_signals() -> Iterator[list[int]]:
    """Have every signal that asks a command to end raise KeyboardInterrupt; yields the list of those that came.

    A second one ends the process at once. A signal that is ignored, as SIGHUP is under nohup, stays so.
    """
    received: list[int] = []
    before = {}

    def stop(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():  # no other may set what a signal does
        known = [getattr(signal, name) for name in STOPPING_SIGNALS if hasattr(signal, name)]
        before = {each: signal.getsignal(each) for each in known}
        before = {each: handler for each, handler in before.items() if handler not in (signal.SIG_IGN, None)}
        for each in before:
            signal.signal(each, stop)
    try:
        yield received
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _stopped(received: Sequence[int], text: str) -> int:
    """Say how a command was ended by a signal, on a line of its own; returns the exit status."""
    print(f"pneumo: {_printable(text)}", file=sys.stderr)
    return 128 + (received[0] if received else signal.SIGINT)


def _reader_has_ended() -> bool:
    """Whether the program that reads standard output has; what is left of it then goes nowhere."""
    try:
        output = sys.stdout.fileno()
    except OSError:  # no file, as in a notebook
        return False
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(output, 0)
        ended = any(event & select.POLLERR for _, event in poll.poll(0))
    else:  # Windows, where a pipe that nobody reads refuses what is written
        try:
            sys.stdout.flush()
            ended = False
        except OSError:
            ended = True
    if ended:
        os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return ended


def _printable(text: str) -> str:
    """Text whose control characters, but for the end of a line, are written out: names of files are other people's."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pneumo",
        description="Chest radiographs of children, with and without pneumonia. Research only, not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"pneumo {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add_model_commands(commands)

    data = commands.add_parser("data", help="what data sets are here, and how to get them")
    data_commands = data.add_subparsers(required=True, metavar="COMMAND")
    listing = data_commands.add_parser("list", help="each data set: where it is, and what is in it")
    listing.set_defaults(command=_data_list, stopped=NOTHING_WRITTEN)
    get = data_commands.add_parser("get", help="download a data set from its publisher, with checksum and resume")
    get.add_argument("name", help="a name from `pneumo data list`")
    get.add_argument("--source", choices=("publisher", "kaggle"), default="publisher")
    get.set_defaults(command=_data_get, stopped=GOES_ON)

    run = commands.add_parser("run", help="run experiments that have no record yet")
    run.add_argument(
        "names", nargs="+", metavar="NAME", help="experiments (see `pneumo status`), comparisons, chapters, or: all"
    )
    run.add_argument("--jobs", type=int, default=1, help="experiments at a time; the threads are divided among them")
    run.add_argument(
        "--slurm", nargs="?", const="", metavar="PARTITION", help="submit them to a cluster (extra: slurm) and return"
    )
    run.set_defaults(command=_run, stopped=GOES_ON)

    status = commands.add_parser("status", help="each experiment: recorded or missing, and how long it takes")
    status.add_argument("names", nargs="*", default=["all"], metavar="NAME")
    status.set_defaults(command=_status, stopped=NOTHING_WRITTEN)
    return parser


def _add_model_commands(commands: argparse._SubParsersAction) -> None:
    predict = commands.add_parser(
        "predict",
        help="the probability of pneumonia in your own radiographs",
        description="Research only, not a medical device. Reads JPEG, PNG (8 and 16 bit) and DICOM files and prints a "
        "row for each: probability of pneumonia, decision at the model's threshold, and a warning where the image is "
        "unlike those that the model learnt from.",
        epilog="Exit status: 0 all files were read; 3 some could not be, which stderr names, and the others were read; "
        "1 another error.",
    )
    predict.add_argument("paths", nargs="+", metavar="FILE|FOLDER|ZIP", help="folders with all below them")
    predict.add_argument("--csv", type=Path, metavar="FILE", help="also write a table for spreadsheets")
    predict.add_argument("--cam", type=Path, metavar="FOLDER", help="also draw where the model looked: a PNG an image")
    predict.add_argument("--overwrite", action="store_true", help="replace what --csv and --cam find there")
    _add_model_option(predict)
    predict.set_defaults(command=_predict, stopped=NOTHING_WRITTEN)

    evaluate = commands.add_parser(
        "evaluate",
        help="how a model does on your own radiographs, labelled or not: a report as one HTML file",
        description="Research only, not a medical device. Predicts every radiograph of a folder or zip archive. With "
        "labels, reports AUC and rates with 95 % intervals, calibration, results by height of the files, and the "
        "threshold that these images would choose; without, what can be said. Nothing is fitted to the images.",
    )
    evaluate.add_argument("path", type=Path, metavar="FOLDER|ZIP", help="class folders inside give the labels")
    evaluate.add_argument(
        "--labels", type=Path, metavar="CSV", help="a table with the columns image, label and, if known, patient"
    )
    evaluate.add_argument(
        "--positive", default="pneumonia", metavar="NAME", help="the class that is label 1 (default: %(default)s)"
    )
    evaluate.add_argument(
        "--report", type=Path, default=Path("evaluation.html"), metavar="FILE.html", help="default: %(default)s"
    )
    evaluate.add_argument("--overwrite", action="store_true", help="replace the report that is there")
    _add_model_option(evaluate)
    evaluate.set_defaults(command=_evaluate, stopped=NOTHING_WRITTEN)

    export = commands.add_parser("export", help="write a model as ONNX, for programs that are not Python")
    export.add_argument("path", type=Path, metavar="FILE.onnx")
    _add_model_option(export)
    export.set_defaults(command=_export, stopped=NOTHING_WRITTEN)

    pack = commands.add_parser("pack", help="write the model file of an experiment that was run on this machine")
    pack.add_argument("name", metavar="NAME", help="of one experiment, as `pneumo status` prints it")
    pack.add_argument("path", type=Path, metavar="FILE")
    pack.set_defaults(command=_pack, stopped=NOTHING_WRITTEN)


def _add_model_option(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", type=Path, metavar="FILE", help="by default the one that comes with the package")


def _predict(options: argparse.Namespace) -> int:
    from pneumo.inference import load_model, predict_files

    summary = predict_files(
        load_model(options.model),
        options.paths,
        csv_path=options.csv,
        cam_folder=options.cam,
        overwrite=options.overwrite,
    )
    print(
        f"{summary.read} read, {summary.positive} positive, {summary.warned} with a warning; "
        f"{summary.unreadable} could not be read",
        file=sys.stderr,
    )
    return 3 if summary.unreadable else 0


def _evaluate(options: argparse.Namespace) -> int:
    from pneumo.analysis import external_validation
    from pneumo.inference import evaluate_files
    from pneumo.inference.model import load_model
    from pneumo.reporting.evaluation_report import write_report
    from pneumo.reporting.formatting import format_interval
    from pneumo.reporting.tables import METRICS

    if options.report.exists() and not options.overwrite:
        raise PneumoError(f"{options.report} exists; name another file, or add --overwrite")
    evaluation = evaluate_files(
        load_model(options.model), options.path, labels=options.labels, positive=options.positive
    )
    for problem in evaluation.unreadable:
        print(f"pneumo: {_printable(problem)}", file=sys.stderr)
    print(write_report(evaluation, options.report, overwrite=options.overwrite))
    if evaluation.has_both_classes:
        for name, interval in external_validation.metrics(evaluation).items():
            print(f"{METRICS[name]:<32} {format_interval(interval)}")
    return 3 if evaluation.unreadable else 0


def _export(options: argparse.Namespace) -> int:
    from pneumo.inference import load_model
    from pneumo.inference.export import export_onnx

    print(export_onnx(load_model(options.model), options.path))
    return 0


def _pack(options: argparse.Namespace) -> int:
    from pneumo import experiments
    from pneumo.inference import pack

    print(pack(experiments.find_experiment(options.name), options.path))
    return 0


def _data_list(_options: argparse.Namespace) -> int:
    from pneumo.data import listing

    print(listing().to_markdown(index=False))
    return 0


def _data_get(options: argparse.Namespace) -> int:
    from pneumo.data import get

    print(get(options.name, source=options.source))
    return 0


def _run(options: argparse.Namespace) -> int:
    from pneumo import experiments
    from pneumo.experiments import planning, records, runner
    from pneumo.experiments.allocator import disable_malloc_trim

    chosen = [experiment for name in options.names for experiment in experiments.find_experiments(name)]
    todo = planning.plan(chosen, jobs=options.jobs)
    searched = " or ".join(map(str, records.folders()))
    print(
        f"{len(chosen)} experiments, {len(todo.experiments)} without a record in {searched}: about {todo.total:.0f} min"
    )
    if options.slurm is None:
        disable_malloc_trim()  # this process runs experiments and nothing else
        runner.run_all(chosen, jobs=options.jobs)
        return 0
    from pneumo.experiments import cluster

    jobs = cluster.run_on_slurm(chosen, partition=options.slurm or None)
    print("submitted: " + ", ".join(job.job_id for job in jobs))
    return 0


def _status(options: argparse.Namespace) -> int:
    from pneumo import experiments
    from pneumo.experiments import planning, records

    chosen = [experiment for name in options.names for experiment in experiments.find_experiments(name)]
    print(f"records are looked for in {' or '.join(map(str, records.folders()))}", file=sys.stderr)
    print(planning.status(chosen).to_markdown(index=False, floatfmt=".1f"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
