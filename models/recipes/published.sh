# What recipes that begin with published networks share; sourced with their arguments, DATA [RUNS].
#
# Sets $data, $runs and $blazepose, and fetches that into DATA unless it is there. Reading it needs
# the extra: pip install '.[blazepose]'.
data=${1:?usage: bash models/recipes/$(basename "$0") DATA [RUNS]}
runs=${2:-runs}

get() { # fetches a package into DATA unless it is there
  local file=$data/${1##*/}
  if [ ! -f "$file" ]; then
    curl -fL -o "$file.part" "$1"
    mv "$file.part" "$file"
  fi
}

blazepose=$data/pose-0.5.1675469404.tgz
get https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz
