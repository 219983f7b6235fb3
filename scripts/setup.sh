#!/bin/sh
# Installs the Debian/Ubuntu packages that are missing; says what it does, and does nothing when all are there.
#
# The program itself is plain Rust and links none of them. GDAL and PROJ are loaded when a granule needs them (GeoTIFF,
# GRIB; map projections); the packages of their tools bring the libraries under every release's own name. ncdump and
# h5dump judge our writer in the tests.
set -eu
PACKAGES="build-essential pkg-config gdal-bin proj-bin proj-data netcdf-bin hdf5-tools"

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "setup: this is not Debian or Ubuntu; please install the equivalents of: $PACKAGES" >&2
    exit 0
fi
missing=""
for p in $PACKAGES; do
    dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
sudo=""
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "setup: please install as root:$missing" >&2; exit 1; }
    sudo="sudo"
fi
echo "setup: installing$missing"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
echo "setup: done"
