"""A study on a Slurm cluster: one worker a Slurm job, as many as there are GPUs to be had.

    python configs/cluster/slurm.py study.yaml /shared/records --jobs 8 --partition gpu

Run it on a login node (in tmux) or inside a small job of its own; if it is killed, run it again:
finished cells are kept. ``--script`` prints the job script that Slurm would get.
"""

from __future__ import annotations

import argparse
from typing import Any


def cluster(args: argparse.Namespace) -> Any:
    """The Dask cluster whose workers are Slurm jobs."""
    from dask_jobqueue import SLURMCluster

    gpu = [f"--gres=gpu:{args.gpus}"] if args.gpus else []
    return SLURMCluster(
        queue=args.partition,
        account=args.account,
        cores=1,
        processes=1,
        job_cpu=args.cpus,
        memory=args.memory,
        walltime=args.walltime,
        job_extra_directives=gpu,
        worker_extra_args=["--resources", f"GPU={args.gpus}"] if args.gpus else [],
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
    parser.add_argument("--gpus", type=int, default=1, help="per job; 0 for none")
    parser.add_argument("--cpus", type=int, default=4, help="per job")
    parser.add_argument("--memory", default="48GB", help="per job; see 'crosslingual study plan'")
    parser.add_argument("--walltime", default="12:00:00", help="per job")
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
