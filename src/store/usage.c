// SPDX-License-Identifier: Apache-2.0
#include "store/usage.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "s3/s3.h"
#include "store/place.h"

#define PRICE_FILE_MAX_BYTES ((size_t)1 << 20)

/* --- regions --- */

/* eu-west-2 is London and eu-central-2 Zurich: neither is in the Union. */
static const char *const eu_regions[] = {"eu-central-1", "eu-west-1",  "eu-west-3",      "eu-north-1",
                                         "eu-south-1",   "eu-south-2", "eusc-de-east-1", "EU"};

bool pomi_region_is_in_eu(const char *region)
{
    for (size_t i = 0; i < sizeof eu_regions / sizeof eu_regions[0]; i++)
        if (strcmp(region, eu_regions[i]) == 0) return true;
    return false;
}

bool pomi_region_matches(const char *region, const char *wanted)
{
    if (region[0] == '\0') return false;
    for (const char *word = wanted; *word != '\0';) {
        char pattern[64];
        size_t length = strcspn(word, ","), begin = strspn(word, " ");
        if (begin < length && length - begin < sizeof pattern) {
            memcpy(pattern, word + begin, length - begin);
            pattern[length - begin] = '\0';
            if (strcmp(pattern, "EU") == 0 ? pomi_region_is_in_eu(region) : fnmatch(pattern, region, 0) == 0)
                return true;
        }
        word += length + (word[length] == ',');
    }
    return false;
}

enum pom_status pomi_store_check_region(struct pomi_store *store, const char *bucket, struct pom_error *err)
{
    const char *wanted = pomi_store_s3_options(store)->require_region;
    struct pomi_s3 *client;
    char region[64];
    if (wanted == NULL || pomi_store_is_allowed(store, bucket)) return POM_OK;
    POMI_TRY(pomi_store_s3(store, &client, err));
    POMI_TRY(pomi_s3_bucket_region(client, bucket, region, err));
    if (pomi_region_matches(region, wanted)) return pomi_store_allow(store, bucket, err);
    return pomi_fail(err, POM_ERROR_ARGUMENT, "other_region",
                     "the bucket %s is in %s and --require-region is %s: nothing was read", bucket,
                     region[0] != '\0' ? region : "a region that its server does not tell", wanted);
}

/* --- prices --- */

/*
 * S3 Standard in US dollars: 1000 PUT, COPY, POST or LIST; 1000 of all other requests; the first terabytes a month to the
 * internet. Source: the provider's public price list (the AmazonS3 offer: usage types Requests-Tier1 and -Tier2; the
 * AWSDataTransfer offer: DataTransfer-Out-Bytes), each row as of its date. Prices change: --s3-prices replaces this table.
 */
#define PRICES_AS_OF "2025-01-01"
static const struct {
    const char *region;
    double per_1000_writes, per_1000_reads, per_gb_out;
    const char *as_of;
} prices_known[] = {
    {"eu-central-1", 0.0054, 0.00043, 0.09, "2026-08-31"}, {"eu-west-1", 0.005, 0.0004, 0.09, PRICES_AS_OF},
    {"eu-west-2", 0.0053, 0.00042, 0.09, PRICES_AS_OF},    {"eu-west-3", 0.0053, 0.00042, 0.09, PRICES_AS_OF},
    {"eu-north-1", 0.005, 0.0004, 0.09, PRICES_AS_OF},     {"us-east-1", 0.005, 0.0004, 0.09, PRICES_AS_OF},
    {"us-east-2", 0.005, 0.0004, 0.09, PRICES_AS_OF},      {"us-west-2", 0.005, 0.0004, 0.09, PRICES_AS_OF},
};

static enum pom_status read_price(const json_t *region, const char *field, double *price, const char *name,
                                  struct pom_error *err)
{
    const json_t *number = json_object_get(region, field);
    *price = json_number_value(number);
    if (json_is_number(number) && *price >= 0 && isfinite(*price)) return POM_OK;
    return pomi_fail(err, POM_ERROR_FORMAT, "bad_price_file", "%s: a region has no %s that is a number", name,
                     field);
}

