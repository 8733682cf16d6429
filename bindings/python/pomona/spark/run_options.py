# SPDX-License-Identifier: Apache-2.0
"""The command line of `python -m pomona.spark run`: the options of `pomona run`, but for --threads."""

import argparse
import os

from pomona import _declarations as c
from pomona.network import FILTERS, FITS, PRECISIONS
from pomona.pca import SCALES

# name, letter, value (None: a flag; str; int; float; or the choices), field of pom_run_options, the field's value for a flag, help
_OPTIONS = [
    ("network", "n", str, "network", None, "auto (default), mobilenetv2, resnet50, orchard, or a network file; on s3:// too"),
    ("precision", None, PRECISIONS, "precision", None, "how the network computes (default: fp32)"),
    ("glob", None, str, "glob", None, "which files are photos, space-separated, case-insensitive"),
    ("label-from", None, str, "label_from", None, "a photo's label: parent (default), none, or regex:EXPRESSION"),
    ("filter", None, FILTERS, "resize.filter", None, "resampling filter (default: bicubic)"),
    ("fit", None, FITS, "resize.fit", None, "how a photo becomes square (default: stretch)"),
    ("no-exif-rotate", None, None, "decode.ignore_exif_rotation", 1, "leave photos as stored, as plain Pillow does"),
    ("max-pixels", None, int, "decode.max_pixels", None, "refuse photos with more pixels (default: 89478485)"),
    ("max-file-bytes", None, int, "max_file_bytes", None, "refuse larger files (default: 268435456)"),
    ("max-failures", None, int, "max_failures", None, "end the run when more photos than this fail (default: never)"),
    ("part-rows", None, int, "part_rows", None, "photos per part, which is a task (default: some dozens of parts, up to 4096 photos)"),
    ("format", "f", str, "formats", None, "tables to write beside Parquet: csv, json, separated by commas"),
    ("scale", None, SCALES, "pca.scale", None, "scaling before PCA (default: mean-std)"),
    ("components", "k", int, "pca.n_components", None, "number of components"),
    ("variance", None, float, "pca.variance", None, "as many components as explain this share (default: 0.95)"),
    ("pca", None, str, "pca_path", None, "apply this PCA file instead of fitting one"),
    ("with-scaled", None, None, "with_scaled", 1, "add the column features_scaled to the PCA table"),
    ("spark-compatible", None, None, "pca_apply_flags", c.POM_PCA_SPARK_COMPATIBLE,
     "project without subtracting the mean, as pyspark.ml does"),
    ("resume", None, None, "resume", 1, "go on with an output that is there"),
    ("retry-failed", None, None, "retry_failed", 1, "try the failed photos again"),
    ("update", None, None, "update", 1, "add photos that are new in the source"),
    ("overwrite", None, None, "overwrite", 1, "replace what pomona wrote there before"),
    ("dry-run", None, None, "dry_run", 1, "say what would be done and write nothing"),
    ("no-report", None, None, "no_report", 1, "skip report.html and plots/"),
    ("endpoint-url", None, str, "s3.endpoint_url", None, "s3: address of a server that is not AWS"),
    ("region", None, str, "s3.region", None, "s3: region to sign for (default: AWS_REGION; a bucket's own is found)"),
    ("profile", None, str, "s3.profile", None, "s3: profile of ~/.aws/config, on every machine"),
    ("no-sign-request", None, None, "s3.no_sign_request", 1, "s3: use no credentials, for public buckets"),
    ("request-payer", None, str, "s3.request_payer", None, "s3: pay for requests to buckets whose owner does not"),
    ("s3-connections", None, int, "s3.n_connections", None, "s3: most requests at a time in a process (default: 64)"),
    ("require-region", None, str, "s3.require_region", None, "s3: refuse buckets elsewhere: EU, or names and patterns"),
    ("s3-prices", None, str, "s3.price_file", None, "s3: count the driver's costs with the prices of this JSON file"),
    ("take-over", None, None, "s3.take_over", 1, "s3: go on although the lock of another run is there, which is gone"),
]
_LEAST = {"max-pixels": 0, "max-file-bytes": 0, "max-failures": 0}


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"pomona.spark run: {message} (see python -m pomona.spark run --help)\n")


def _number(name, kind):
    least = _LEAST.get(name, 1)

    def convert(text):
        try:
            value = kind(text)
        except ValueError:
            value = -1
        if not (value >= least if kind is int else 0 < value <= 1):
            wanted = f"whole number of at least {least}" if kind is int else "share above 0 and up to 1"
            raise argparse.ArgumentTypeError(f"{text!r} is not a {wanted}")
        return value

    return convert


def _parser():
    parser = _Parser(prog="pomona.spark run", allow_abbrev=False, description="Photos to features, PCA, tables and a report: what "
                     "`pomona run` does, its photos shared out over the executors of a Spark cluster. SOURCE and OUT are on "
                     "s3:// or in folders that all machines share. Threads in a task are spark.task.cpus.",
                     epilog="Exit codes: 0 all photos written; 1 done, some photos failed; 2 wrong usage or settings; 3 could "
                     "not finish; 130 interrupted (go on with --resume).")
    parser.add_argument("source", metavar="SOURCE", help="a folder, one photo, or @FILE with one path a line")
    parser.add_argument("output", metavar="OUT", help="the folder to write")
    for name, letter, value, field, flag, text in _OPTIONS:
        names = ["--" + name] + (["-" + letter] if letter else [])
        if value is None:
            parser.add_argument(*names, dest=field, action="store_const", const=flag, help=text)
        elif isinstance(value, tuple):
            parser.add_argument(*names, dest=field, choices=value, help=text)
        else:
            parser.add_argument(*names, dest=field, metavar="N" if value is int else "X", help=text,
                                type=value if value is str else _number(name, value))
    parser.add_argument("--threads", "-t", dest="threads", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="machine-readable output: JSON on stdout, one object a line")
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress and no messages, only errors")
    return parser


def parse(arguments):
    """(fields of pom_run_options by name, is_json, is_quiet); ends the process with exit code 2 after a mistake."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    if given.pop("threads") is not None:
        parser.error("--threads: threads in a task are spark.task.cpus: spark-submit --conf spark.task.cpus=N")
    is_json, is_quiet = given.pop("json"), given.pop("quiet")
    choices = {field: value for _, _, value, field, _, _ in _OPTIONS if isinstance(value, tuple)}
    values = {field: choices[field].index(value) if field in choices else value
              for field, value in given.items() if value is not None}
    values["cpu"] = os.environ.get("POMONA_CPU")
    return values, is_json, is_quiet
