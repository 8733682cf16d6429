// SPDX-License-Identifier: Apache-2.0
/* Which files of a folder are a table. */
#ifndef POMONA_SINK_TABLE_FILES_H
#define POMONA_SINK_TABLE_FILES_H

#include "sink/sink.h"
#include "store/store.h"

/* The Parquet files below `folder`, by path: passes over _SUCCESS, _temporary/, .part-00000.tmp and the like. */
enum pom_status pomi_table_list(struct pomi_store *store, struct pomi_store_listing *listing,
                                const char *folder, struct pom_error *err);

#endif