/* {"as_of": "2026-01-31", "regions": {"eu-central-1": {"per_1000_writes": .., "per_1000_reads": .., "per_gb_out": ..}}} */
static enum pom_status find_in_file(struct pomi_s3_prices *prices, const json_t *file,
                                    const char *region_name, const char *name, struct pom_error *err)
{
    const char *as_of = json_string_value(json_object_get(file, "as_of"));
    const json_t *regions = json_object_get(file, "regions"), *region = json_object_get(regions, region_name);
    if (as_of == NULL || !json_is_object(regions))
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_price_file",
                         "%s is not a price file: it needs \"as_of\", a date, and \"regions\" (docs/s3.md)",
                         name);
    strncpy(prices->as_of, as_of, sizeof prices->as_of - 1);
    if (region == NULL) return POM_OK;
    POMI_TRY(read_price(region, "per_1000_writes", &prices->per_1000_writes, name, err));
    POMI_TRY(read_price(region, "per_1000_reads", &prices->per_1000_reads, name, err));
    POMI_TRY(read_price(region, "per_gb_out", &prices->per_gb_out, name, err));
    prices->is_known = true;
    return POM_OK;
}

enum pom_status pomi_s3_prices_find(struct pomi_s3_prices *prices, const char *region, const char *file_text,
                                    size_t file_bytes, const char *name, struct pom_error *err)
{
    *prices = (struct pomi_s3_prices){.as_of = PRICES_AS_OF};
    if (file_text != NULL) {
        json_error_t where = {0};
        json_t *file = json_loadb(file_text, file_bytes, 0, &where);
        enum pom_status status = pomi_json_out_of_memory(file, &where)
                                     ? pomi_fail_memory(err, file_bytes, "a price file")
                                     : find_in_file(prices, file, region, name, err);
        json_decref(file);
        return status;
    }
    for (size_t i = 0; i < sizeof prices_known / sizeof prices_known[0]; i++) {
        if (strcmp(prices_known[i].region, region) != 0) continue;
        prices->per_1000_writes = prices_known[i].per_1000_writes;
        prices->per_1000_reads = prices_known[i].per_1000_reads;
        prices->per_gb_out = prices_known[i].per_gb_out;
        strcpy(prices->as_of, prices_known[i].as_of);
        prices->is_known = true;
    }
    return POM_OK;
}

static enum pom_status read_price_file(struct pomi_store *store, struct pomi_bytes *file,
                                       struct pom_error *err)
{
    const char *name = pomi_store_s3_options(store)->price_file;
    return name != NULL ? pomi_store_read(store, name, PRICE_FILE_MAX_BYTES, file, err) : POM_OK;
}

enum pom_status pomi_store_check_prices(struct pomi_store *store, struct pom_error *err)
{
    struct pomi_bytes file = {0};
    struct pomi_s3_prices prices;
    enum pom_status status = read_price_file(store, &file, err);
    if (status == POM_OK)
        status = pomi_s3_prices_find(&prices, "", (const char *)file.data, file.size_bytes,
                                     pomi_store_s3_options(store)->price_file, err);
    pomi_bytes_release(&file);
    return status;
}

/* --- the sum --- */

struct usage {
    const struct pomi_bytes *price_file; /* empty: the built-in table */
    const char *price_name;
    json_t *buckets;
    double request_usd, transfer_usd;
    char prices_as_of[16];
    int n_buckets, n_in_eu, n_without_region, n_without_price;
    enum pom_status status;
    struct pom_error error;
};

