#!/usr/bin/env bash
# The weights hourglass-m, in five trainings, each from the weights of the one before.
#
# DATA holds crops192.npz and photos448.npz, and what synthetic-people.sh needs or has made. The
# last training's weights are RUNS/hourglass-m/hourglass.safetensors. Four hours on two cores; what
# was stopped goes on when the same command is given again.
set -euo pipefail
source "$(dirname "$0")/hourglass.sh"
encoder=blazepose-heavy
again=(--synthetic "$people" --encoder-rate 0.03 --upright 0.7)

train m1 "" --synthetic "$people" --published "$blazepose" --encoder-rate 0.02 \
  --phases 192:48000,256:76000
train m2 m1 --rate 1e-3 --phases 192:60000,256:110000
train m3 m2 --rate 4e-4 --phases 256:32000 --expert "$movenet"
train m4 m3 --rate 4e-4 --phases 256:16000 --expert "$movenet" --placed 0.5 --sport 0.4
train hourglass-m m4 --rate 6e-4 --phases 256:60000 --expert "$movenet" --placed 0.5 --sport 0.4
