"""A PNG of 4000 x 4000 pixels, of several kinds of pictures."""
from pathlib import Path

QUESTION = 'a picture of 4000x4000 as PNG'
DATA = 'pictures'
SUFFIX = '.png'
VARIANTS = ['palette', 'classes', 'smooth', 'rgb']


def prepare(data, tools):
    import subprocess
    subprocess.run(tools.script('make_pictures.py', data), check=True)


def ours(variant, data):
    return ['--format=png', Path(data) / f'{variant}.tif']


def peers(variant, tools):
    """GDAL can't stretch and write at once: it gets the grey levels of the smooth field."""
    name = 'smooth-bytes' if variant == 'smooth' else variant

    def gdal(level):
        return lambda i, o: ['gdal_translate', '-q', '-of', 'PNG', '-co', f'ZLEVEL={level}', Path(i) / f'{name}.tif', o]
    return tools.available({f'gdal-Z{n}': (tools.has('gdal_translate'), gdal(n)) for n in (1, 6)})


def check(variant, data, outputs):
    import numpy as np
    from PIL import Image
    Image.MAX_IMAGE_PIXELS = None
    pixels = {who: np.asarray(Image.open(path).convert('RGB')) for who, path in outputs.items()}
    sizes = {who: Path(path).stat().st_size for who, path in outputs.items()}
    for who, other in pixels.items():
        # Percentiles of a histogram and of sorted values differ in the last place: a level next to it is as good.
        off = 2 if variant == 'smooth' else 0
        assert np.abs(pixels['ours'].astype(int) - other).max() <= off, who
    if 'gdal-Z6' in sizes:
        assert sizes['ours'] <= 1.1 * sizes['gdal-Z6'], sizes
