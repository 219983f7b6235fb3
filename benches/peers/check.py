"""Checks of outputs: the same values as a plain numpy selection from the input."""
import netCDF4
import numpy as np


def read(path, variables=None):
    out = {}
    with netCDF4.Dataset(path) as ds:
        ds.set_auto_maskandscale(False)
        for name, v in ds.variables.items():
            if variables is None or name in variables:
                out[name] = v[...]
    return out


def grid_box(data, output, lon0, lon1, lat0, lat1, names=None):
    """Every variable of a lat-lon grid equals the input's cells whose centres lie in the box."""
    with netCDF4.Dataset(data) as ds:
        ds.set_auto_maskandscale(False)
        lat, lon = ds['lat'][:], ds['lon'][:]
        rows = np.flatnonzero((lat >= lat0) & (lat <= lat1))
        cols = np.flatnonzero((lon >= lon0) & (lon <= lon1))
        ours = read(output)
        for name, v in ds.variables.items():
            if v.ndim != 2 or (names and name not in names):
                continue
            expected = v[rows[0]:rows[-1] + 1, cols[0]:cols[-1] + 1]
            assert ours[name].shape == expected.shape, (output, name, ours[name].shape, expected.shape)
            assert ours[name].tobytes() == expected.tobytes(), f'{output}: {name} differs'
