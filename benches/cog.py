"""A cloud-optimised GeoTIFF with overviews."""

QUESTION = '4000x8000 float32 to COG: DEFLATE, predictor 3, tiles of 512, average overviews'
DATA = 'field.tif'
SUFFIX = '.tif'


def prepare(data, tools):
    from warp import prepare as make
    make(data, tools)


def ours(data):
    return ['--format=cog', data]


def peers(tools):
    def gdal(level):
        return lambda i, o: [
            'gdal_translate', '-q', '-of', 'COG', '-co', 'COMPRESS=DEFLATE', '-co', 'PREDICTOR=YES', '-co', f'LEVEL={level}',
            '-co', 'NUM_THREADS=2', '-co', 'OVERVIEW_RESAMPLING=AVERAGE', i, o]
    return tools.available({f'gdal-L{n}': (tools.has('gdal_translate'), gdal(n)) for n in (1, 6)})


def check(data, outputs):
    import numpy as np
    import rasterio
    with rasterio.open(data) as source, rasterio.open(outputs['ours']) as a:
        assert np.array_equal(source.read(1), a.read(1))
        assert a.overviews(1) == [2, 4, 8, 16], a.overviews(1)
