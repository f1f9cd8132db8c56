"""The jobs that spark-submit runs: inventory, features and reduction."""

import os

# LAPACK's eigenvectors have other last bits with two threads than with one, and a PCA must not depend on the driver's
# cores. NumPy reads this when it is imported, which this package's modules do later. Spark's workers have one thread.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
