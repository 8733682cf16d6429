// SPDX-License-Identifier: Apache-2.0
#include "option_table.h"

#include <stddef.h>

/* Sets of verbs, as bits in the order of verbs[]. */
enum {
    RUN = 1 << 0,
    EXTRACT = 1 << 1,
    FIT = 1 << 2,
    TRANSFORM = 1 << 3,
    REPORT = 1 << 4,
    NETWORK = 1 << 5,
    BENCH = 1 << 6,
    VERSION = 1 << 7,
    S3_POLICY = 1 << 8,
    PHOTOS = RUN | EXTRACT,
    WRITES = RUN | EXTRACT | TRANSFORM,
    PATHS = RUN | EXTRACT | FIT | TRANSFORM | REPORT,
    ANY = PATHS | NETWORK | BENCH | VERSION | S3_POLICY
};

#define AT(member) offsetof(struct settings, member)

const struct option options[] = {
    {"network", 'n', TYPE_TEXT, PHOTOS | BENCH | S3_POLICY, AT(run.network), 0, "NAME|FILE",
     "auto mobilenetv2 resnet50 orchard",
     "the network, or a network file (default: auto, which is mobilenetv2 when it is installed, else "
     "orchard)"},
    {"precision", 0, TYPE_CHOICE, PHOTOS, AT(run.precision), 0, "PRECISION", "fp32 int16 int8",
     "how the network computes: fp32 (default), or integers, which are faster (docs/numbers.md says how "
     "close); the "
     "network must be calibrated"},
    {"threads", 't', TYPE_COUNT, PHOTOS | BENCH, AT(run.n_threads), 0, "N", NULL,
     "worker threads (default: one per core)"},
    {"glob", 0, TYPE_TEXT, PHOTOS, AT(run.glob), 0, "PATTERNS", NULL,
     "which files are photos, space-separated, case-insensitive (default: *.jpg *.jpeg *.png *.webp)"},
    {"label-from", 0, TYPE_TEXT, PHOTOS, AT(run.label_from), 0, "RULE", "parent none regex:",
     "a photo's label: parent (default, its folder's name), none, or regex:EXPRESSION with one group"},
    {"filter", 0, TYPE_CHOICE, PHOTOS, AT(run.resize.filter), 0, "FILTER",
     "nearest box bilinear hamming bicubic lanczos", "resampling filter (default: bicubic)"},
    {"fit", 0, TYPE_CHOICE, PHOTOS, AT(run.resize.fit), 0, "MODE", "stretch crop pad",
     "how a photo becomes square (default: stretch, as the Keras pipelines do)"},
    {"no-exif-rotate", 0, TYPE_FLAG, PHOTOS, AT(run.decode.ignore_exif_rotation), 1, NULL, NULL,
     "leave photos as stored, as plain Pillow does"},
    {"max-pixels", 0, TYPE_LARGE, PHOTOS, AT(run.decode.max_pixels), 0, "N", NULL,
     "refuse photos with more pixels (default: 89478485)"},
    {"max-file-bytes", 0, TYPE_LARGE, PHOTOS, AT(run.max_file_bytes), 0, "N", NULL,
     "refuse larger files (default: 268435456)"},
    {"max-failures", 0, TYPE_LARGE, PHOTOS, AT(run.max_failures), 0, "N", NULL,
     "end the run when more photos than this fail (default: never)"},
    {"part-rows", 0, TYPE_COUNT, PHOTOS, AT(run.part_rows), 0, "N", NULL,
     "photos per part, the unit of commit (default: 4096)"},
    {"format", 'f', TYPE_TEXT, WRITES, AT(run.formats), 0, "LIST", "csv json csv,json",
     "tables to write beside Parquet"},
    {"scale", 0, TYPE_CHOICE, RUN | FIT, AT(run.pca.scale), 0, "MODE", "none std mean-std",
     "scaling before PCA (default: mean-std)"},
    {"components", 'k', TYPE_COUNT, RUN | FIT, AT(run.pca.n_components), 0, "K", NULL,
     "number of components"},
    {"variance", 0, TYPE_SHARE, RUN | FIT, AT(run.pca.variance), 0, "SHARE", NULL,
     "as many components as explain this share (default: 0.95)"},
    {"pca", 0, TYPE_TEXT, RUN | TRANSFORM | REPORT | S3_POLICY, AT(run.pca_path), 0, "FILE", NULL,
     "the PCA file to apply: run then fits none; report: the one that OUT/pca was made with (default: "
     "OUT's)"},
    {"with-scaled", 0, TYPE_FLAG, RUN | TRANSFORM, AT(run.with_scaled), 1, NULL, NULL,
     "add the column features_scaled to the PCA table"},
    {"spark-compatible", 0, TYPE_FLAG, RUN | TRANSFORM, AT(run.pca_apply_flags), POM_PCA_SPARK_COMPATIBLE,
     NULL, NULL, "project without subtracting the mean, as pyspark.ml does"},
    {"out", 'o', TYPE_TEXT, FIT | NETWORK, AT(file), 0, "FILE", NULL, "the file to write"},
    {"resume", 0, TYPE_FLAG, PHOTOS, AT(run.resume), 1, NULL, NULL, "go on with an output that is there"},
    {"retry-failed", 0, TYPE_FLAG, PHOTOS | S3_POLICY, AT(run.retry_failed), 1, NULL, NULL,
     "try the failed photos again"},
    {"update", 0, TYPE_FLAG, PHOTOS, AT(run.update), 1, NULL, NULL,
     "add photos that are new in the source (told by their paths)"},
    {"overwrite", 0, TYPE_FLAG, WRITES | FIT | S3_POLICY, AT(run.overwrite), 1, NULL, NULL,
     "replace what pomona wrote there before"},
    {"dry-run", 0, TYPE_FLAG, PHOTOS, AT(run.dry_run), 1, NULL, NULL,
     "say what would be done and write nothing"},
    {"no-report", 0, TYPE_FLAG, RUN, AT(run.no_report), 1, NULL, NULL, "skip report.html and plots/"},
    {"endpoint-url", 0, TYPE_TEXT, PATHS, AT(run.s3.endpoint_url), 0, "URL", NULL,
     "s3: address of a server that is not AWS (default: AWS_ENDPOINT_URL_S3, the profile's)"},
    {"region", 0, TYPE_TEXT, PATHS | S3_POLICY, AT(run.s3.region), 0, "REGION", NULL,
     "s3: region to sign for (default: AWS_REGION, the profile's; a bucket's own is found)"},
    {"profile", 0, TYPE_TEXT, PATHS, AT(run.s3.profile), 0, "NAME", NULL,
     "s3: profile of ~/.aws/config and credentials (default: AWS_PROFILE)"},
    {"no-sign-request", 0, TYPE_FLAG, PATHS, AT(run.s3.no_sign_request), 1, NULL, NULL,
     "s3: use no credentials, for public buckets"},
    {"request-payer", 0, TYPE_TEXT, PATHS, AT(run.s3.request_payer), 0, "requester", "requester",
     "s3: pay for requests to buckets whose owner does not"},
    {"s3-connections", 0, TYPE_COUNT, PATHS, AT(run.s3.n_connections), 0, "N", NULL,
     "s3: most requests at a time (default: 64; fewer are used when fewer do)"},
    {"require-region", 0, TYPE_TEXT, PATHS, AT(run.s3.require_region), 0, "REGIONS", "EU",
     "s3: refuse buckets elsewhere before a byte is read: EU, or names and patterns as eu-*, separated by "
     "commas"},
    {"s3-prices", 0, TYPE_TEXT, PATHS, AT(run.s3.price_file), 0, "FILE", NULL,
     "s3: count costs with the prices of this JSON file"},
    {"take-over", 0, TYPE_FLAG, WRITES | REPORT, AT(run.s3.take_over), 1, NULL, NULL,
     "s3: go on although the lock of another run is there, which is known to be gone"},
    {"architecture", 0, TYPE_TEXT, NETWORK, AT(convert.architecture), 0, "NAME", "mobilenetv2 resnet50",
     "convert: the architecture (default: found from the tensors)"},
    {"padding", 0, TYPE_TEXT, NETWORK, AT(convert.padding), 0, "RULE", "same symmetric",
     "convert: how the network was trained to pad (default: as the kind of file tells)"},
    {"preprocessing", 0, TYPE_TEXT, NETWORK, AT(convert.preprocessing), 0, "NAME", "tf caffe torch",
     "convert: how pixels become its input (default: as the kind of file tells)"},
    {"name", 0, TYPE_TEXT, NETWORK, AT(convert.name), 0, "NAME", NULL,
     "convert: the name to write into the file"},
    {"origin", 0, TYPE_TEXT, NETWORK, AT(convert.origin), 0, "TEXT", NULL,
     "convert: where the weights come from"},
    {"licence", 0, TYPE_TEXT, NETWORK, AT(convert.licence), 0, "TEXT", NULL,
     "convert: the licence of the weights"},
    {"input-px", 0, TYPE_COUNT, NETWORK, AT(convert.input_px), 0, "N", NULL,
     "convert: side of the square input"},
    {"address", 0, TYPE_TEXT, NETWORK, AT(address), 0, "URL", NULL, "pull: download from here instead"},
    {"photos", 0, TYPE_COUNT, BENCH | NETWORK, AT(n_photos), 0, "N", NULL,
     "bench: a quick look, N photos per measurement; calibrate: look at N photos (default: 100)"},
    {"cpu", 0, TYPE_BOOL, VERSION, AT(cpu), 1, NULL, NULL,
     "also the kernel sets this machine can run and the one chosen"},
    {"json", 0, TYPE_BOOL, ANY, AT(json), 1, NULL, NULL,
     "machine-readable output: JSON on stdout, one object a line"},
    {"quiet", 'q', TYPE_BOOL, ANY, AT(quiet), 1, NULL, NULL, "no progress and no messages, only errors"},
    {"help", 'h', TYPE_BOOL, ANY, AT(help), 1, NULL, NULL, "this help"},
};

const size_t n_options = sizeof options / sizeof options[0];

bool option_belongs(const struct option *option, const struct verb *verb)
{
    return option->verbs >> (verb - verbs) & 1;
}
