"""Subset, reproject and write a COG: one pass against one gdalwarp."""

QUESTION = 'box of a 4000x8000 float32 granule to EPSG:6933 as COG, bilinear'
DATA = 'grid.nc'
SUFFIX = '.tif'
BOX = (-100.0, -50.0, 80.0, 60.0)
EXTENT = (-9648000, -5400000, 7717500, 6300000)


def ours(data):
    return ['--bbox=' + ','.join(map(str, BOX)), '-v', 'v00', '--crs=EPSG:6933', '--interpolation=bilinear',
            '--scale-extent=' + ','.join(map(str, EXTENT)), '--scale-size=4500,4500', '--format=cog', data]


def peers(tools):
    return tools.available({
        'gdalwarp-cog': (tools.has('gdalwarp'), lambda i, o: [
            'gdalwarp', '-q', '-overwrite', '-of', 'COG', '-s_srs', 'EPSG:4326', '-t_srs', 'EPSG:6933', '-te', *EXTENT, '-tr', '4500', '4500',
            '-r', 'bilinear', '-multi', '-wo', 'NUM_THREADS=2', '-et', '0.125', '-co', 'COMPRESS=DEFLATE',
            '-co', 'PREDICTOR=YES', '-co', 'NUM_THREADS=2', '-co', 'OVERVIEW_RESAMPLING=AVERAGE', f'NETCDF:{i}:v00', o]),
    })


def check(data, outputs):
    import numpy as np
    import rasterio
    if 'gdalwarp-cog' not in outputs:
        return
    with rasterio.open(outputs['ours']) as a, rasterio.open(outputs['gdalwarp-cog']) as b:
        ours, theirs = a.read(1, masked=True), b.read(1, masked=True)
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    both = ~(np.ma.getmaskarray(ours) | np.ma.getmaskarray(theirs))
    assert both.mean() > 0.5
    off = np.abs(ours.data[both].astype(float) - theirs.data[both])
    assert np.quantile(off, 0.9) < 0.1, np.quantile(off, [0.5, 0.9, 1])
