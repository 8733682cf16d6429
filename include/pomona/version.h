// SPDX-License-Identifier: Apache-2.0
/* Which library this is and which kernels it uses on this machine. */
#ifndef POMONA_VERSION_H
#define POMONA_VERSION_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define POM_VERSION_MAJOR 0
#define POM_VERSION_MINOR 1
#define POM_VERSION_PATCH 0

/* "0.1.0", of the library that is running (not of the header it was compiled with). */
POM_API const char *pom_version(void);

/* The kernel sets this machine can run, from the plainest, "scalar", to the fastest. Returns the name at `index`, or NULL
 * past the last. All give the same fp32 bytes. */
POM_API const char *pom_cpu_kernel_set(int index);

/* The names of all kernel sets for this kind of processor, whether this machine can run them or not, in the same order, for
 * messages and help: "scalar, avx2, ...". */
POM_API const char *pom_cpu_kernel_set_names(void);

/* The kernel set that is chosen when `limit` is NULL or one of these names ("no faster than this one").
 * The command line passes the environment variable POMONA_CPU. NULL when the name is unknown. */
POM_API const char *pom_cpu_choose(const char *limit);

#ifdef __cplusplus
}
#endif
#endif
