// SPDX-License-Identifier: Apache-2.0
#include "sink/duckdb.h"

enum pom_status pomi_duckdb_ready(struct pom_error *err)
{
    (void)err;
    return POM_OK;
}
