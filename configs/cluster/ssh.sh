#!/usr/bin/env bash
# A study on machines that can be reached by ssh. Each has this package in the same virtual
# environment path and sees the same folder of records (NFS, or an address such as s3://...).
#
#   configs/cluster/ssh.sh study.yaml /shared/records node1 node2 node3
#
# The first machine runs the scheduler too. One worker a GPU; GPUS=0 for machines without.
set -euo pipefail
if [ $# -lt 3 ]; then
  sed -n '2,8p' "$0"
  exit 2
fi
config=$1 records=$2
shift 2
venv=${VENV:-$PWD/.venv}
gpus=${GPUS:-1}
port=${PORT:-8786}
scheduler="tcp://$1:$port"
ssh=${SSH:-ssh}  # another program in its place for a trial
pids=()
# A program that ssh started lives on when ssh is killed, and would keep the GPU.
stop='import sys, distributed; distributed.Client(sys.argv[1], timeout=10).shutdown()'
trap '"$venv/bin/python" -c "$stop" "$scheduler" 2>/dev/null || true
  kill "${pids[@]}" 2>/dev/null || true' EXIT
# From the folder that this is called in, where machines share it, with what the library reads.
shell="cd $(printf %q "$PWD") 2>/dev/null; env"
for name in CROSSLINGUAL_DATA CROSSLINGUAL_TASKS CROSSLINGUAL_LEXICON HF_HOME; do
  if [ -n "${!name:-}" ]; then shell+=" $name=$(printf %q "${!name}")"; fi
done

# It ends itself, and its workers, where this script could not: ten minutes after the last work.
$ssh "$1" "$shell $venv/bin/dask scheduler --port $port --no-dashboard --idle-timeout 600s" &
pids+=($!)
for host in "$@"; do
  for ((gpu = 0; gpu < (gpus > 0 ? gpus : 1); gpu++)); do
    if [ "$gpus" -gt 0 ]; then
      offer="--resources GPU=1" see="CUDA_VISIBLE_DEVICES=$gpu"
    else
      offer="" see="OMP_NUM_THREADS=1"
    fi
    $ssh "$host" "$shell $see $venv/bin/dask worker $scheduler --nthreads 1 --no-dashboard \
      --death-timeout 60 $offer" &
    pids+=($!)
  done
done
ask=()
if [ "$gpus" -gt 0 ]; then ask=(--resources GPU=1); fi
"$venv/bin/crosslingual" study run --config "$config" --out "$records" \
  --scheduler "$scheduler" "${ask[@]}"
