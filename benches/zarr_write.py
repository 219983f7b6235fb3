"""NetCDF to Zarr, against zarr-python with the same codecs and chunks."""

QUESTION = 'one 4000x8000 float32 variable to Zarr in chunks of 500x500'
DATA = 'grid.nc'
SUFFIX = '.zarr'
VARIANTS = ['v2-gzip', 'v3-gzip', 'v3-zstd']


def ours(variant, data):
    version, codec = variant.split('-')
    level = {'gzip': 5, 'zstd': 3}[codec]
    return ['-v', 'v00', '--format', 'zarr2' if version == 'v2' else 'zarr', '--chunk=lat=500', '--chunk=lon=500',
            f'--compression={codec}', f'--level={level}', data]


def peers(variant, tools):
    return tools.available({
        'zarr-python': (tools.imports('zarr, netCDF4'), lambda i, o: tools.script('zarr_write.py', i, o, *variant.split('-'))),
    })


def check(variant, data, outputs):
    import netCDF4
    import numpy as np
    import zarr
    with netCDF4.Dataset(data) as ds:
        ds.set_auto_maskandscale(False)
        expected = ds['v00'][:]
    for path in outputs.values():
        assert np.array_equal(zarr.open_group(path, mode='r')['v00'][:], expected), path
