"""A box of 10 % of a granule."""

QUESTION = 'box of 10 % of 2 x 4000x8000 float32 (500x500 chunks, shuffle, deflate 4)'
DATA = 'grid.nc'
BOX = (-59.985, 53.82, -28.44, 28.44)  # lon0, lon1, lat0, lat1 on cell edges: 0.316 of each axis


def ours(data):
    lon0, lon1, lat0, lat1 = BOX
    return [f'--bbox={lon0},{lat0},{lon1},{lat1}', data]


def peers(tools):
    lon0, lon1, lat0, lat1 = BOX
    box = [str(v) for v in BOX]
    return tools.available({
        'ncks': (tools.has('ncks'), lambda i, o: ['ncks', '-O', '-d', f'lon,{lon0},{lon1}', '-d', f'lat,{lat0},{lat1}', i, o]),
        'cdo': (tools.has('cdo'), lambda i, o: ['cdo', '-O', '-s', '-z', 'zip_4', f'sellonlatbox,{lon0},{lon1},{lat0},{lat1}', i, o]),
        'gdal_translate(1 var)': (tools.has('gdal_translate'), lambda i, o: [
            'gdal_translate', '-q', '-of', 'netCDF', '-co', 'COMPRESS=DEFLATE', '-co', 'ZLEVEL=4', '-co', 'FORMAT=NC4',
            '-projwin', lon0, lat1, lon1, lat0, f'NETCDF:{i}:v00', o]),
        'xarray-netcdf4': (tools.imports('xarray, netCDF4'), lambda i, o: tools.script('xarray_subset.py', 'netcdf4', i, o, *box)),
        'xarray-h5netcdf': (tools.imports('xarray, h5netcdf'), lambda i, o: tools.script('xarray_subset.py', 'h5netcdf', i, o, *box)),
    })


def check(data, outputs):
    from peers import check as checks
    for who, path in outputs.items():
        if who in ('ours', 'ncks', 'xarray-netcdf4'):
            checks.grid_box(data, path, *BOX)


