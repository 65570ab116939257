"""The scripts for ssh, Slurm and Kubernetes, as far as they can be tried without those."""

import json
import os
import runpy
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest
import yaml

from crosslingual.record_store import read_records
from crosslingual.running import run_study
from crosslingual.study_config import load_config

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "configs" / "cluster"


@pytest.mark.slow
def test_ssh_starts_a_cluster_and_runs_the_study(tmp_path, tiny_folder) -> None:
    """With a program in ssh's place that runs the command on this machine.

    As of ssh's, what it started lives on when it is killed; the script has to end it.
    """
    fake = tmp_path / "fake-ssh"
    fake.write_text('#!/bin/bash\nshift\nsetsid env -i HOME="$HOME" bash -c "$*" & wait\n')
    fake.chmod(0o755)
    config = {
        "model": str(tiny_folder), "tasks": ["intents"], "sources": ["de", "en"],
        "train_limit": 16, "test_limit": 8,
        "train": {"recipe": "small", "epochs": 1, "precision": "fp32"},
    }  # fmt: skip
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(config))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "SSH": str(fake), "GPUS": "0", "PORT": str(port),
        "VENV": str(Path(sys.executable).parent.parent), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    out = tmp_path / "records"
    command = [str(FOLDER / "ssh.sh"), str(tmp_path / "study.yaml"), str(out), "127.0.0.1",
               "127.0.0.1"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "4 cells (4 measured, 0 read)" in done.stdout
    here = run_study(config, tmp_path / "here", workers=0, progress=False)
    assert sorted(r.score for r in read_records(out)) == sorted(here.scores["score"])
    deadline = time.monotonic() + 30
    while (left := _processes(f":{port}")) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not left


def _processes(words: str) -> list[str]:
    """Command lines on this machine that hold some words."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            found.append(place.read_bytes().replace(b"\0", b" ").decode())
    return [line for line in found if words in line and "dask" in line]


def test_ssh_says_how_it_is_called() -> None:
    done = subprocess.run([FOLDER / "ssh.sh"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "configs/cluster/ssh.sh study.yaml" in done.stdout


def test_slurm_asks_for_what_the_command_line_says() -> None:
    """dask-jobqueue writes the script that sbatch would get."""
    script = runpy.run_path(str(FOLDER / "slurm.py"))
    args = script["arguments"](
        ["s.yaml", "/r", "--partition", "gpu", "--gpus", "1", "--memory", "64GB",
         "--walltime", "03:00:00", "--interface", "lo"]
    )  # fmt: skip
    with script["cluster"](args) as made:
        lines = made.job_script().splitlines()
    assert "#SBATCH -p gpu" in lines
    assert "#SBATCH --gres=gpu:1" in lines
    assert "#SBATCH -t 03:00:00" in lines
    assert "export OMP_NUM_THREADS=1" in lines
    (command,) = (line for line in lines if "dask_worker" in line)
    assert "--resources GPU=1" in command
    assert "--nthreads 1 " in command
    assert f"--lifetime {3 * 3600 - 300}s" in command  # it leaves before it is ended


def test_slurm_refuses_what_it_cannot_use(capsys) -> None:
    """A second GPU would lie idle; of a time that cannot be read Slurm would say so hours later."""
    script = runpy.run_path(str(FOLDER / "slurm.py"))
    for asked in (["--gpus", "2"], ["--walltime", "3 hours"]):
        with pytest.raises(SystemExit):
            script["arguments"](["s.yaml", "/r", *asked])
        assert asked[1] in capsys.readouterr().err
    assert script["seconds"]("1-02:03:04") == 93784


def fits(value, kind: str, where: str = "") -> list[str]:
    """Keys of a manifest that the Kubernetes API, as its own client describes it, has not."""
    from kubernetes.client import models

    wrong: list[str] = []
    if kind.lower().startswith("list["):
        for i, item in enumerate(value):
            wrong += fits(item, kind[5:-1], f"{where}[{i}]")
    elif (model := getattr(models, kind, None)) is not None and hasattr(model, "attribute_map"):
        known = {theirs: ours for ours, theirs in model.attribute_map.items()}
        for key, item in value.items():
            if key not in known:
                wrong.append(f"{where}.{key}")
            else:
                wrong += fits(item, model.openapi_types[known[key]], f"{where}.{key}")
    elif kind == "str" and not isinstance(value, str):
        wrong.append(f"{where}: {value!r} is no string")
    elif kind == "int" and not isinstance(value, int):
        wrong.append(f"{where}: {value!r} is no number")
    return wrong


def test_kubernetes_manifests_fit_the_published_schemas() -> None:
    """Oracles: the operator's definition of a Dask cluster, and Kubernetes' client for the rest."""
    dask_kubernetes = pytest.importorskip(
        "dask_kubernetes", reason="pip install 'crosslingual[kubernetes]', as .ci/run does"
    )
    place = Path(dask_kubernetes.__file__).parent / "operator" / "customresources"
    definition = yaml.safe_load((place / "daskcluster.yaml").read_text())
    templates = yaml.safe_load((place / "templates.yaml").read_text())

    def resolved(schema):
        """Definitions in place of references; what Kubernetes defines itself is left open."""
        if isinstance(schema, dict):
            name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
            if name in templates["definitions"]:
                return resolved(templates["definitions"][name])
            return {} if name else {k: resolved(v) for k, v in schema.items()}
        return schema

    version = definition["spec"]["versions"][0]
    schema = resolved(templates["definitions"]["dask.k8s.api.v1.DaskCluster"])
    cluster, settings, job = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text())
    assert cluster["apiVersion"] == f"{definition['spec']['group']}/{version['name']}"
    jsonschema.validate(cluster, schema)
    for part in ("worker", "scheduler"):
        assert fits(cluster["spec"][part]["spec"], "V1PodSpec") == []
    assert fits(cluster["spec"]["scheduler"]["service"], "V1ServiceSpec") == []
    assert fits(settings, "V1ConfigMap") == []
    assert fits(job, "V1Job") == []
    broken = json.loads(json.dumps(cluster))
    broken["spec"]["worker"]["replicas"] = "four"
    with pytest.raises(jsonschema.ValidationError, match="'four' is not of type 'integer'"):
        jsonschema.validate(broken, schema)
    broken["spec"]["worker"]["spec"]["containers"][0]["comand"] = []
    assert fits(broken["spec"]["worker"]["spec"], "V1PodSpec") == [".containers[0].comand"]
    assert cluster["spec"]["idleTimeout"] > 0  # 0, the default, pays for idle GPUs for ever
    # What the pieces say of each other.
    study = load_config(yaml.safe_load(settings["data"]["study.yaml"]))
    assert study.train.optimiser == "adafactor"
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    name = cluster["metadata"]["name"]
    assert f"--scheduler=tcp://{name}-scheduler:8786" in arguments
    selector = cluster["spec"]["scheduler"]["service"]["selector"]
    assert selector["dask.org/cluster-name"] == name
    volume = job["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
    assert volume == settings["metadata"]["name"]
    worker = cluster["spec"]["worker"]["spec"]["containers"][0]
    assert "GPU=1" in worker["args"]
    assert "--resources=GPU=1" in arguments
