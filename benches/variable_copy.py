"""One variable of a granule."""

QUESTION = 'one of two variables of 4000x8000 float32'
DATA = 'grid.nc'


def ours(data):
    return ['--variable=v00', data]


def peers(tools):
    return tools.available({
        'ncks': (tools.has('ncks'), lambda i, o: ['ncks', '-O', '-v', 'v00', i, o]),
        'nccopy': (tools.has('nccopy'), lambda i, o: ['nccopy', '-V', 'v00,lat,lon', i, o]),
    })


def check(data, outputs):
    from peers import check as checks
    checks.grid_box(data, outputs['ours'], -180, 180, -90, 90, ['v00'])
