"""A swath to a grid by nearest neighbour."""
from pathlib import Path

QUESTION = 'swath 3000x3000 float32 to 4000x2600 cells of 0.01 degrees, radius 2 km'
DATA = 'swath.nc'
EXTENT = (-20.0, 30.0, 20.0, 56.0)


def prepare(data, tools):
    import subprocess
    subprocess.run(tools.script('make_swath.py', data), check=True)


def ours(data):
    return ['--crs=EPSG:4326', '--scale-extent=' + ','.join(map(str, EXTENT)), '--width=4000', '--height=2600',
            '--interpolation=near', '--search-radius=2000', data]


def peers(tools):
    return tools.available({
        'pyresample': (tools.imports('pyresample, netCDF4'), lambda i, o: tools.script('pyresample_near.py', i, o, *EXTENT)),
    })


def check(data, outputs):
    import netCDF4
    import numpy as np
    if 'pyresample' not in outputs:
        return
    with netCDF4.Dataset(outputs['ours']) as a, netCDF4.Dataset(outputs['pyresample']) as b:
        ours, theirs = a['v'][:], b['v'][:]
    differ = np.count_nonzero(np.ma.getmaskarray(ours) != np.ma.getmaskarray(theirs))
    assert differ < 1e-4 * ours.size, f'{differ} cells are valid in one only'
    both = ~(np.ma.getmaskarray(ours) | np.ma.getmaskarray(theirs))
    other = np.count_nonzero(ours.data[both] != theirs.data[both])
    assert other < 0.01 * both.sum(), f'{other} of {both.sum()} cells have another neighbour'
