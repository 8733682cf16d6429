// SPDX-License-Identifier: Apache-2.0
/*
 * DuckDB, opened when the first table is written or read: libduckdb.so, or whatever POMONA_DUCKDB names that has DuckDB's C
 * API. The Python package names the extension module of PyPI's duckdb there, which has it.
 */
#include "sink/duckdb.h"

#include <duckdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define FUNCTIONS(_)                                                                                         \
    _(duckdb_bind_add_result_column)                                                                         \
    _(duckdb_bind_get_extra_info)                                                                            \
    _(duckdb_bind_get_parameter)                                                                             \
    _(duckdb_bind_set_bind_data)                                                                             \
    _(duckdb_bind_set_error)                                                                                 \
    _(duckdb_close)                                                                                          \
    _(duckdb_column_count)                                                                                   \
    _(duckdb_column_logical_type)                                                                            \
    _(duckdb_column_name)                                                                                    \
    _(duckdb_connect)                                                                                        \
    _(duckdb_create_config)                                                                                  \
    _(duckdb_create_list_type)                                                                               \
    _(duckdb_create_logical_type)                                                                            \
    _(duckdb_create_table_function)                                                                          \
    _(duckdb_data_chunk_get_size)                                                                            \
    _(duckdb_data_chunk_get_vector)                                                                          \
    _(duckdb_data_chunk_set_size)                                                                            \
    _(duckdb_destroy_config)                                                                                 \
    _(duckdb_destroy_data_chunk)                                                                             \
    _(duckdb_destroy_logical_type)                                                                           \
    _(duckdb_destroy_pending)                                                                                \
    _(duckdb_destroy_prepare)                                                                                \
    _(duckdb_destroy_result)                                                                                 \
    _(duckdb_destroy_table_function)                                                                         \
    _(duckdb_destroy_value)                                                                                  \
    _(duckdb_disconnect)                                                                                     \
    _(duckdb_execute_pending)                                                                                \
    _(duckdb_fetch_chunk)                                                                                    \
    _(duckdb_free)                                                                                           \
    _(duckdb_function_get_bind_data)                                                                         \
    _(duckdb_function_set_error)                                                                             \
    _(duckdb_get_int64)                                                                                      \
    _(duckdb_get_type_id)                                                                                    \
    _(duckdb_init_set_max_threads)                                                                           \
    _(duckdb_library_version)                                                                                \
    _(duckdb_list_type_child_type)                                                                           \
    _(duckdb_list_vector_get_child)                                                                          \
    _(duckdb_list_vector_reserve)                                                                            \
    _(duckdb_list_vector_set_size)                                                                           \
    _(duckdb_open_ext)                                                                                       \
    _(duckdb_pending_error)                                                                                  \
    _(duckdb_pending_prepared_streaming)                                                                     \
    _(duckdb_prepare)                                                                                        \
    _(duckdb_prepare_error)                                                                                  \
    _(duckdb_query)                                                                                          \
    _(duckdb_register_table_function)                                                                        \
    _(duckdb_result_error)                                                                                   \
    _(duckdb_result_error_type)                                                                              \
    _(duckdb_set_config)                                                                                     \
    _(duckdb_string_t_data)                                                                                  \
    _(duckdb_string_t_length)                                                                                \
    _(duckdb_table_function_add_parameter)                                                                   \
    _(duckdb_table_function_set_bind)                                                                        \
    _(duckdb_table_function_set_extra_info)                                                                  \
    _(duckdb_table_function_set_function)                                                                    \
    _(duckdb_table_function_set_init)                                                                        \
    _(duckdb_table_function_set_name)                                                                        \
    _(duckdb_validity_row_is_valid)                                                                          \
    _(duckdb_vector_assign_string_element)                                                                   \
    _(duckdb_vector_assign_string_element_len)                                                               \
    _(duckdb_vector_get_column_type)                                                                         \
    _(duckdb_vector_get_data)                                                                                \
    _(duckdb_vector_get_validity)

#include "base/host_library.h"

static char trouble[512]; /* why there is no DuckDB; written before `once` is over */

static void open_host_library(void)
{
    const char *named = getenv("POMONA_DUCKDB"), *missing;
    if (named != NULL && named[0] == '\0') named = NULL;
    void *library = dlopen(named != NULL ? named : "libduckdb.so", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        snprintf(trouble, sizeof trouble,
                 "tables need DuckDB: pip install duckdb, or libduckdb.so where the system looks (%.300s)",
                 dlerror());
    else if (!pomi_host_find(library, &missing))
        snprintf(trouble, sizeof trouble, "tables need DuckDB 1.1 or later; %.300s has no %s",
                 named != NULL ? named : "libduckdb.so", missing);
}

enum pom_status pomi_duckdb_ready(struct pom_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_host_library);
    if (trouble[0] != '\0') return pomi_fail(err, POM_ERROR_UNSUPPORTED, "no_duckdb", "%s", trouble);
    return POM_OK;
}
