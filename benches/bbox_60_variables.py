"""A box of 10 % of a granule with many variables."""

QUESTION = "box of 10 % of 60 variables of 1000x2000 float32 (16 chunks each)"
DATA = 'grid60.nc'
BOX = (-59.94, 53.82, -28.44, 28.44)  # lon0, lon1, lat0, lat1 on cell edges: 0.316 of each axis


def ours(data):
    lon0, lon1, lat0, lat1 = BOX
    return [f'--bbox={lon0},{lat0},{lon1},{lat1}', data]


def peers(tools):
    lon0, lon1, lat0, lat1 = BOX
    box = [str(v) for v in BOX]
    return tools.available({
        'ncks': (tools.has('ncks'), lambda i, o: ['ncks', '-O', '-d', f'lon,{lon0},{lon1}', '-d', f'lat,{lat0},{lat1}', i, o]),
        'xarray-netcdf4': (tools.imports('xarray, netCDF4'), lambda i, o: tools.script('xarray_subset.py', 'netcdf4', i, o, *box)),
    })


def check(data, outputs):
    from peers import check as checks
    for who, path in outputs.items():
        if who in ('ours', 'ncks', 'xarray-netcdf4'):
            checks.grid_box(data, path, *BOX)


