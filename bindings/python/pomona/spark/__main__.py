# SPDX-License-Identifier: Apache-2.0
"""python -m pomona.spark run SOURCE OUT ..., also as the file that spark-submit is given."""

import sys

from pomona.spark.run import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
