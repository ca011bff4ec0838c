"""What GnuCash's own engine says about a book, as JSON on standard output.

Usage: gnucash_oracle.py BOOK. The book is opened read-only and never saved. Balances are exact
fractions in the account's own currency and do not include sub-accounts.
"""

import json
import os
import sys

from gnucash import Session, SessionOpenMode


def schemed(path):
    with open(path, "rb") as file:
        start = file.read(16)
    kind = "sqlite3" if start.startswith(b"SQLite format 3") else "xml"
    return kind + "://" + os.path.abspath(path)


def fraction(number):
    return "%d/%d" % (number.num(), number.denom())


def main(path):
    session = Session(schemed(path), SessionOpenMode.SESSION_READ_ONLY)
    try:
        book = session.book
        answer = {"balances": {}, "repairs": [], "unbalanced": [], "transactions": 0, "splits": 0}
        seen = set()
        for account in book.get_root_account().get_descendants():
            name = account.get_full_name().replace(".", ":")
            commodity = account.GetCommodity()
            answer["balances"][name] = "%s %s" % (fraction(account.GetBalance()), commodity.get_mnemonic())
            if account.GetName().startswith(("Imbalance", "Orphan")):
                answer["repairs"].append(name)
            for split in account.GetSplitList():
                answer["splits"] += 1
                transaction = split.parent
                guid = transaction.GetGUID().to_string()
                if guid in seen:
                    continue
                seen.add(guid)
                if not transaction.IsBalanced():
                    answer["unbalanced"].append("%s %s" % (guid, transaction.GetDescription()))
        answer["transactions"] = len(seen)
        json.dump(answer, sys.stdout, ensure_ascii=False, sort_keys=True)
    finally:
        session.end()
        session.destroy()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
