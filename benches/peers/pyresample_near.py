"""Nearest neighbour by pyresample's k-d tree; two OpenMP threads."""
import os
import sys

os.environ.setdefault('OMP_NUM_THREADS', '2')
import netCDF4  # noqa: E402
import numpy as np  # noqa: E402
from pyresample import geometry, kd_tree  # noqa: E402

source, target, *extent = sys.argv[1:]
west, south, east, north = map(float, extent)
with netCDF4.Dataset(source) as ds:
    lat, lon, value = ds['lat'][:], ds['lon'][:], ds['v'][:]
swath = geometry.SwathDefinition(lons=lon, lats=lat)
area = geometry.AreaDefinition('a', 'a', 'a', 'EPSG:4326', 4000, 2600, (west, south, east, north))
out = kd_tree.resample_nearest(swath, value, area, radius_of_influence=2000, epsilon=0, fill_value=None)
with netCDF4.Dataset(target, 'w') as ds:
    ds.createDimension('lat', 2600)
    ds.createDimension('lon', 4000)
    v = ds.createVariable('v', 'f4', ('lat', 'lon'), zlib=True, complevel=4, shuffle=True, fill_value=np.float32(-9999))
    v[:] = out
