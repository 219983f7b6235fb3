"""Writes a swath of 3000 x 3000 samples, about a kilometre apart, tilted against the meridians."""
import sys

import netCDF4
import numpy as np

n = 3000
row, col = np.mgrid[0:n, 0:n].astype('f8')
along, across = (row - n / 2) * 0.0085, (col - n / 2) * 0.0085
lat = 43 + along * np.cos(0.2) - across * np.sin(0.2)
lon = (along * np.sin(0.2) + across * np.cos(0.2)) / np.cos(np.radians(np.clip(lat, -80, 80)))
value = (280 + 10 * np.sin(row / 200) * np.cos(col / 150)).astype('f4')
value[(np.sin(row / 90) * np.cos(col / 70)) > 0.8] = -9999
with netCDF4.Dataset(sys.argv[1], 'w') as ds:
    ds.createDimension('row', n)
    ds.createDimension('col', n)
    for name, data, units in (('lat', lat.astype('f4'), 'degrees_north'), ('lon', lon.astype('f4'), 'degrees_east')):
        v = ds.createVariable(name, 'f4', ('row', 'col'), zlib=True, complevel=1, chunksizes=(500, 500))
        v.units = units
        v[:] = data
    v = ds.createVariable('v', 'f4', ('row', 'col'), zlib=True, complevel=1, chunksizes=(500, 500), fill_value=-9999)
    v.coordinates = 'lat lon'
    v[:] = value
