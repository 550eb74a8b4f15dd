#!/usr/bin/env bash
# Synthetic people, 30,000 to train on and the fixed set of other subjects to validate with.
#
# DATA holds photos448.npz, mocap_cmu17.npz and body_makehuman.npz; the people come into
# DATA/people/train and DATA/people/val. Half an hour on two cores.
set -euo pipefail
data=${1:?usage: bash models/recipes/synthetic-people.sh DATA}
made=(--mocap "$data/mocap_cmu17.npz" --body "$data/body_makehuman.npz")

lift3d data backgrounds "$data/photos448.npz" -o "$data/backgrounds/train"
lift3d data backgrounds "$data/photos448.npz" --split validation -o "$data/backgrounds/val"
lift3d data synthesize --validation "${made[@]}" --backgrounds "$data/backgrounds/val" \
  -o "$data/people/val"
lift3d data synthesize -n 30000 --size 192 "${made[@]}" \
  --backgrounds "$data/backgrounds/train" -o "$data/people/train"
