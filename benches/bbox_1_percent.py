"""A box of 1 % of a granule."""

QUESTION = 'box of 1 % of 2 x 4000x8000 float32 (500x500 chunks, shuffle, deflate 4)'
DATA = 'grid.nc'
BOX = (9.99, 45.99, 30.015, 48.015)  # lon0, lon1, lat0, lat1 on cell edges: a tenth of each axis


def ours(data):
    lon0, lon1, lat0, lat1 = BOX
    return [f'--bbox={lon0},{lat0},{lon1},{lat1}', data]


def peers(tools):
    lon0, lon1, lat0, lat1 = BOX
    box = [str(v) for v in BOX]
    return tools.available({
        'ncks': (tools.has('ncks'), lambda i, o: ['ncks', '-O', '-d', f'lon,{lon0},{lon1}', '-d', f'lat,{lat0},{lat1}', i, o]),
        'cdo': (tools.has('cdo'), lambda i, o: ['cdo', '-O', '-s', '-z', 'zip_4', f'sellonlatbox,{lon0},{lon1},{lat0},{lat1}', i, o]),
        'xarray-netcdf4': (tools.imports('xarray, netCDF4'), lambda i, o: tools.script('xarray_subset.py', 'netcdf4', i, o, *box)),
    })


def check(data, outputs):
    from peers import check as checks
    for who, path in outputs.items():
        if who in ('ours', 'ncks', 'xarray-netcdf4'):
            checks.grid_box(data, path, *BOX)


