#!/usr/bin/env bash
# The weights hourglass-s, in seven trainings, each from the weights of the one before.
#
# DATA holds crops192.npz and photos448.npz, and what synthetic-people.sh needs or has made. The
# last training's weights are RUNS/hourglass-s/hourglass.safetensors. Four hours on two cores; what
# was stopped goes on when the same command is given again.
set -euo pipefail
source "$(dirname "$0")/hourglass.sh"
encoder=blazepose
again=(--synthetic "$people")

train s1 "" --published "$blazepose" --phases 192:100000,256:180000
train s2 s1 --rate 8e-4 --phases 256:64000
train s3 s2 --rate 1.2e-3 --phases 256:172000 --stacks 2
train s4 s3 --rate 4e-4 --phases 256:19200
train s5 s4 --rate 4e-4 --phases 256:32000 --expert "$movenet"
train s6 s5 --rate 4e-4 --phases 256:40000 --expert "$movenet" --placed 0.5 --sport 0.4
train hourglass-s s6 --rate 4e-4 --phases 256:20000 --expert "$movenet" --placed 0.6 --sport 0.3
