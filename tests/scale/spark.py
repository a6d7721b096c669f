"""Many recordings on a cluster: each through `gstream decode --json`, an interaction a line.

    spark-submit tests/scale/spark.py 'recordings/*.sse' interactions

gstream is installed on every worker; a partition is one process that reads one recording after the
other. A recording that is not whole gives its interaction as far as it is known, with its status.
"""

import os
import sys
import time

from pyspark.sql import SparkSession


def apart(recording: str) -> str:
    """A recording that the next one cannot run into: Spark takes the blank lines off its end."""
    return f"{recording}\n\n:"


def main(recordings: str, interactions: str) -> None:
    """Decode all recordings of a pattern into a directory of lines of JSON."""
    spark = SparkSession.builder.appName("gstream").getOrCreate()
    begin = time.monotonic()
    found = spark.sparkContext.wholeTextFiles(recordings, spark.sparkContext.defaultParallelism)
    environment = {"PATH": os.environ["PATH"]}  # or Spark gives its processes none
    decoded = found.values().map(apart).pipe("gstream decode --json -q", environment)
    decoded.saveAsTextFile(interactions)
    seconds = time.monotonic() - begin
    statuses = spark.read.json(interactions).groupBy("status").count().collect()
    print(f"{seconds:.1f} s", {row["status"]: row["count"] for row in statuses})
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
