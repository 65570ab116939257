"""A study on a Slurm cluster: one worker a Slurm job, as many as there are GPUs to be had.

    python configs/cluster/slurm.py study.yaml /shared/records --jobs 8 --partition gpu

Run it on a login node (in tmux) or inside a small job of its own; if it is killed, run it again:
finished cells are kept. ``--script`` prints the job script that Slurm would get.
"""

from __future__ import annotations

import argparse
import re
from typing import Any

AHEAD = 300  # seconds before a Slurm job is ended at which its worker hands its cell on


def seconds(walltime: str) -> int:
    """Seconds of Slurm's D-HH:MM:SS or HH:MM:SS."""
    told = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)", walltime)
    if told is None:
        raise argparse.ArgumentTypeError(f"{walltime!r} is no HH:MM:SS or D-HH:MM:SS")
    days, hours, minutes, rest = (int(part or 0) for part in told.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + rest


def walltime(text: str) -> str:
    """The text, if it is one."""
    seconds(text)
    return text


def cluster(args: argparse.Namespace) -> Any:
    """The Dask cluster whose workers are Slurm jobs."""
    from dask_jobqueue import SLURMCluster

    # A worker that Slurm ends looks as if the cell had killed it, and four times are too often;
    # one that leaves by itself hands its cell to another, which goes on where it was.
    extra = ["--lifetime", f"{max(seconds(args.walltime) - AHEAD, 60)}s"]
    if args.gpus:
        extra += ["--resources", "GPU=1"]
    return SLURMCluster(
        queue=args.partition,
        account=args.account,
        cores=1,
        processes=1,
        job_cpu=args.cpus,
        memory=args.memory,
        walltime=args.walltime,
        job_extra_directives=["--gres=gpu:1"] if args.gpus else [],
        worker_extra_args=extra,
        job_script_prologue=["export OMP_NUM_THREADS=1", "export TOKENIZERS_PARALLELISM=false"],
        interface=args.interface,
        scheduler_options={"dashboard_address": None},
    )


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", help="YAML file of the study")
    parser.add_argument("records", help="folder on a shared disk, or an fsspec address")
    parser.add_argument("--jobs", type=int, default=4, help="Slurm jobs at a time")
    parser.add_argument("--partition", help="of the cluster")
    parser.add_argument("--account", help="to charge")
    parser.add_argument(
        "--gpus", type=int, choices=(0, 1), default=1, help="per job, which is one worker"
    )
    parser.add_argument("--cpus", type=int, default=4, help="per job")
    parser.add_argument("--memory", default="48GB", help="per job; see 'crosslingual study plan'")
    parser.add_argument("--walltime", type=walltime, default="12:00:00", help="per job")
    parser.add_argument("--interface", help="network interface, such as ib0")
    parser.add_argument("--script", action="store_true", help="print the job script and stop")
    return parser.parse_args(given)


def main() -> None:
    """Start the workers, run the study, end them."""
    args = arguments()
    made = cluster(args)
    if args.script:
        print(made.job_script())
        return
    made.adapt(minimum=1, maximum=args.jobs)
    from crosslingual import run_study

    needs = {"GPU": 1} if args.gpus else None
    queue = float("inf")  # jobs may have to queue for hours
    print(run_study(args.config, args.records, made.scheduler_address, resources=needs, wait=queue))


if __name__ == "__main__":
    main()
