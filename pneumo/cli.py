"""The package from a shell: `pneumo predict`, `pneumo data`, `pneumo run` and others, see `pneumo --help`."""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from pneumo import __version__
from pneumo.errors import PneumoError
from pneumo.io.collection import end_without_collection, paused_collection
from pneumo.io.files import check_replaceable
from pneumo.io.streams import escaped_output
from pneumo.io.threads import waiting_without_spinning

TERMINAL_COLUMNS = 80
"""Columns of a terminal that listings fit."""

TASKS = {
    "your radiographs": {
        "predict": "the probability of pneumonia in your own radiographs",
        "evaluate": "how a model does on your own radiographs: an HTML report",
    },
    "a model of your own": {
        "train": "train a network on your own labelled radiographs",
        "pack": "write the model file of an experiment that was run on this machine",
        "export": "write a model as ONNX, for programs that are not Python",
        "unpack": "put a model's weights where experiments look for them",
    },
    "data sets": {"data": "what data sets are here, how to get them, and what is in them"},
    "the study": {
        "status": "each experiment: recorded or missing, and how long it takes",
        "run": "run experiments that have no record yet",
    },
}
"""What each command does, by task, as `pneumo --help` shows it."""

EXAMPLES = """\
examples:
  pneumo predict radiographs/ --csv out.csv --cam pictures/
  pneumo evaluate radiographs.zip --labels labels.csv
  pneumo train radiographs/ --out my-model
  pneumo predict new/ --model my-model/model.safetensors
  pneumo data get chest-xray
  pneumo run first-network --jobs 2

pneumo COMMAND --help says more of each."""

# Each command imports what it needs when it runs, so that --help answers at once.


STOPPING_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
"""Signals that ask a command to end, as far as the system has them: Ctrl-C; `kill`, systemd or a batch system; a
terminal that is closed; Ctrl-Break on Windows."""

NOTHING_WRITTEN = "stopped; nothing was written"
GOES_ON = "stopped; what was finished is kept, and the same command goes on from here"


