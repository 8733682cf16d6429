// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

uint64_t pomi_random_number(void)
{
    static atomic_uint_fast32_t n_calls;
    uint64_t number = 0;
    int device = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (device < 0 || read(device, &number, sizeof number) != (ssize_t)sizeof number || number == 0)
        number = (uint64_t)getpid() << 32 | (atomic_fetch_add(&n_calls, 1) + 1);
    if (device >= 0) close(device);
    return number;
}
