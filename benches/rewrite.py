"""A whole granule written again."""

QUESTION = 'the whole granule (2 x 4000x8000 float32) written again'
DATA = 'grid.nc'


def ours(data):
    return [data]


def peers(tools):
    return tools.available({
        'ncks': (tools.has('ncks'), lambda i, o: ['ncks', '-O', i, o]),
        'nccopy': (tools.has('nccopy'), lambda i, o: ['nccopy', i, o]),
    })


def check(data, outputs):
    from peers import check as checks
    checks.grid_box(data, outputs['ours'], -180, 180, -90, 90)