def program() -> int:
    """`main` as the program `pneumo`, in a process that ends with it."""
    end_without_collection()
    return main()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0 done, 1 an error that was explained, 2 wrong usage, 3 predicted, but for files that could not be read;
    128 and the number of the signal that ended it: 130 after Ctrl-C, 143 after SIGTERM, 141 where the program that
    reads its output has ended, such as `head`. The process is left as it was found.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if not words:
        _parser().print_help()
        return 0
    options = _parser().parse_args(words)
    with waiting_without_spinning(), escaped_output(), _short_warnings(), _stopping_signals() as received:
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
def _short_warnings() -> Iterator[None]:
    """Show each warning once, on a line of its own, without the place in the code that only its authors know."""
    said: set[str] = set()

    def show(message: Warning | str, *_place: object, **_more: object) -> None:
        text = _printable(" ".join(str(message).split()))
        if text not in said:
            said.add(text)
            print(f"pneumo: warning: {text}", file=sys.stderr)

    with warnings.catch_warnings():  # which leaves the filters as they were, and with them pytest's
        warnings.showwarning = show
        yield


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
        usage="pneumo [-h] [--version] COMMAND ...",
        description="Chest radiographs of children, with and without pneumonia.\n"
        "Research only, not a medical device.\n\n" + _by_task(),
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pneumo {__version__}")
    commands = parser.add_subparsers(prog="pneumo", required=True, metavar="COMMAND", help=argparse.SUPPRESS)

    _add_model_commands(commands)

    data = _add_command(commands, "data")
    data_commands = data.add_subparsers(required=True, metavar="COMMAND")
    listing = data_commands.add_parser("list", help="each data set: where it is, and what is in it")
    listing.set_defaults(command=_data_list, stopped=NOTHING_WRITTEN)
    show = data_commands.add_parser(
        "show", help="what is in a folder or zip archive of your own, before you train on it"
    )
    show.add_argument("path", metavar="FOLDER|ZIP", help="class folders inside give the labels, or --labels does")
    _add_class_options(show)
    show.set_defaults(positive=None)  # a data set known by name has its own classes
    show.set_defaults(command=_data_show, stopped=NOTHING_WRITTEN)
    get = data_commands.add_parser("get", help="download a data set from its publisher, with checksum and resume")
    get.add_argument("name", help="a name from `pneumo data list`")
    get.add_argument("--source", choices=("publisher", "kaggle"), default="publisher")
    get.set_defaults(command=_data_get, stopped=GOES_ON)
    describe = data_commands.add_parser("describe", help="write Croissant metadata and a table of the images")
    describe.add_argument("name", metavar="NAME|FOLDER|ZIP", help="a name from `pneumo data list`, or a path")
    describe.add_argument("path", type=_path, metavar="OUT", help="the folder to write them to")
    describe.add_argument("--overwrite", action="store_true", help="replace what is there")
    _add_class_options(describe)
    describe.set_defaults(positive=None)  # a data set known by name has its own classes
    describe.set_defaults(command=_data_describe, stopped=NOTHING_WRITTEN)

    run = _add_command(commands, "run")
    run.add_argument(
        "names", nargs="+", metavar="NAME", help="experiments (see `pneumo status`), comparisons, chapters, or: all"
    )
    run.add_argument(
        "--jobs", type=_from_1, default=1, metavar="N", help="experiments at a time; the threads are divided among them"
    )
    run.add_argument(
        "--slurm", nargs="?", const="", metavar="PARTITION", help="submit them to a cluster (extra: slurm) and return"
    )
    run.add_argument("--account", metavar="NAME", help="of the cluster, that the jobs are charged to")
    run.add_argument("--qos", metavar="NAME", help="quality of service of the jobs on the cluster")
    run.add_argument("--cpus", type=_from_1, default=4, metavar="N", help="of a job on the cluster (default: 4)")
    run.add_argument(
        "--gpus", type=_from_0, default=0, metavar="N", help="of a job on the cluster, 0 or 1 (default: 0)"
    )
    run.add_argument("--memory", type=_amount, metavar="GB", help="of a job on the cluster; by default the cluster's")
    run.set_defaults(command=_run, stopped=GOES_ON)

    status = _add_command(commands, "status")
    status.add_argument("names", nargs="*", default=["all"], metavar="NAME", help="by default all, and your own")
    status.add_argument(
        "--table", type=_path, metavar="FILE", help="also write the results of the records, as FILE.csv or FILE.parquet"
    )
    status.add_argument("--overwrite", action="store_true", help="replace the table that is there")
    status.set_defaults(command=_status, stopped=NOTHING_WRITTEN)
    return parser


def _by_task() -> str:
    """The commands in the help, under their tasks."""
    paragraphs = [
        "\n".join([f"{task}:", *(f"  {command:<10}{help}" for command, help in each.items())])
        for task, each in TASKS.items()
    ]
    return "\n\n".join(paragraphs)


def _add_command(commands: argparse._SubParsersAction, name: str, **settings: Any) -> argparse.ArgumentParser:
    (text,) = [each[name] for each in TASKS.values() if name in each]
    return commands.add_parser(name, **{"description": f"{text[0].upper()}{text[1:]}.", **settings})


