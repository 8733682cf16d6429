// SPDX-License-Identifier: Apache-2.0
#include "pomona/version.h"

#include "config.h"
#include "kernels/kernels.h"

const char *pom_version(void)
{
    return POMI_VERSION;
}

const char *pom_cpu_kernel_set(int index)
{
    const struct pomk_kernels *list[POMK_MAX_SETS];
    int n_sets = pomk_list(list);
    return index >= 0 && index < n_sets ? list[index]->name : NULL;
}

const char *pom_cpu_kernel_set_names(void)
{
    return pomk_set_names();
}

const char *pom_cpu_choose(const char *limit)
{
    const struct pomk_kernels *chosen = pomk_choose(limit);
    return chosen != NULL ? chosen->name : NULL;
}
