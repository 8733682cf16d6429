// SPDX-License-Identifier: Apache-2.0
/*
 * Set-up and teardown for tests that write files: each runs in an empty temporary folder, so that its paths
 * stay short and relative, and the folder goes away with all that is in it.
 */
#ifndef POMONA_TESTS_UNIT_OWN_FOLDER_H
#define POMONA_TESTS_UNIT_OWN_FOLDER_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

static char own_folder[32];

static inline int enter_folder(void **state)
{
    (void)state;
    strcpy(own_folder, "/tmp/pomona-test-XXXXXX");
    return mkdtemp(own_folder) == NULL || chdir(own_folder) != 0;
}

static inline int leave_folder(void **state)
{
    (void)state;
    return chdir("/") != 0 || pomi_store_remove_tree(NULL, own_folder, NULL) != POM_OK;
}

#endif
