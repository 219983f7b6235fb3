"""A grid to another CRS, as whole commands on uncompressed GeoTIFF."""
from pathlib import Path

QUESTION = '4000x8000 float32 longitude-latitude to another CRS, uncompressed GeoTIFF in and out'
DATA = 'field.tif'
SUFFIX = '.tif'
GRIDS = {
    '6933': ('-17367530.4451615,-7314540.8306386,17367530.4451615,7314540.8306386', 8000, 3370),
    '3413': ('-4194304,-4194304,4194304,4194304', 4000, 4000),
    '3857': ('-20037508.342789244,-20037508.342789244,20037508.342789244,20037508.342789244', 6000, 6000),
}
VARIANTS = [f'{crs}-{kernel}' for kernel in ('near', 'bilinear') for crs in GRIDS]


def prepare(data, tools):
    """The first variable of grid.nc as GeoTIFF."""
    import subprocess
    source = Path(data).with_name('grid.nc')
    subprocess.run(['gdal_translate', '-q', '-co', 'TILED=NO', '-a_srs', 'EPSG:4326', f'NETCDF:{source}:v00', str(data)], check=True)


def ours(variant, data):
    crs, kernel = variant.split('-')
    extent, width, height = GRIDS[crs]
    return [f'--crs=EPSG:{crs}', f'--scale-extent={extent}', f'--width={width}', f'--height={height}',
            f'--interpolation={kernel}', '--format=geotiff', '--compression=none', data]


def peers(variant, tools):
    crs, kernel = variant.split('-')
    extent, width, height = GRIDS[crs]
    return tools.available({
        'gdalwarp': (tools.has('gdalwarp'), lambda i, o: [
            'gdalwarp', '-q', '-overwrite', '-t_srs', f'EPSG:{crs}', '-te', *extent.split(','), '-ts', width, height,
            '-r', kernel, '-multi', '-wo', 'NUM_THREADS=2', '-et', '0.125', i, o]),
    })


def check(variant, data, outputs):
    """Nearly all valid cells are valid in both, and values agree up to another choice of neighbour."""
    import numpy as np
    import rasterio
    if 'gdalwarp' not in outputs:
        return
    with rasterio.open(outputs['ours']) as a, rasterio.open(outputs['gdalwarp']) as b:
        ours, theirs = a.read(1, masked=True), b.read(1, masked=True)
        assert np.allclose(a.transform, b.transform), (a.transform, b.transform)
    both = ~(np.ma.getmaskarray(ours) | np.ma.getmaskarray(theirs))
    differ = np.count_nonzero(np.ma.getmaskarray(ours) != np.ma.getmaskarray(theirs))
    assert differ < 0.002 * ours.size, f'{differ} cells are valid in one only'
    off = np.abs(ours.data[both].astype(float) - theirs.data[both])
    assert np.quantile(off, 0.9) < 0.1, np.quantile(off, [0.5, 0.9, 0.99, 1])
