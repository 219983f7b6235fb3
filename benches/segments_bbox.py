"""A box of an ATL03-like granule."""

QUESTION = 'box of 10 % of 20 million photons (ATL03-like, three beams)'
DATA = 'atl03.h5'
BOX = (-180, 10.0, 180, 14.0)


def ours(data):
    return ['--bbox=' + ','.join(map(str, BOX)), '--short-name=ATL03', data]


def peers(tools):
    box = [str(v) for v in BOX]
    return tools.available({
        'h5py': (tools.imports('h5py'), lambda i, o: tools.script('h5py_segments.py', i, o, *box)),
        'xarray': (tools.imports('xarray, netCDF4'), lambda i, o: tools.script('xarray_segments.py', i, o, *box)),
    })


def check(data, outputs):
    from peers import check as checks
    if 'h5py' not in outputs:
        return
    import h5py
    with h5py.File(outputs['ours']) as a, h5py.File(outputs['h5py']) as b:
        def compare(name, d):
            if isinstance(d, h5py.Dataset):
                assert a[name][...].tobytes() == d[...].tobytes(), name
        b.visititems(compare)