def _add_model_commands(commands: argparse._SubParsersAction) -> None:
    predict = _add_command(
        commands,
        "predict",
        description="Research only, not a medical device. Reads JPEG, PNG, DICOM and other image files (TIFF, BMP, "
        "GIF, WebP, JPEG 2000, PNM), told by their content, and prints a row for each: probability of pneumonia, "
        "decision at the model's threshold, and a warning where the image is "
        "unlike those that the model learnt from.",
        epilog="Exit status: 0 all files were read; 3 some could not be, which stderr names, and the others were read; "
        "1 none was read, or another error.",
    )
    predict.add_argument("paths", nargs="+", type=_named, metavar="FILE|FOLDER|ZIP", help="folders with all below them")
    predict.add_argument("--csv", type=_path, metavar="FILE", help="also write a table for spreadsheets")
    predict.add_argument("--cam", type=_path, metavar="FOLDER", help="also draw where the model looked: a PNG an image")
    predict.add_argument("--overwrite", action="store_true", help="replace what --csv and --cam find there")
    _add_model_option(predict)
    point = predict.add_mutually_exclusive_group()
    point.add_argument(
        "--threshold", type=_share, metavar="P", help="positive from this probability on (default: the model's)"
    )
    point.add_argument(
        "--sensitivity", type=_share, metavar="S", help="the highest threshold that reaches this on validation images"
    )
    predict.add_argument(
        "--coverage",
        type=_share,
        metavar="C",
        help="of the third answer: the share of a class's images for which it stays possible (default: 0.9)",
    )
    predict.set_defaults(command=_predict, stopped=NOTHING_WRITTEN)

    evaluate = _add_command(
        commands,
        "evaluate",
        description="Research only, not a medical device. Predicts every radiograph of a folder or zip archive. With "
        "labels, reports AUC and rates with 95 % intervals, calibration, results by height of the files, and the "
        "threshold that these images would choose; without, what can be said. Nothing is fitted to the images.",
    )
    evaluate.add_argument("path", type=_path, metavar="FOLDER|ZIP", help="class folders inside give the labels")
    _add_class_options(evaluate)
    evaluate.set_defaults(positive=None)  # a name that is given must be a folder's
    evaluate.add_argument(
        "--report", type=_path, default=Path("evaluation.html"), metavar="FILE.html", help="default: %(default)s"
    )
    evaluate.add_argument("--overwrite", action="store_true", help="replace the report that is there")
    _add_model_option(evaluate)
    evaluate.set_defaults(command=_evaluate, stopped=NOTHING_WRITTEN)

    _add_train(commands)

    export = _add_command(commands, "export")
    export.add_argument("path", type=_path, metavar="FILE.onnx")
    export.add_argument("--overwrite", action="store_true", help="replace the file that is there")
    _add_model_option(export)
    export.set_defaults(command=_export, stopped=NOTHING_WRITTEN)

    pack = _add_command(commands, "pack")
    pack.add_argument(
        "name", metavar="NAME|RECORD", help="an experiment, as `pneumo status` prints it, or its record's file"
    )
    pack.add_argument("path", type=_path, metavar="FILE")
    pack.add_argument("--overwrite", action="store_true", help="replace the file that is there")
    pack.set_defaults(command=_pack, stopped=NOTHING_WRITTEN)

    unpack = _add_command(commands, "unpack")
    _add_model_option(unpack)
    unpack.set_defaults(command=_unpack, stopped=NOTHING_WRITTEN)


def _add_train(commands: argparse._SubParsersAction) -> None:
    train = _add_command(
        commands,
        "train",
        description="Trains a network on your own labelled radiographs by a recipe of the study, tests it on a part "
        "that it never saw, and writes a folder with the model, a report as one HTML file, and a model card. Training "
        "that is stopped goes on when the same command is given again.",
        epilog="Layout: FOLDER/NORMAL and FOLDER/PNEUMONIA, or with train/, val/ and test/ above them. Without test/, "
        "a fifth of the images is set apart. Then: pneumo predict NEW --model OUT/model.safetensors",
    )
    train.add_argument("path", type=_path, metavar="FOLDER|ZIP", help="two class folders inside give the labels")
    _add_class_options(train)
    train.add_argument(
        "--model",
        default="efficientnet-lite0",
        choices=("efficientnet-lite0", "cnn", "spatial-transformer"),
        help="fine-tuned from ImageNet (default), or a small network, trained from scratch in a tenth of the time",
    )
    train.add_argument(
        "--image-size", type=_from_1, metavar="PIXELS", help="side; by default 160, or 64 for small networks"
    )
    train.add_argument("--epochs", type=_from_1, metavar="N", help="by default as many as suit the number of images")
    train.add_argument("--seed", type=_from_0, default=0, metavar="N", help="of weights and augmentation (default: 0)")
    train.add_argument("--name", metavar="NAME", help="folder of the records; by default that of the images")
    train.add_argument("--out", type=_path, metavar="FOLDER", help="by default NAME-model in the current folder")
    train.add_argument("--overwrite", action="store_true", help="replace what --out holds")
    train.set_defaults(command=_train, stopped=GOES_ON)


def _add_class_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--labels",
        type=_path,
        metavar="CSV",
        help="a table with the columns image, label and, if known, patient; or as NIH, RSNA, CheXpert or VinDr give it",
    )
    command.add_argument(
        "--positive", default="pneumonia", metavar="NAME", help="the class that is label 1 (default: pneumonia)"
    )
    command.add_argument(
        "--negative", metavar="NAME", help="with --labels of several classes: the one that is label 0, or '*' for all"
    )


