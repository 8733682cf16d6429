// SPDX-License-Identifier: Apache-2.0
/* A price file: what is accepted has a date, and prices that money can be counted in. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/usage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static const char *const regions[] = {"eu-central-1", "moon-1", ""};
    char *text = malloc(size_bytes + 1); /* never NULL, which would be the built-in table */
    if (text == NULL) abort();
    if (size_bytes > 0) memcpy(text, data, size_bytes);
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        struct pomi_s3_prices prices;
        struct pom_error err = {0};
        enum pom_status status = pomi_s3_prices_find(&prices, regions[i], text, size_bytes, "prices", &err);
        if (memchr(prices.as_of, '\0', sizeof prices.as_of) == NULL) abort();
        if (status != POM_OK && (err.message[0] == '\0' || prices.is_known)) abort();
        double sum = prices.per_1000_writes + prices.per_1000_reads + prices.per_gb_out;
        if (prices.is_known && !(sum >= 0 && isfinite(prices.per_gb_out))) abort();
    }
    free(text);
    return 0;
}
