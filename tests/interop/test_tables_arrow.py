# SPDX-License-Identifier: Apache-2.0
"""Our tables in pyarrow, pandas and DuckDB; theirs in our reader."""
import glob
import json
import os
import sys
import tempfile

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from table_rows import assert_same, make_rows, read_table, run_tests, write_table

TOOL = os.path.abspath(sys.argv[1])
ROWS = make_rows(700, 1280)


def ours_in_pyarrow():
    table = pq.read_table("out/features")
    expected = pa.schema([("path", pa.string()), ("label", pa.string()), ("features", pa.list_(pa.float32()))])
    assert [f.type for f in table.schema] == [f.type for f in expected], table.schema
    assert table.schema.names == expected.names
    metadata = pq.read_schema("out/features/part-00000-run.parquet").metadata
    assert metadata[b"network_identity"] == b"0123abc" and metadata[b"network_name"] == b"orchard", metadata
    features = table["features"].combine_chunks().flatten().to_numpy().reshape(len(ROWS), -1)
    assert_same(list(zip(table["path"].to_pylist(), table["label"].to_pylist(), features)), ROWS)


def ours_in_pandas():
    frame = pd.read_parquet("out/features")
    assert_same(list(frame.itertuples(index=False, name=None)), ROWS)


def our_csv_in_pandas():
    files = sorted(glob.glob("out/features_csv/*.csv"))
    assert len(files) == 3, files
    names = ["path", "label"] + [f"f{k}" for k in range(1280)]
    types = {name: np.float32 for name in names[2:]}
    frames = [
        # round_trip: pandas' own parser of numbers is faster, and off by a bit at times
        pd.read_csv(file, dtype=types, keep_default_na=False, float_precision="round_trip", lineterminator="\n")
        for file in files
    ]
    frame = pd.concat(frames)
    assert list(frame.columns) == names
    numbers = frame[names[2:]].to_numpy(np.float32)
    assert_same(list(zip(frame["path"], frame["label"], numbers)), ROWS)


def our_json_in_python():
    rows = []
    for file in sorted(glob.glob("out/features_json/*.json")):
        with open(file, encoding="utf-8", newline="\n") as lines:
            rows += [json.loads(line) for line in lines]
    assert_same([(r["path"], r["label"], np.array(r["features"], np.float32)) for r in rows], ROWS)


def ours_in_duckdb():
    result = duckdb.sql("SELECT path, label, features FROM 'out/features/*.parquet'")
    assert [str(t) for t in result.types] == ["VARCHAR", "VARCHAR", "FLOAT[]"], result.types
    assert_same([(p, l, np.array(f, np.float32)) for p, l, f in result.fetchall()], ROWS)
    columns = ", ".join(f"f{k}" for k in range(1280))
    result = duckdb.sql(f"SELECT path, label, [{columns}]::FLOAT[] FROM read_csv('out/features_csv/*.csv', "
                        "nullstr = 'no such text', all_varchar = true, header = true, quote = '\"', escape = '\"')")
    assert_same([(p, l, np.array(f, np.float32)) for p, l, f in result.fetchall()], ROWS)


def theirs(name, type, rows=ROWS[:300], columns=("path", "label", "features"), **options):
    """One file as pyarrow writes it."""
    numbers = np.concatenate([features for _, _, features in rows]).astype(np.float64)
    if pa.types.is_fixed_size_list(type):
        lists = pa.FixedSizeListArray.from_arrays(pa.array(numbers, type.value_type), type.list_size)
    else:
        offsets = np.arange(len(rows) + 1) * 1280
        make = pa.LargeListArray if pa.types.is_large_list(type) else pa.ListArray
        lists = make.from_arrays(offsets, pa.array(numbers, type.value_type))
    available = {
        "path": pa.array([path for path, _, _ in rows]),
        "label": pa.array([label for _, label, _ in rows]).dictionary_encode(),
        "features": lists,
        "size": pa.array(range(len(rows))),
    }
    pq.write_table(pa.table({c: available[c] for c in columns}), name, **options)


def pyarrow_lists_of_all_kinds():
    for type in (pa.list_(pa.float32()), pa.list_(pa.float64()), pa.large_list(pa.float32()),
                 pa.list_(pa.float32(), 1280)):
        for options in ({"compression": "zstd"}, {"compression": "gzip", "row_group_size": 37},
                        {"compression": "none", "data_page_version": "2.0", "version": "2.6"},
                        {"compression": "snappy", "use_dictionary": False, "data_page_size": 1000}):
            theirs("a.parquet", type, **options)
            assert_same(read_table(TOOL, "a.parquet"), ROWS[:300])


def byte_stream_split_is_read_too():
    theirs("a.parquet", pa.list_(pa.float32()), use_dictionary=False, use_byte_stream_split=["features.list.element"])
    assert_same(read_table(TOOL, "a.parquet"), ROWS[:300])


def columns_in_another_order_and_more_of_them():
    theirs("a.parquet", pa.list_(pa.float32()), columns=("size", "features", "label", "path"))
    assert_same(read_table(TOOL, "a.parquet"), ROWS[:300])
    theirs("a.parquet", pa.list_(pa.float32()), columns=("features", "path"))
    assert_same(read_table(TOOL, "a.parquet"), [(path, "", features) for path, _, features in ROWS[:300]])


def pandas_tables():
    frame = pd.DataFrame(ROWS[:300], columns=["path", "label", "features"])
    frame.to_parquet("a.parquet")
    assert_same(read_table(TOOL, "a.parquet"), ROWS[:300])


def label_folders():
    rows = [(f"p{i}", ["007", "pear two", "50%/x"][i // 100], features) for i, (_, _, features)
            in enumerate(ROWS[:300])]
    table = pa.table({"path": [r[0] for r in rows], "label": [r[1] for r in rows],
                      "features": pa.array([r[2] for r in rows], pa.list_(pa.float32()))})
    pq.write_to_dataset(table, "by_label", partition_cols=["label"])
    assert_same(sorted(read_table(TOOL, "by_label"), key=lambda row: int(row[0][1:])), rows)


def nulls_and_text_that_is_not_utf8_are_refused():
    good = ROWS[0][2].tolist()
    for features, message in (([good, None], "row 2: features is NULL"),
                              ([good, good[:-1] + [None]], "row 2: features has a NULL among its numbers"),
                              ([good, good[:-1]], "row 2: features has 1279 numbers")):
        pq.write_table(pa.table({"path": ["a", "b"], "features": pa.array(features, pa.list_(pa.float32()))}),
                       "a.parquet")
        got = read_table(TOOL, "a.parquet")
        assert "a.parquet: " + message in got, got
    latin = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"path": latin, "features": pa.array([good], pa.list_(pa.float32()))}), "a.parquet")
    got = read_table(TOOL, "a.parquet")
    assert isinstance(got, str) and "a.parquet" in got, got
    print("   ", got)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    write_table(TOOL, "out/features", ROWS, 300)
    run_tests([ours_in_pyarrow, ours_in_pandas, our_csv_in_pandas, our_json_in_python, ours_in_duckdb,
               pyarrow_lists_of_all_kinds, byte_stream_split_is_read_too,
               columns_in_another_order_and_more_of_them, pandas_tables, label_folders,
               nulls_and_text_that_is_not_utf8_are_refused])
    os.chdir("/")