def _add_model_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--model",
        metavar="MODEL",
        help="of those that come with the package: selected (default) or independent, which depends less on how an "
        "image was acquired; a model file; a record's file; or the name of an experiment that was run on this machine",
    )


def _share(text: str) -> float:
    value = _number(text)
    if not 0 < value < 1:
        percent = 1 < value < 100
        hint = f"; did you mean {value / 100:g}?" if percent else "; 0.5 is a half"
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1{hint}")
    return value


def _amount(text: str) -> float:
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0; give the number of GB")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


def _from_0(text: str) -> int:
    return _whole_number(text, 0)


def _from_1(text: str) -> int:
    return _whole_number(text, 1)


def _whole_number(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number; give one from {least}") from None
    if value < least:
        raise argparse.ArgumentTypeError(f"{text} is too small; give a whole number from {least}")
    return value


def _named(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError('"" is no path; name a file or a folder, "." for the current folder')
    return text


def _path(text: str) -> Path:
    return Path(_named(text))


def _predict(options: argparse.Namespace) -> int:
    from pneumo.inference.unfinished import is_unfinished, journal_path

    goes_on = is_unfinished(journal_path(options.csv, options.cam))
    if options.csv is not None:  # before PyTorch and the model are loaded
        check_replaceable(options.csv, options.overwrite or goes_on, wanted="file")
    if options.cam is not None:
        check_replaceable(options.cam, options.overwrite or goes_on, wanted="folder")
    with paused_collection():
        from pneumo.inference import load_model, predict_files

    model = load_model(options.model).at(
        threshold=options.threshold,
        sensitivity=options.sensitivity,
        error=None if options.coverage is None else 1 - options.coverage,
    )
    summary = predict_files(
        model,
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
    if not summary.read:
        return 1
    return 3 if summary.unreadable else 0


def _evaluate(options: argparse.Namespace) -> int:
    check_replaceable(options.report, options.overwrite, wanted="file")
    from pneumo.analysis import external_validation
    from pneumo.inference import evaluate_files
    from pneumo.inference.model import load_model
    from pneumo.reporting.evaluation_report import write_report
    from pneumo.reporting.formatting import format_interval
    from pneumo.reporting.tables import METRICS

    evaluation = evaluate_files(
        load_model(options.model),
        options.path,
        labels=options.labels,
        positive=options.positive,
        negative=options.negative,
    )
    metrics = external_validation.metrics(evaluation) if evaluation.has_both_classes else {}
    notices = external_validation.notices(evaluation, metrics) if metrics else []
    for problem in (*evaluation.notices, *notices, *evaluation.unreadable):
        print(f"pneumo: {_printable(problem)}", file=sys.stderr)
    print(write_report(evaluation, options.report, overwrite=options.overwrite))
    for name, interval in metrics.items():
        print(f"{METRICS[name]:<32} {format_interval(interval)}")
    return 3 if evaluation.unreadable else 0


def _train(options: argparse.Namespace) -> int:
    out = options.out or Path(f"{options.name or options.path.resolve().stem}-model")
    check_replaceable(out, options.overwrite, wanted="folder")
    from pneumo.experiments.allocator import disable_malloc_trim
    from pneumo.reporting.own_model import train_own_model

    disable_malloc_trim()  # this process trains and nothing else
    written = train_own_model(
        options.path,
        out,
        model=options.model,
        image_size=options.image_size,
        epochs=options.epochs,
        seed=options.seed,
        name=options.name,
        positive=options.positive,
        negative=options.negative,
        labels=options.labels,
        overwrite=options.overwrite,
    )
    for notice in written.notices:
        print(f"pneumo: warning: {notice}", file=sys.stderr)
    print(written)
    return 0


def _export(options: argparse.Namespace) -> int:
    check_replaceable(options.path, options.overwrite, wanted="file")
    from pneumo.inference import load_model
    from pneumo.inference.export import check_name, export_onnx

    check_name(options.path)  # before the model is loaded
    print(export_onnx(load_model(options.model), options.path, overwrite=options.overwrite))
    return 0


def _pack(options: argparse.Namespace) -> int:
    check_replaceable(options.path, options.overwrite, wanted="file")
    from pneumo.inference import pack

    print(pack(options.name, options.path, overwrite=options.overwrite))
    return 0


def _unpack(options: argparse.Namespace) -> int:
    from pneumo.inference.packing import unpack

    print("\n".join(map(str, unpack(options.model))))
    return 0


def _data_list(_options: argparse.Namespace) -> int:
    from pneumo.data import listing

    print("\n\n".join(_listed(row) for row in listing().to_dict("records")))
    return 0


def _data_show(options: argparse.Namespace) -> int:
    from pneumo.data import counts, load

    dataset = load(options.path, positive=options.positive, negative=options.negative, labels=options.labels)
    print(
        f"{dataset.name}: {len(dataset)} images, version {dataset.version}; "
        f"label 0 is {dataset.classes[0]}, label 1 {dataset.classes[1]}"
    )
    print(counts(dataset).to_markdown(index=False))
    for path, reason in dataset.passed_over:
        print(f"passed over: {_printable(path)} ({reason})")
    return 0


def _listed(row: dict[Any, str]) -> str:
    """A data set as a paragraph no wider than TERMINAL_COLUMNS, but for its path."""
    parts = [f"{part} {row[part]}" for part in ("train", "val", "test") if row[part]]
    images = f"images (class 0 + class 1): {', '.join(parts)}" if parts else ""
    lines = [row["title"], row["path"] or ("" if row["train"] else "not on this machine"), images, row["note"]]
    indented = [
        textwrap.fill(line, TERMINAL_COLUMNS, initial_indent="  ", subsequent_indent="  ", break_long_words=False)
        for line in lines
        if line
    ]
    return "\n".join([row["name"], *indented])


def _data_get(options: argparse.Namespace) -> int:
    from pneumo.data import get

    print(get(options.name, source=options.source))
    return 0


def _data_describe(options: argparse.Namespace) -> int:
    from pneumo.data import load
    from pneumo.data.croissant import write_croissant

    dataset = load(options.name, positive=options.positive, negative=options.negative, labels=options.labels)
    print(write_croissant(dataset, options.path, overwrite=options.overwrite))
    return 0


def _run(options: argparse.Namespace) -> int:
    from pneumo import experiments
    from pneumo.experiments import planning, records, runner
    from pneumo.experiments.allocator import disable_malloc_trim
    from pneumo.experiments.wording import duration_in_words

    chosen = [experiment for name in options.names for experiment in experiments.find_experiments(name)]
    todo = planning.plan(chosen, jobs=options.jobs)
    searched = " or ".join(map(str, records.folders()))
    time = duration_in_words(todo.total)
    counted = "1 experiment" if len(chosen) == 1 else f"{len(chosen)} experiments"
    print(f"{counted}, {len(todo.experiments)} without a record in {searched}: about {time}")
    if options.slurm is None:
        disable_malloc_trim()  # this process runs experiments and nothing else
        # joblib replaces a worker whose memory has grown, as after a large network. Nothing is lost by it.
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given", category=UserWarning)
        runner.run_all(chosen, jobs=options.jobs)
        return 0
    from pneumo.experiments import cluster

    jobs = cluster.run_on_slurm(
        chosen,
        partition=options.slurm or None,
        cpus=options.cpus,
        gpus=options.gpus,
        memory_gb=options.memory,
        account=options.account,
        qos=options.qos,
    )
    print("submitted: " + ", ".join(job.job_id for job in jobs))
    return 0


def _status(options: argparse.Namespace) -> int:
    if options.table is not None:
        check_replaceable(options.table, options.overwrite, wanted="file")
    from pneumo import experiments
    from pneumo.experiments import planning, records

    chosen = [experiment for name in options.names for experiment in experiments.find_experiments(name)]
    print(f"records are looked for in {' or '.join(map(str, records.folders()))}", file=sys.stderr)
    if options.names == ["all"]:
        chosen += experiments.own_experiments()
    if options.table is not None:
        from pneumo.analysis.records_table import records_table, write_table

        stored = [record for experiment in chosen if (record := records.find(experiment)) is not None]
        print(write_table(records_table(stored), options.table, overwrite=options.overwrite), file=sys.stderr)
    print(planning.status(chosen).to_markdown(index=False, floatfmt=".1f"))
    print(planning.status_in_words(chosen), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(program())
