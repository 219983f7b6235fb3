"""xarray_segments.py IN OUT W S E N: the same selection with xarray (netCDF4 engine)."""
import sys

import netCDF4
import numpy as np
import xarray as xr

source, target, *box = sys.argv[1:]
w, s, e, n = map(float, box)
with netCDF4.Dataset(source) as f:
    beams = [b for b in f.groups if 'geolocation' in f.groups[b].groups]
mode = 'w'
for beam in beams:
    g = xr.open_dataset(source, group=f'{beam}/geolocation', decode_cf=False)
    keep = ((g.reference_photon_lon >= w) & (g.reference_photon_lon <= e)
            & (g.reference_photon_lat >= s) & (g.reference_photon_lat <= n)).values
    if not keep.any():
        continue
    h = xr.open_dataset(source, group=f'{beam}/heights', decode_cf=False)
    begin, count = g.ph_index_beg.values, g.segment_ph_cnt.values
    photons = np.zeros(h.sizes[next(iter(h.sizes))], bool)
    for b, c in zip(begin[keep], count[keep]):
        if b > 0:
            photons[b - 1:b - 1 + c] = True
    for name, ds, mask in (('geolocation', g, keep), ('heights', h, photons)):
        part = ds.isel({next(iter(ds.sizes)): np.flatnonzero(mask)})
        encoding = {v: {'zlib': True, 'complevel': 4, 'shuffle': True} for v in part.data_vars}
        part.to_netcdf(target, mode=mode, group=f'{beam}/{name}', encoding=encoding)
        mode = 'a'
