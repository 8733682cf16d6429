# SPDX-License-Identifier: Apache-2.0
"""python -m pomona.spark run: `pomona run` with its parts made by Spark's executors.

The driver lists, plans, fits, transforms and reports by pom_run; each task makes one part. A part is published whole and is the
same whoever makes it, so what Spark does with tasks (again, twice, elsewhere) shows nowhere in the result.
"""

import os
import re
import shlex
import shutil
import signal
import sys
import traceback

from pyspark import AccumulatorParam, InheritableThread, TaskContext
from pyspark.sql import SparkSession

import pomona
from pomona import _run
from pomona.spark import run_options
from pomona.spark.networks import SharedNetwork
from pomona.spark.terminal import Terminal

_POLL_SECONDS = 0.2
_GROUP = "pomona.spark run"


def main(arguments):
    """The exit code of the command line `arguments`."""
    if not arguments or arguments[0] != "run":
        print("usage: python -m pomona.spark run SOURCE OUT [options]; run --help lists them", file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    values, is_json, is_quiet = run_options.parse(arguments[1:])
    values["command_line"] = shlex.join(["pomona.spark"] + arguments)
    terminal = Terminal(is_json, is_quiet)
    try:
        spark = _session("pomona run " + values["output"])
    except Exception as error:
        return terminal.fail(_without_spark(error))
    interrupts = []
    for number in (signal.SIGINT, signal.SIGTERM):  # after Spark, which sets its own
        signal.signal(number, lambda *_: interrupts.append(number))
    try:
        return _run_in(spark, values, terminal, lambda: bool(interrupts))
    except Exception:
        traceback.print_exc()
        return 3
    finally:
        spark.stop()


def _session(name):
    # Spark's bar would be written over the run's own lines.
    spark = SparkSession.builder.appName(name).config("spark.ui.showConsoleProgress", "false").getOrCreate()
    context = spark.sparkContext
    # Else the first python3 of PATH, which need not be that of a virtual environment.
    if context.master.startswith("local") and "PYSPARK_PYTHON" not in os.environ:
        context.pythonExec = sys.executable
    return spark


def _without_spark(error):
    """The Error of a Spark that did not start."""
    has_java = shutil.which("java") or os.environ.get("JAVA_HOME")
    why = str(error).strip().splitlines()[0] if has_java else "it needs Java, and there is none (apt install openjdk-17-jre-headless)"
    return pomona.Error("io", "no_spark", f"Spark does not start: {why}")


def _run_in(spark, values, terminal, should_stop):
    try:
        s3 = {name[3:]: value for name, value in values.items() if name.startswith("s3.")}
        network = SharedNetwork(spark, values.get("network", "auto"), precision=run_options.PRECISIONS[values.get("precision", 0)],
                                s3=s3)
        values["n_part_makers"] = _tasks_at_a_time(spark.sparkContext)
        result = _run.run(values, on_event=terminal.show, should_stop=should_stop,
                          make_parts=lambda parts: _make_parts(spark, values, network, parts))
    except pomona.Error as error:
        if should_stop() and error.status != "interrupted":
            error = pomona.Error("interrupted", "interrupted", "interrupted; go on with --resume")
        return terminal.fail(error)
    terminal.summarise(values, result)
    return 1 if result.n_failed > 0 else 0


def _tasks_at_a_time(context):
    """Of the executors that are there when a run begins."""
    return max(1, context.defaultParallelism // int(context.getConf().get("spark.task.cpus", "1")))


class _Reports(AccumulatorParam):
    def zero(self, value):
        return []

    def addInPlace(self, reports, others):
        reports += others
        return reports


def _make_parts(spark, values, network, parts):
    """A Spark job with a task for each part; tells the run of each that is made."""
    context = spark.sparkContext
    tasks = parts.tasks()
    _check_paths(context, values, tasks)
    # What a task adds in an action counts once, when the task has succeeded.
    reports = context.accumulator([], _Reports())
    work = _work(values, network, reports)
    failures = []

    def make():
        context.setJobGroup(_GROUP, f"pomona: {len(tasks)} parts", True)
        try:
            context.parallelize(tasks, len(tasks)).foreachPartition(work)
        except Exception as error:
            failures.append(error)

    job = InheritableThread(target=make)
    job.start()
    n_told = 0
    try:
        while True:
            is_over = not job.is_alive()
            for report in reports.value[n_told:]:
                n_told += 1
                parts.made(report)
            parts.made()
            if is_over:
                break
            job.join(_POLL_SECONDS)
    except pomona.Error:
        context.cancelJobGroup(_GROUP)
        job.join()
        raise
    if failures:
        raise _told_by_task(failures[0])


def _work(values, network, reports):
    def work(tasks):
        maker = _maker(values, network)
        for task in tasks:
            reports.add([maker.make(task)])

    return work


# Of this worker process: what made its last part. Tasks of one run need the same, and another run's replaces it.
_makers = {}


def _maker(values, network):
    threads = TaskContext.get().cpus() if hasattr(TaskContext, "cpus") else 1
    # The driver's files; a part needs neither.
    given = {name: value for name, value in values.items() if name not in ("s3.price_file", "pca_path", "command_line", "n_part_makers")}
    key = repr(sorted(given.items(), key=str)), network.identity, threads
    if key not in _makers:
        _makers.clear()
        _makers[key] = _run.PartMaker({**given, "n_threads": threads}, network.open())
    return _makers[key]


def _check_paths(context, values, tasks):
    """Refuses what would mean another file on each machine."""
    if context.master.startswith("local") and not context.master.startswith("local-cluster"):
        return
    paths = [values["output"]] + [task.split(b"\0", 2)[1].decode(errors="replace") for task in tasks]
    for path in paths:
        if not path.startswith(("/", "s3://")):
            raise pomona.Error("argument", "relative_path", f"{path} is not an absolute path, and executors have other working "
                               "folders: give absolute paths or s3://")


# The last line of a Python traceback, among the lines that Spark and the JVM put around it.
_RAISED = re.compile(r"([A-Za-z_][\w.]*(?:Error|Exception)): (.+)")


def _told_by_task(error):
    """What a task raised, out of the text that Spark made of it; else what Spark says itself, shortened."""
    lines = str(error).splitlines() or [repr(error)]
    raised = next(filter(None, map(_RAISED.match, lines)), None)
    if raised is None:
        message = next((line for line in lines if "Job aborted" in line), lines[0])
    else:
        message = raised[2] if raised[1] == "pomona._library.Error" else raised[0]
    return pomona.Error("io", "task_failed", f"a part could not be made, after Spark's tries: {message}")
