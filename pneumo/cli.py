"""The package from a shell: `pneumo predict`, `pneumo data`, `pneumo run` and others, see `pneumo --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pneumo import __version__
from pneumo.errors import PneumoError

# Each command imports what it needs when it runs, so that --help answers at once.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0 done, 1 an error that was explained, 2 wrong usage, 3 predicted, but for files that could not be read.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (PneumoError, OSError) as error:
        print(f"pneumo: {_printable(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pneumo: stopped; what was finished is kept, and the same command goes on from here", file=sys.stderr)
        return 130


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
    listing.set_defaults(command=_data_list)
    show = data_commands.add_parser(
        "show", help="what is in a folder or zip archive of your own, before you train on it"
    )
    show.add_argument("path", metavar="FOLDER|ZIP", help="class folders inside give the labels, or --labels does")
    _add_class_options(show)
    show.set_defaults(command=_data_show)
    get = data_commands.add_parser("get", help="download a data set from its publisher, with checksum and resume")
    get.add_argument("name", help="a name from `pneumo data list`")
    get.add_argument("--source", choices=("publisher", "kaggle"), default="publisher")
    get.set_defaults(command=_data_get)

    run = commands.add_parser("run", help="run experiments that have no record yet")
    run.add_argument(
        "names", nargs="+", metavar="NAME", help="experiments (see `pneumo status`), comparisons, chapters, or: all"
    )
    run.add_argument("--jobs", type=int, default=1, help="experiments at a time; the threads are divided among them")
    run.add_argument(
        "--slurm", nargs="?", const="", metavar="PARTITION", help="submit them to a cluster (extra: slurm) and return"
    )
    run.set_defaults(command=_run)

    status = commands.add_parser("status", help="each experiment: recorded or missing, and how long it takes")
    status.add_argument("names", nargs="*", default=["all"], metavar="NAME")
    status.set_defaults(command=_status)
    return parser


def _add_model_commands(commands: argparse._SubParsersAction) -> None:
    predict = commands.add_parser(
        "predict",
        help="the probability of pneumonia in your own radiographs",
        description="Research only, not a medical device. Reads JPEG, PNG, DICOM and other image files (TIFF, BMP, "
        "GIF, WebP, JPEG 2000, PNM), told by their content, and prints a row for each: probability of pneumonia, "
        "decision at the model's threshold, and a warning where the image is "
        "unlike those that the model learnt from.",
        epilog="Exit status: 0 all files were read; 3 some could not be, which stderr names, and the others were read; "
        "1 another error.",
    )
    predict.add_argument("paths", nargs="+", metavar="FILE|FOLDER|ZIP", help="folders with all below them")
    predict.add_argument("--csv", type=Path, metavar="FILE", help="also write a table for spreadsheets")
    predict.add_argument("--cam", type=Path, metavar="FOLDER", help="also draw where the model looked: a PNG an image")
    predict.add_argument("--overwrite", action="store_true", help="replace what --csv and --cam find there")
    _add_model_option(predict)
    predict.set_defaults(command=_predict)

    evaluate = commands.add_parser(
        "evaluate",
        help="how a model does on your own radiographs, labelled or not: a report as one HTML file",
        description="Research only, not a medical device. Predicts every radiograph of a folder or zip archive. With "
        "labels, reports AUC and rates with 95 % intervals, calibration, results by height of the files, and the "
        "threshold that these images would choose; without, what can be said. Nothing is fitted to the images.",
    )
    evaluate.add_argument("path", type=Path, metavar="FOLDER|ZIP", help="class folders inside give the labels")
    _add_class_options(evaluate)
    evaluate.add_argument(
        "--report", type=Path, default=Path("evaluation.html"), metavar="FILE.html", help="default: %(default)s"
    )
    evaluate.add_argument("--overwrite", action="store_true", help="replace the report that is there")
    _add_model_option(evaluate)
    evaluate.set_defaults(command=_evaluate)

    export = commands.add_parser("export", help="write a model as ONNX, for programs that are not Python")
    export.add_argument("path", type=Path, metavar="FILE.onnx")
    _add_model_option(export)
    export.set_defaults(command=_export)

    pack = commands.add_parser("pack", help="write the model file of an experiment that was run on this machine")
    pack.add_argument("name", metavar="NAME", help="of one experiment, as `pneumo status` prints it")
    pack.add_argument("path", type=Path, metavar="FILE")
    pack.set_defaults(command=_pack)


def _add_class_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="a table with the columns image, label and, if known, patient; or as NIH, RSNA, CheXpert or VinDr give it",
    )
    command.add_argument(
        "--positive", default="pneumonia", metavar="NAME", help="the class that is label 1 (default: %(default)s)"
    )
    command.add_argument(
        "--negative", metavar="NAME", help="with --labels of several classes: the one that is label 0, or '*' for all"
    )


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
        load_model(options.model),
        options.path,
        labels=options.labels,
        positive=options.positive,
        negative=options.negative,
    )
    for problem in (*evaluation.notices, *evaluation.unreadable):
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
