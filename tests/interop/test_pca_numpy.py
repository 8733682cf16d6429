# SPDX-License-Identifier: Apache-2.0
"""Our PCA against numpy in double: mean, std, eigh of the covariance, and the product.

    test_pca_numpy.py LIBRARY [FEATURES...]    tables of features to compare on, instead of the usual rows
"""
import sys

import numpy as np

from pca_library import (MEAN_STD, NONE, SCALE_NAMES, SPARK_COMPATIBLE, STD, Pca, check, compare_components, feature_rows,
                         given_tables, largest_is_positive, real_rows)


def compare(name, rows, scale, k):
    pca = Pca(rows, scale, k)
    x = rows.astype(np.float64)
    mean, std = x.mean(axis=0), x.std(axis=0, ddof=1)
    std[np.ptp(x, axis=0) == 0] = 0  # numpy's is 1e-17 where the mean of equal numbers is rounded
    divisor = np.ones_like(std) if scale == NONE else np.where(std > 0, std, 1)
    centred = (x - mean) / divisor
    eigenvalues, vectors = np.linalg.eigh(centred.T @ centred / (len(x) - 1))
    eigenvalues, components = eigenvalues[::-1], largest_is_positive(vectors.T[::-1][:k])
    total = eigenvalues.sum()

    check(np.abs(pca.mean - mean).max() / np.abs(mean).max(), 1e-12, "mean")
    check(np.abs(pca.sample_std - std).max() / std.max(), 1e-12, "standard deviation")
    assert (pca.components[np.arange(k), np.abs(pca.components).argmax(axis=1)] > 0).all(), "sign rule"
    # n rows span n - 1 directions: what is beyond has variance 0 here and 1e-16 there.
    real = min(k, len(rows) - 1)
    variance = check((np.abs(pca.explained_variance - eigenvalues[:k]) / eigenvalues[:k])[:real].max(), 1e-9,
                     "explained variance")
    ratio = check(np.abs(pca.ratios - eigenvalues[:k] / total).max(), 1e-12, "ratios")
    compared, component = compare_components(pca.components[:real], components[:real], eigenvalues, 1e-6)

    # The components differ by what was just compared: project with ours, so that only applying is compared here.
    worst = 0.0
    sample = slice(0, 2000)
    for flags in (0, SPARK_COMPATIBLE):
        projected, scaled = pca.apply(rows[sample], flags)
        prepared = x[sample] / divisor if flags and scale != MEAN_STD else centred[sample]
        expected = prepared @ pca.components.T
        worst = max(worst, check(np.abs(projected - expected).max() / np.abs(expected).max(), 1e-7, "projections"))
        z = {NONE: x[sample], STD: np.where(std > 0, x[sample] / divisor, 0), MEAN_STD: centred[sample]}[scale]
        check(np.abs(scaled - z).max() / np.abs(z).max(), 1e-7, "scaled rows")
    print(f"{name} {rows.shape[0]} x {rows.shape[1]}, scale {SCALE_NAMES[scale]}, k {k}: explained variance {variance:.1e} "
          f"relative, ratios {ratio:.1e}, {compared} components {component:.1e}, projections {worst:.1e} relative",
          flush=True)


for name, rows in given_tables():
    for scale in (NONE, STD, MEAN_STD):
        compare(name, rows, scale, min(300, len(rows) - 1))
if sys.argv[2:]:
    sys.exit(0)
real = real_rows()
for scale in (NONE, STD, MEAN_STD):
    if real is not None:
        compare("MobileNetV2", real, scale, 175)
    compare("feature-like", feature_rows(1600), scale, 300)
if real is None:
    print("no real features: ../shared/golden is absent")
many = feature_rows(30000, seed=2)
for scale in (NONE, MEAN_STD):
    compare("feature-like", many, scale, 300)
