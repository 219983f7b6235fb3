"""Fifty granules into one."""
from pathlib import Path

QUESTION = '50 granules of 1 x 500 x 1000 float32 (shuffle, deflate 4), two variables'
DATA = 'steps'
VARIANTS = ['stack', 'extend']


def prepare(data, tools):
    import subprocess
    subprocess.run(tools.script('make_steps.py', data), check=True)


def files(data):
    return sorted(Path(data).glob('*.nc'))


def ours(variant, data):
    return ['--concatenate' if variant == 'stack' else '--extend=time', *files(data)]


def peers(variant, tools):
    if variant == 'stack':
        python = tools.concise_python
        return tools.available({
            'concise': (tools.imports('podaac.merger', python),
                        lambda i, o: tools.script('concise_merge.py', i, o, python=python)),
        })
    return tools.available({
        'ncrcat': (tools.has('ncrcat'), lambda i, o: ['ncrcat', '-O', '-4', *files(i), o]),
    })


def check(variant, data, outputs):
    import netCDF4
    import numpy as np
    for path in outputs.values():
        with netCDF4.Dataset(path) as ds:
            ds.set_auto_maskandscale(False)
            for i in (0, 31, 49):
                with netCDF4.Dataset(files(data)[i]) as one:
                    one.set_auto_maskandscale(False)
                    assert np.array_equal(np.squeeze(ds['a'][i]), one['a'][0]), (path, i)
