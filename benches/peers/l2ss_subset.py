"""l2ss_subset.py IN OUT W S E N: l2ss-py's own subsetter."""
import sys

import numpy as np
from podaac.subsetter import subset

source, target, *box = sys.argv[1:]
w, s, e, n = map(float, box)
subset.subset(file_to_subset=source, bbox=np.array([[w, e], [s, n]]), output_file=target, cut=True)
