"""Writes fifty granules of one time step each."""
import sys
from pathlib import Path

import netCDF4
import numpy as np

folder = Path(sys.argv[1])
temporary = folder.with_name(folder.name + '.part')
temporary.mkdir(exist_ok=True)
y, x = np.mgrid[0:500, 0:1000].astype('f4')
for i in range(50):
    with netCDF4.Dataset(temporary / f'step_{i:02}.nc', 'w') as ds:
        ds.createDimension('time', None)
        ds.createDimension('lat', 500)
        ds.createDimension('lon', 1000)
        t = ds.createVariable('time', 'f8', ('time',))
        t.units = 'days since 2020-01-01'
        t[:] = [i]
        for name, values, units in (('lat', np.linspace(-89.8, 89.8, 500), 'degrees_north'),
                                    ('lon', np.linspace(-179.8, 179.8, 1000), 'degrees_east')):
            v = ds.createVariable(name, 'f8', (name,))
            v.units = units
            v[:] = values
        noise = np.random.default_rng(i).integers(0, 64, (500, 1000))
        for k, name in enumerate('ab'):
            v = ds.createVariable(name, 'f4', ('time', 'lat', 'lon'), zlib=True, complevel=4, shuffle=True,
                                  fill_value=-9999, chunksizes=(1, 250, 500))
            v[0] = np.round(280 + 10 * np.sin(y / 60 + i + k) * np.cos(x / 90) + noise * 0.001, 3)
temporary.rename(folder)
