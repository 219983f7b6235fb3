"""A box of a real swath granule."""
import os
from pathlib import Path


QUESTION = 'box of an ASCAT swath (1632x42, 12 variables, netCDF-3)'
SHARED = Path(os.environ.get('HARMONY_SHARED', Path(__file__).resolve().parents[2] / 'shared'))
DATA = str(SHARED / 'granules' / 'ascat_20150702_084200_metopa_45145_eps_o_250_2300_ovw.l2.nc')
BOX = (-180, -90, 0, 0)


def ours(data):
    return ['--bbox=' + ','.join(map(str, BOX)), data]


def peers(tools):
    python = tools.l2ss_python
    return tools.available({
        'l2ss-py': (tools.imports('podaac.subsetter', python),
                    lambda i, o: tools.script('l2ss_subset.py', i, o, *BOX, python=python)),
    })


def check(data, outputs):
    import numpy as np
    from peers import check as checks
    a = checks.read(outputs['ours'])
    inside = a['wind_speed'] != -32767
    assert a['lat'].shape == (709, 42) and inside.sum() == 12354
    if 'l2ss-py' in outputs:
        b = checks.read(outputs['l2ss-py'])
        assert np.array_equal(a['wind_speed'], b['wind_speed'])