static void add_bucket(void *user, const struct pomi_s3_bucket *bucket)
{
    struct usage *usage = user;
    struct pomi_s3_prices prices;
    const struct pomi_bytes *file = usage->price_file;
    enum pom_status status = pomi_s3_prices_find(&prices, bucket->region, (const char *)file->data,
                                                 file->size_bytes, usage->price_name, &usage->error);
    if (status != POM_OK) usage->status = status;
    if (usage->n_buckets == 0 || strcmp(prices.as_of, usage->prices_as_of) < 0) /* the oldest counts */
        memcpy(usage->prices_as_of, prices.as_of, sizeof prices.as_of);
    int64_t n_writes = 0, n_reads = 0;
    for (int kind = 0; kind < POMI_S3_N_KINDS; kind++) {
        bool is_write =
            kind == POMI_S3_LIST || kind == POMI_S3_PUT || kind == POMI_S3_COPY || kind == POMI_S3_UPLOAD;
        if (kind != POMI_S3_DELETE) *(is_write ? &n_writes : &n_reads) += bucket->n_requests[kind];
    }
    usage->request_usd +=
        (double)n_writes * prices.per_1000_writes / 1000 + (double)n_reads * prices.per_1000_reads / 1000;
    usage->transfer_usd += (double)bucket->received_bytes * 1e-9 * prices.per_gb_out;
    usage->n_buckets++;
    usage->n_in_eu += pomi_region_is_in_eu(bucket->region);
    usage->n_without_region += bucket->region[0] == '\0';
    usage->n_without_price += !prices.is_known;
    json_array_append_new(
        usage->buckets,
        json_pack("{s:s, s:o, s:o}", "name", bucket->name, "region",
                  bucket->region[0] != '\0' ? json_string(bucket->region) : json_null(), "in_eu",
                  bucket->region[0] != '\0' ? json_boolean(pomi_region_is_in_eu(bucket->region))
                                            : json_null()));
}

/* Adds everything up; usage->buckets is the caller's. */
static enum pom_status add_up(struct usage *usage, struct pomi_store *store, struct pomi_s3 *client,
                              struct pom_error *err)
{
    struct pomi_bytes price_file = {0};
    const char *name = pomi_store_s3_options(store)->price_file;
    *usage = (struct usage){0};
    POMI_TRY(read_price_file(store, &price_file, err));
    *usage = (struct usage){.price_file = &price_file, .price_name = name, .buckets = json_array()};
    pomi_s3_visit_buckets(client, add_bucket, usage);
    pomi_bytes_release(&price_file);
    if (usage->status != POM_OK && err != NULL) *err = usage->error;
    return usage->status;
}

static const json_t *region_of(const json_t *buckets, size_t index)
{
    return json_object_get(json_array_get(buckets, index), "region");
}

json_t *pomi_store_usage(struct pomi_store *store)
{
    struct usage usage;
    struct pomi_s3_statistics statistics;
    struct pomi_s3 *client = pomi_store_open_client(store);
    if (client == NULL) return NULL;
    bool has_prices = add_up(&usage, store, client, NULL) == POM_OK && usage.n_without_price == 0;
    pomi_s3_statistics(client, &statistics);
    json_t *requests = json_object();
    for (int kind = 0; kind < POMI_S3_N_KINDS; kind++)
        json_object_set_new(requests, pomi_s3_kind_name((enum pomi_s3_kind)kind),
                            json_integer((json_int_t)statistics.n_requests[kind]));
    json_t *cost = has_prices ? json_pack("{s:f, s:f, s:s}", "requests_usd", usage.request_usd,
                                          "transfer_if_outside_aws_usd", usage.transfer_usd, "prices_as_of",
                                          usage.prices_as_of)
                              : json_null();
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "requests", requests, "received_bytes",
                     (json_int_t)statistics.received_bytes, "sent_bytes", (json_int_t)statistics.sent_bytes,
                     "retries", (json_int_t)statistics.n_retries, "throttled",
                     (json_int_t)statistics.n_throttled, "buckets", usage.buckets, "all_in_eu",
                     usage.n_without_region > 0 ? json_null()
                                                : json_boolean(usage.n_in_eu == usage.n_buckets),
                     "cost", cost);
}

static void add_buckets(json_t *buckets, json_t *others)
{
    size_t at, known;
    json_t *bucket, *there;
    json_array_foreach(others, at, bucket)
    {
        bool is_known = false;
        json_array_foreach(buckets, known, there) is_known |= json_equal(there, bucket);
        if (!is_known) json_array_append(buckets, bucket);
    }
}

