"""One tiny file per format, made up here in the exact format; never an excerpt of real data."""

import dataclasses

import numpy as np

from freqopt.data.formats import avazu

MOVIELENS_1M = (
    "7::31::5::978300760\n2::31::3::978300700\n7::3952::1::978302268\n7::31::5::978300760\n"
)
MOVIELENS_100K = MOVIELENS_1M.replace("::", "\t")
MOVIELENS_10M = MOVIELENS_1M.replace("::3::", "::3.5::")
MOVIELENS_CSV = (
    "userId,movieId,rating,timestamp\n"
    "7,31,5.0,978300760\n2,31,3.5,978300700\n7,3952,1.0,978302268\n7,31,5.0,978300760\n"
)
RATINGS_CSV = (
    'User-ID;ISBN;"Book-Rating";comment\n276725;034545104X;0;x\n'
    '276726;"0155061224";5;"a; ""b"""\n276725;0155061224; 3.5 ;\n'
)
RECBOLE_INTER = (
    "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    "196\t242\t3\t881250949\n186\t302\t3.5\t891717742\n196\t302\t1\t881250949\n"
)


def criteo_line(label="1", integers=None, hashes=None):
    integers = ["0", "-2", "", *map(str, range(4, 14))] if integers is None else integers
    hashes = ["", *(f"{k:08x}" for k in range(25))] if hashes is None else hashes
    return "\t".join([label, *integers, *hashes]) + "\n"


CRITEO = (
    criteo_line()
    + criteo_line("0", hashes=["0000000a"] * 25 + [""])  # last field empty
    + criteo_line("1", integers=[""] * 13, hashes=["ffffffff"] * 26)
    + criteo_line()
)


def avazu_line(number="10000169349117863715", click="0", hour="14102100", **values):
    row = {
        name: "%08x" % (k * 0x11111111) if name in avazu.HASHED else str(k)
        for k, name in enumerate(avazu.FIELDS)
    } | {"C20": "-1"}
    return ",".join([number, click, hour, *(row | values).values()]) + "\n"


AVAZU = (
    ",".join(avazu.COLUMNS)
    + "\n"
    + avazu_line()
    + avazu_line("0", "1", "14103023", device_ip="deadbeef")
    + avazu_line("00012", "0", "14103023", C21="2147483648")
)
TEXT = "the cat saw\nthe dog and the cat\nran off\n"
TOKEN_COUNTS = "the\t23135851162\nof the\t2766332391\n007\t12\n"

SAMPLES = {
    "movielens_1m": MOVIELENS_1M,
    "movielens_10m": MOVIELENS_10M,
    "movielens_100k": MOVIELENS_100K,
    "movielens_csv": MOVIELENS_CSV,
    "ratings_csv": RATINGS_CSV,
    "recbole_inter": RECBOLE_INTER,
    "criteo": CRITEO,
    "avazu": AVAZU,
    "text": TEXT,
    "token_counts": TOKEN_COUNTS,
}


def content(dataset):
    """What was read, without where from: two loaders agree when these are equal."""
    parts = {}
    for field in dataclasses.fields(dataset):
        value = getattr(dataset, field.name)
        if field.name in ("name", "source", "sha256"):
            continue
        if isinstance(value, np.ndarray):
            of_texts = isinstance(value.dtype, np.dtypes.StringDType)
            values = value.tolist() if of_texts else value.tobytes()  # NaN is itself there
            value = (str(value.dtype), value.shape, values)
        elif isinstance(value, tuple):
            value = [v.tolist() if isinstance(v, np.ndarray) else v for v in value]
        parts[field.name] = value
    return parts
