"""The jobs that spark-submit runs: inventory, features, reduction and projection."""

import os

# The last bits of LAPACK's eigenvectors depend on the number of threads, and a PCA must not depend on the driver's
# cores. NumPy reads this variable on import, and this package's modules import NumPy later. Spark's workers have one
# thread anyway.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
