"""A PNG of 4000 x 4000 pixels."""
from pathlib import Path

QUESTION = 'a palette image of 4000x4000 as PNG'
DATA = 'palette.tif'
SUFFIX = '.png'


def prepare(data, tools):
    import subprocess
    subprocess.run(tools.script('make_palette.py', data), check=True)


def ours(data):
    return ['--format=png', data]


def peers(tools):
    def gdal(level):
        return lambda i, o: ['gdal_translate', '-q', '-of', 'PNG', '-co', f'ZLEVEL={level}', i, o]
    return tools.available({f'gdal-Z{n}': (tools.has('gdal_translate'), gdal(n)) for n in (1, 6)})


def check(data, outputs):
    import numpy as np
    from PIL import Image
    Image.MAX_IMAGE_PIXELS = None
    pixels = {who: np.asarray(Image.open(path).convert('RGB')) for who, path in outputs.items()}
    for who, other in pixels.items():
        assert np.array_equal(pixels['ours'], other), who
