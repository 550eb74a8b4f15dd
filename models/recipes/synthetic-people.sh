#!/usr/bin/env bash
# Synthetic people, 30,000 to train on and the fixed set of other subjects to validate with.
#
# DATA holds photos448.npz, mocap_cmu17.npz and body_makehuman.npz; the people come into
# DATA/people/train and DATA/people/val, which are there once they are complete. Half an hour on two
# cores; what was stopped goes on when the same command is given again.
set -euo pipefail
data=${1:?usage: bash models/recipes/synthetic-people.sh DATA}
known=(--mocap "$data/mocap_cmu17.npz" --body "$data/body_makehuman.npz")

make() { # a folder below DATA, then the command that fills it
  local folder=$data/$1
  shift
  if [ ! -d "$folder" ]; then
    "$@" -o "$folder.part"
    mv "$folder.part" "$folder"
  fi
}

rm -rf "$data"/backgrounds/*.part # they do not go on
make backgrounds/train lift3d data backgrounds "$data/photos448.npz"
make backgrounds/val lift3d data backgrounds "$data/photos448.npz" --split validation
make people/val lift3d data synthesize --validation --workers 2 "${known[@]}" \
  --backgrounds "$data/backgrounds/val"
make people/train lift3d data synthesize -n 30000 --size 192 --workers 2 "${known[@]}" \
  --backgrounds "$data/backgrounds/train"
