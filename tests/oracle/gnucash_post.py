"""Posts entries with GnuCash's own engine and prints how long it took, as JSON on standard output.

Usage: gnucash_post.py BOOK ENTRIES. BOOK is changed: give a copy. ENTRIES holds one entry a line:
{"date": "2026-01-05", "description": "…", "reference": "…", "currency": "USD",
 "lines": [{"account": "Assets:Bank", "minor": 1050, "digits": 2}, …]}
Measured: "post_seconds" (making the transactions), "save_seconds" (writing the rest of the book).
"""

import datetime
import json
import os
import sys
import time

from gnucash import GncNumeric, Session, SessionOpenMode, Split, Transaction


def accounts_by_name(book):
    found = {}
    for account in book.get_root_account().get_descendants():
        found[account.get_full_name().replace(".", ":")] = account
    return found


def post(book, accounts, currencies, entry):
    transaction = Transaction(book)
    transaction.BeginEdit()
    code = entry["currency"]
    if code not in currencies:
        currencies[code] = book.get_table().lookup("CURRENCY", code)
    transaction.SetCurrency(currencies[code])
    day = datetime.date.fromisoformat(entry["date"])
    transaction.SetDate(day.day, day.month, day.year)
    transaction.SetDescription(entry["description"])
    transaction.SetNum(entry["reference"])
    for line in entry["lines"]:
        split = Split(book)
        split.SetParent(transaction)
        split.SetAccount(accounts[line["account"]])
        amount = GncNumeric(line["minor"], 10 ** line["digits"])
        split.SetValue(amount)
        split.SetAmount(amount)
    transaction.CommitEdit()


def main(book_path, entries_path):
    with open(entries_path, encoding="utf-8") as file:
        entries = [json.loads(line) for line in file if line.strip()]
    session = Session("sqlite3://" + os.path.abspath(book_path), SessionOpenMode.SESSION_NORMAL_OPEN)
    try:
        book = session.book
        accounts = accounts_by_name(book)
        currencies = {}
        begun = time.monotonic()
        for entry in entries:
            post(book, accounts, currencies, entry)
        posted = time.monotonic()
        session.save()
        saved = time.monotonic()
        answer = {"entries": len(entries), "post_seconds": posted - begun, "save_seconds": saved - posted}
        json.dump(answer, sys.stdout, sort_keys=True)
    finally:
        session.end()
        session.destroy()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
