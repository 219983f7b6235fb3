"""A granule far larger than memory allowed."""

QUESTION = 'box of half of a granule of 4 GiB, values encoded again'
DATA = 'large.nc'
LIMITS = {'mib': 300}


def ours(data):
    return ['--subset=lat[1:16000]', '--subset=lon[1:32000]', data]


def peers(tools):
    return {}


def check(data, outputs):
    from peers import check as checks
    with checks.netCDF4.Dataset(data) as a, checks.netCDF4.Dataset(outputs['ours']) as b:
        for row in (0, 7999, 15999):
            assert (a['v00'][row + 1, 1:32001] == b['v00'][row, :]).all()
