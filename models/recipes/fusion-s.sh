#!/usr/bin/env bash
# The weights fusion-s, with the joints that the hourglass-s of this version finds.
#
# DATA holds mocap_cmu17.npz and crops192.npz, and what synthetic-people.sh needs or has made. The
# weights are RUNS/fusion-s/fusion.safetensors. Three quarters of an hour on two cores; what was
# stopped goes on when the same command is given again.
set -euo pipefail
source "$(dirname "$0")/published.sh"
bash "$(dirname "$0")/synthetic-people.sh" "$data"

lift3d train fusion --shards "$data/people/train" --validation "$data/people/val" \
  --mocap "$data/mocap_cmu17.npz" --crops "$data/crops192.npz" --samples 64000 --found 30000 \
  --size landmarks --published "$blazepose" --checkpoint-every 16000 -o "$runs/fusion-s"
