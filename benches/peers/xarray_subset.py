"""xarray_subset.py ENGINE IN OUT LON0 LON1 LAT0 LAT1: box of a grid, written with deflate 4 and shuffle."""
import sys

import xarray as xr

engine, source, target, *box = sys.argv[1:]
lon0, lon1, lat0, lat1 = map(float, box)
with xr.open_dataset(source, engine=engine, mask_and_scale=False, decode_times=False) as ds:
    part = ds.sel(lon=slice(lon0, lon1), lat=slice(lat0, lat1))
    encoding = {v: {'zlib': True, 'complevel': 4, 'shuffle': True, 'chunksizes': None} for v in part.data_vars}
    for v in encoding:
        chunks = part[v].encoding.get('chunksizes') or part[v].shape
        encoding[v]['chunksizes'] = tuple(min(c, n) for c, n in zip(chunks, part[v].shape))
    part.to_netcdf(target, engine=engine, encoding=encoding)
