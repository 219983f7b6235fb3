#!/bin/sh
# Transforms the sample granules in six ways and says where the results are.
set -eu
: "${BIN:?folder of the built programs}" "${OUT:=results}"
samples=samples
run() {
    title=$1
    shift
    printf '\n%s\n  harmony-transform %s\n' "$title" "$*"
    "$BIN/harmony-transform" --overwrite --output "$OUT/" "$@"
}
mkdir -p "$OUT"
run "Grid: two colours of a box across the antimeridian, one contiguous piece" \
    --bbox=140,-50,-120,20 --variable=red_var --variable=blue_var "$samples/2020_01_01_global.nc"
run "Shape: a polygon with a hole, masked outside" \
    --shape=testdata/shapes/africa_with_hole.geojson "$samples/2020_01_02_global.nc"
run "Projected grid: Svalbard and its surroundings on EASE-Grid 2.0" \
    --bbox=0,74,40,82 "$samples/ease2_north.nc4"
run "Swath: a box across the antimeridian, good samples only" \
    --bbox=170,-10,-170,10 --filter='quality_flag <= 1' "$samples/swath_antimeridian.nc4"
run "Trajectory: five minutes of altimetry" \
    --time=2021-01-01T00:00:00Z/2021-01-01T00:05:00Z "$samples/altimetry_groups.nc4"
run "Segmented trajectory: photons of the segments in a box, index rebased" \
    --bbox=90,0,100,10 "$samples/atl03_like.h5"
printf '\nThe results are in %s/. To see what a request would do, add --explain.\n' "$OUT"
