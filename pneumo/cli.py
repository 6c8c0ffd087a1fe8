"""The package from a shell: `pneumo data`, `pneumo run`, `pneumo status`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import __version__
from .errors import PneumoError

# Each command imports what it needs when it runs, so that --help answers at once.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 done, 1 an error that was explained, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (PneumoError, OSError) as error:
        print(f"pneumo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pneumo: stopped; what was finished is kept, and the same command goes on from here", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pneumo",
        description="Chest radiographs of children, with and without pneumonia. Research only, not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"pneumo {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    data = commands.add_parser("data", help="what data sets are here, and how to get them")
    data_commands = data.add_subparsers(required=True, metavar="COMMAND")
    listing = data_commands.add_parser("list", help="each data set: where it is, and what is in it")
    listing.set_defaults(command=_data_list)
    get = data_commands.add_parser("get", help="download a data set from its publisher, with checksum and resume")
    get.add_argument("name", help="a name from `pneumo data list`")
    get.add_argument("--source", choices=("publisher", "kaggle"), default="publisher")
    get.set_defaults(command=_data_get)

    run = commands.add_parser("run", help="run experiments that have no record yet")
    run.add_argument("names", nargs="+", metavar="NAME", help="groups of experiments, see `pneumo status`; or all")
    run.add_argument("--jobs", type=int, default=1, help="experiments at a time; the threads are divided among them")
    run.set_defaults(command=_run)

    status = commands.add_parser("status", help="each experiment: recorded or missing, and how long it takes")
    status.add_argument("names", nargs="*", default=["all"], metavar="NAME")
    status.set_defaults(command=_status)
    return parser


def _data_list(_options: argparse.Namespace) -> int:
    from .data import listing

    print(listing().to_markdown(index=False))
    return 0


def _data_get(options: argparse.Namespace) -> int:
    from .data import get

    print(get(options.name, source=options.source))
    return 0


def _run(options: argparse.Namespace) -> int:
    from . import experiments, records, study

    chosen = [experiment for name in options.names for experiment in experiments.group(name)]
    missing = [experiment for experiment in chosen if records.find(experiment) is None]
    minutes = sum(experiment.minutes for experiment in missing)
    print(f"{len(chosen)} experiments, {len(missing)} without a record: about {minutes:.0f} min on 2 cores")
    study.run_all(missing, jobs=options.jobs)
    return 0


def _status(options: argparse.Namespace) -> int:
    from . import experiments, study

    chosen = [experiment for name in options.names for experiment in experiments.group(name)]
    print(study.status(chosen).to_markdown(index=False, floatfmt=".1f"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
