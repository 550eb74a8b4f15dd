#!/usr/bin/env bash
# The weights hourglass-m, in four trainings, each from the weights of the one before.
#
# DATA holds crops192.npz and photos448.npz, and what synthetic-people.sh needs or has made. The
# last training's weights are RUNS/hourglass-m/hourglass.safetensors. Three hours on two cores; what
# was stopped goes on when the same command is given again.
set -euo pipefail
data=${1:?usage: bash models/recipes/hourglass-m.sh DATA [RUNS]}
runs=${2:-runs}
source "$(dirname "$0")/published.sh"
[ -d "$data/people/train" ] || bash "$(dirname "$0")/synthetic-people.sh" "$data"

train() { # run, the run before, and the options that are its own
  local run=$1 before=$2
  shift 2
  lift3d train hourglass --crops "$data/crops192.npz" --photos "$data/photos448.npz" \
    --synthetic "$data/people/train" \
    ${before:+--start-from "$runs/$before/hourglass.safetensors" --encoder-rate 0.03 --upright 0.7} \
    --encoder blazepose-heavy -o "$runs/$run" "$@"
}

train m1 "" --published "$blazepose" --encoder-rate 0.02 --phases 192:48000,256:76000
train m2 m1 --rate 1e-3 --phases 192:60000,256:110000
train m3 m2 --rate 4e-4 --phases 256:32000 --expert "$movenet"
train hourglass-m m3 --rate 4e-4 --phases 256:16000 --expert "$movenet" --placed 0.5 --sport 0.4
