"""A box of whole chunks."""

QUESTION = 'a box of 6x12 whole chunks of 2 x 4000x8000 float32'
DATA = 'grid.nc'


def ours(data):
    return ['--subset=lat[500:3499]', '--subset=lon[1000:6999]', data]


def peers(tools):
    return tools.available({
        'ncks': (tools.has('ncks'), lambda i, o: ['ncks', '-O', '-d', 'lat,500,3499', '-d', 'lon,1000,6999', i, o]),
    })


def check(data, outputs):
    from peers import check as checks
    with checks.netCDF4.Dataset(data) as ds:
        ds.set_auto_maskandscale(False)
        ours = checks.read(outputs['ours'])
        for name in ('v00', 'v01'):
            assert ours[name].tobytes() == ds[name][500:3500, 1000:7000].tobytes(), name
