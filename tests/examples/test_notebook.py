# SPDX-License-Identifier: Apache-2.0
"""examples/notebooks/fruits.ipynb, run from its first cell to its last in a kernel, with Spark, on drawn photos.

    test_notebook.py [--keep FILE]     FILE: the notebook with what it printed and drew, as it is kept in the repository
"""

import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import nbformat
    from nbclient import NotebookClient
except ImportError as missing:
    print(f"skipped: no {missing.name}; tools/setup.sh --tests installs it")
    sys.exit(77)
if subprocess.run(["java", "-version"], stderr=subprocess.DEVNULL).returncode != 0:
    print("skipped: no Java for Spark")
    sys.exit(77)

SOURCE, BUILD = pathlib.Path(os.environ["POMONA_SOURCE"]), pathlib.Path(os.environ["POMONA_BUILD"])
NOTEBOOK = SOURCE / "examples/notebooks/fruits.ipynb"
MOST_BYTES = 200_000  # of the notebook with its outputs, which a code host shows

# pyspark, pyarrow and pandas are those of the other tests.
packages = next((SOURCE / ".deps/python/lib").glob("python3.*/site-packages"), None)
if packages is None:
    print("skipped: no .deps/python; tools/setup.sh --tests makes it")
    sys.exit(77)
os.environ["PYTHONPATH"] = str(packages)
sys.path.insert(0, str(packages))
sys.path.insert(0, str(SOURCE / "tests/python"))
import package  # noqa: E402


def run(work):
    """The notebook with its outputs; its settings are replaced, as papermill does, for its time in the kernel alone."""
    photos, output = work / "photos", work / "out"
    subprocess.run([BUILD / "tools/demo_photos/demo_photos", photos, "--per-kind", "8"], check=True, stdout=subprocess.DEVNULL)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    settings = next(cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    written = settings.source
    settings.source = f"source, output, network = {str(photos)!r}, {str(output)!r}, 'orchard'"
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYTHONWARNINGS": "ignore", "PYSPARK_SUBMIT_ARGS":
                   "--master local[2] --conf spark.ui.enabled=false --conf spark.sql.shuffle.partitions=4 "
                   "--conf spark.driver.bindAddress=127.0.0.1 --conf spark.driver.host=127.0.0.1 pyspark-shell"}
    NotebookClient(notebook, timeout=400, kernel_name="python3", coalesce_streams=True,
                   resources={"metadata": {"path": str(work)}}).execute()
    settings.source = written
    return notebook, photos


def tidy(notebook, photos):
    """No times, no paths of this machine, no noise on stderr: what is kept changes only when the result does."""
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
            for output in cell.outputs:
                if "text" in output:
                    output.text = output.text.replace(str(photos), "photos")
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                         "language_info": {"name": "python"}}


def text_of(notebook, begins):
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code" and begins in cell.source)
    return "".join(output.get("text", "") for output in cell.outputs)


def main():
    with tempfile.TemporaryDirectory(prefix="pomona-notebook-") as folder:
        notebook, photos = run(pathlib.Path(folder))
        n_files = sum(1 for file in photos.rglob("*") if file.is_file())
        assert f"{n_files} photos in" in text_of(notebook, "read_photos("), text_of(notebook, "read_photos(")
        features = text_of(notebook, "Featurizer(")
        assert f"{n_files - 2} photos have features, 2 have not" in features and "1280 numbers" in features, features
        assert f"({n_files - 2}, " in text_of(notebook, "read.parquet"), text_of(notebook, "read.parquet")
        images = [output.data["image/png"] for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
                  if "image/png" in output.get("data", {})]
        assert len(images) == 3, f"{len(images)} plots"
        tidy(notebook, photos)
        text = nbformat.writes(notebook) + "\n"
        assert len(text) < MOST_BYTES, f"the notebook with its outputs has {len(text)} bytes"
        if "--keep" in sys.argv:
            pathlib.Path(sys.argv[sys.argv.index("--keep") + 1]).write_text(text)
        kept = nbformat.read(NOTEBOOK, as_version=4)
        kept_images = sum("image/png" in output.get("data", {}) for cell in kept.cells for output in cell.get("outputs", []))
        assert kept_images == 3 or "--keep" in sys.argv, "the repository's notebook lost its plots: run with --keep"
        print(f"{len(notebook.cells)} cells, {len(images)} plots, {len(text)} bytes")


main()
