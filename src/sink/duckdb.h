// SPDX-License-Identifier: Apache-2.0
/* DuckDB, linked or opened at run time (meson option `duckdb=runtime`, for the Python wheel), as base/curl.h does with libcurl. */
#ifndef POMONA_SINK_DUCKDB_H
#define POMONA_SINK_DUCKDB_H

#include "base/error.h"

/* Makes DuckDB's functions callable, once; from any thread. Errors: UNSUPPORTED ("no_duckdb"). */
enum pom_status pomi_duckdb_ready(struct pom_error *err);

#endif