void pomi_usage_add(json_t *usage, const json_t *other)
{
    const char *name;
    json_t *theirs;
    json_object_foreach((json_t *)other, name, theirs)
    {
        json_t *ours = json_object_get(usage, name);
        if (json_is_integer(ours) && json_is_integer(theirs))
            json_integer_set(ours, json_integer_value(ours) + json_integer_value(theirs));
        else if (json_is_real(ours) && json_is_real(theirs))
            json_real_set(ours, json_real_value(ours) + json_real_value(theirs));
        else if (json_is_object(ours) && json_is_object(theirs))
            pomi_usage_add(ours, theirs);
        else if (json_is_array(ours))
            add_buckets(ours, theirs);
        else if (json_is_false(theirs) ||
                 json_is_null(theirs)) /* all_in_eu, cost: what one does not know is not known */
            json_object_set(usage, name, theirs);
    }
}

static enum pom_status print_usage(struct pomi_bytes *text, const struct usage *usage,
                                   const struct pomi_s3_statistics *statistics, struct pom_error *err)
{
    int64_t n_requests = 0;
    for (int kind = 0; kind < POMI_S3_N_KINDS; kind++) n_requests += statistics->n_requests[kind];
    if (n_requests == 0)
        return pomi_bytes_print(text, err, "s3: no request was answered, %lld retries",
                                (long long)statistics->n_retries);
    POMI_TRY(pomi_bytes_print(text, err, "s3: %lld request%s (", (long long)n_requests,
                              n_requests == 1 ? "" : "s"));
    const char *separator = "";
    for (int kind = 0; kind < POMI_S3_N_KINDS; kind++) {
        if (statistics->n_requests[kind] == 0) continue;
        POMI_TRY(pomi_bytes_print(text, err, "%s%lld %s", separator, (long long)statistics->n_requests[kind],
                                  pomi_s3_kind_name((enum pomi_s3_kind)kind)));
        separator = ", ";
    }
    POMI_TRY(pomi_bytes_print(text, err, "), %.1f MB in, %.1f MB out",
                              (double)statistics->received_bytes * 1e-6,
                              (double)statistics->sent_bytes * 1e-6));
    if (statistics->n_retries > 0)
        POMI_TRY(pomi_bytes_print(text, err, ", %lld retries", (long long)statistics->n_retries));
    separator = "; buckets in ";
    for (size_t i = 0; i < json_array_size(usage->buckets); i++) {
        const char *region = json_string_value(region_of(usage->buckets, i));
        bool is_first = true;
        for (size_t before = 0; before < i && is_first; before++)
            is_first = !json_equal((json_t *)region_of(usage->buckets, before),
                                   (json_t *)region_of(usage->buckets, i));
        if (!is_first) continue;
        POMI_TRY(
            pomi_bytes_print(text, err, "%s%s", separator, region != NULL ? region : "an unknown region"));
        separator = ", ";
    }
    POMI_TRY(pomi_bytes_print(text, err, "%s",
                              usage->n_without_region > 0          ? ""
                              : usage->n_in_eu == usage->n_buckets ? ": all in the EU"
                                                                   : ": not all in the EU"));
    if (usage->n_without_price > 0) return pomi_bytes_print(text, err, "; no list price for that region");
    return pomi_bytes_print(
        text, err,
        "; $%.4f for requests at the list prices of %s, and $%.4f for what was read if this "
        "machine is not in the same region",
        usage->request_usd, usage->prices_as_of, usage->transfer_usd);
}

enum pom_status pomi_store_usage_text(struct pomi_store *store, struct pomi_bytes *text,
                                      struct pom_error *err)
{
    struct usage usage = {0};
    struct pomi_s3_statistics statistics;
    struct pomi_s3 *client = pomi_store_open_client(store);
    text->size_bytes = 0;
    if (client == NULL) return pomi_bytes_append(text, "", 1, err);
    enum pom_status status = add_up(&usage, store, client, err);
    pomi_s3_statistics(client, &statistics);
    if (status == POM_OK) status = print_usage(text, &usage, &statistics, err);
    if (status == POM_OK) status = pomi_bytes_append(text, "", 1, err);
    json_decref(usage.buckets);
    return status;
}
