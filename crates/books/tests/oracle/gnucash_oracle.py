"""Real GnuCash as a judge: makes books, edits them like a person, and says what it reads.

Run with the system's Python, which has GnuCash's bindings. One command per run, answers as JSON on stdout.
It never looks at the tables itself, except to set up what a person can only do in the window.
"""

import ctypes
import glob
import json
import os
import sys

import gnucash
from gnucash import GncNumeric, Session, SessionOpenMode, Split, Transaction, gnucash_core_c

TYPES = {
    "BANK": gnucash.ACCT_TYPE_BANK,
    "CASH": gnucash.ACCT_TYPE_CASH,
    "ASSET": gnucash.ACCT_TYPE_ASSET,
    "LIABILITY": gnucash.ACCT_TYPE_LIABILITY,
    "INCOME": gnucash.ACCT_TYPE_INCOME,
    "EXPENSE": gnucash.ACCT_TYPE_EXPENSE,
    "EQUITY": gnucash.ACCT_TYPE_EQUITY,
    "STOCK": gnucash.ACCT_TYPE_STOCK,
}


def uri(path):
    return "sqlite3://" + os.path.abspath(path)


def engine():
    return ctypes.CDLL(glob.glob("/usr/lib/*/gnucash/libgnc-engine.so")[0])


def pointer(wrapped):
    return ctypes.c_void_p(int(wrapped.instance.this if hasattr(wrapped.instance, "this") else wrapped.instance))


def stored_text(thing, name):
    text = ctypes.c_char_p()
    engine().qof_instance_get(pointer(thing), name, ctypes.byref(text), None)
    return text.value.decode() if text.value else None


def gdate(transaction):
    """The day as the window shows it."""
    library = engine()

    class GDate(ctypes.Structure):
        _fields_ = [("bits", ctypes.c_uint64), ("more", ctypes.c_uint64)]

    library.xaccTransGetDatePostedGDate.restype = GDate
    day = library.xaccTransGetDatePostedGDate(pointer(transaction))
    text = ctypes.create_string_buffer(16)
    ctypes.CDLL("libglib-2.0.so.0").g_date_strftime(text, 16, b"%Y-%m-%d", ctypes.byref(day))
    return text.value.decode()


def guid(thing):
    return thing.GetGUID().to_string()


def accounts_of(book):
    return book.get_root_account().get_descendants_sorted()


def find_account(book, path):
    account = book.get_root_account()
    for name in path.split(":"):
        account = account.lookup_by_name(name)
    return account


def make(path, plan):
    """plan: {"accounts": [[path, type, currency, placeholder]], "entries": [[date, num, text, notes, currency, [[path, value, quantity, memo]]]]}"""
    session = Session(uri(path), SessionOpenMode.SESSION_NEW_STORE)
    session.end()
    session = Session(uri(path), SessionOpenMode.SESSION_NORMAL_OPEN)
    book = session.book
    table = book.get_table()
    by_path = {"": book.get_root_account()}
    ids = {}
    for full, kind, currency, placeholder in plan["accounts"]:
        above, _, name = full.rpartition(":")
        account = gnucash.Account(book)
        by_path[above].append_child(account)
        account.SetName(name)
        account.SetType(TYPES[kind])
        if kind == "STOCK":
            share = gnucash.GncCommodity(book, currency, "NASDAQ", currency, "", 10000)
            account.SetCommodity(table.insert(share))
        else:
            account.SetCommodity(table.lookup("CURRENCY", currency))
        account.SetPlaceholder(bool(placeholder))
        by_path[full] = account
        ids[full] = guid(account)
    entries = []
    for day, num, text, notes, currency, lines in plan["entries"]:
        entries.append(guid(post(book, day, num, text, notes, currency, [(by_path[p], v, q, m) for p, v, q, m in lines])))
    session.save()
    session.end()
    return {"accounts": ids, "entries": entries}


def post(book, day, num, text, notes, currency, lines):
    transaction = Transaction(book)
    transaction.BeginEdit()
    transaction.SetCurrency(book.get_table().lookup("CURRENCY", currency))
    year, month, date = (int(part) for part in day.split("-"))
    transaction.SetDate(date, month, year)
    transaction.SetNum(num)
    transaction.SetDescription(text)
    if notes:
        transaction.SetNotes(notes)
    for account, value, quantity, memo in lines:
        split = Split(book)
        split.SetParent(transaction)
        split.SetAccount(account)
        split.SetValue(GncNumeric(*value))
        split.SetAmount(GncNumeric(*quantity))
        split.SetMemo(memo)
    transaction.CommitEdit()
    return transaction


def read(path):
    session = Session(uri(path), SessionOpenMode.SESSION_READ_ONLY)
    book = session.book
    accounts = {}
    transactions = {}
    for account in accounts_of(book):
        balance = account.GetBalance()
        commodity = account.GetCommodity()
        accounts[guid(account)] = {
            "name": account.GetName(),
            "balance": [balance.num(), balance.denom()],
            "commodity": commodity.get_mnemonic(),
        }
        for split in account.GetSplitList():
            transaction = split.parent
            transactions[guid(transaction)] = transaction
    entries = {}
    for key, transaction in transactions.items():
        imbalance = transaction.GetImbalanceValue()
        entries[key] = {
            "date": transaction.GetDate().strftime("%Y-%m-%d"),
            "posted": gdate(transaction),
            "text": transaction.GetDescription(),
            "num": transaction.GetNum(),
            "balanced": imbalance.num() == 0,
            "lines": [
                {
                    "id": guid(split),
                    "account": guid(split.GetAccount()),
                    "value": [split.GetValue().num(), split.GetValue().denom()],
                    "quantity": [split.GetAmount().num(), split.GetAmount().denom()],
                    "memo": split.GetMemo(),
                    "state": split.GetReconcile(),
                    "online_id": stored_text(split, b"online-id"),
                }
                for split in transaction.GetSplitList()
            ],
        }
    days = book.get_num_days_autoreadonly() if book.uses_autoreadonly() else 0
    session.end()
    return {"accounts": accounts, "entries": entries, "read_only_after_days": days}


def lookup(book, entry):
    for account in accounts_of(book):
        for split in account.GetSplitList():
            if guid(split.parent) == entry:
                return split.parent
    raise SystemExit("no such entry: " + entry)


def edit(path, entry, what, value):
    session = Session(uri(path), SessionOpenMode.SESSION_NORMAL_OPEN)
    transaction = lookup(session.book, entry)
    transaction.BeginEdit()
    splits = transaction.GetSplitList()
    if what == "text":
        transaction.SetDescription(value)
    elif what == "num":
        transaction.SetNum(value)
    elif what == "notes":
        transaction.SetNotes(value)
    elif what == "date":
        year, month, date = (int(part) for part in value.split("-"))
        transaction.SetDate(date, month, year)
    elif what == "memo":
        splits[0].SetMemo(value)
    elif what == "state":
        splits[0].SetReconcile(value)
    elif what == "account":
        splits[0].SetAccount(find_account(session.book, value))
    elif what == "amount":
        extra = int(value)
        for split, sign in ((splits[0], 1), (splits[1], -1)):
            amount = GncNumeric(split.GetValue().num() + sign * extra, split.GetValue().denom())
            split.SetValue(amount)
            split.SetAmount(amount)
    elif what == "closing":
        transaction.SetIsClosingTxn(True)
    elif what == "delete":
        transaction.Destroy()
    else:
        raise SystemExit("unknown edit: " + what)
    transaction.CommitEdit()
    session.save()
    session.end()
    return {}


def touch(path):
    """Opens the book for writing, saves and closes it: what a person does by just looking."""
    session = Session(uri(path), SessionOpenMode.SESSION_NORMAL_OPEN)
    session.save()
    session.end()
    return {}


def hold(path):
    session = Session(uri(path), SessionOpenMode.SESSION_NORMAL_OPEN)
    print(json.dumps({"pid": os.getpid()}), flush=True)
    sys.stdin.readline()
    session.end()
    return {}


def importer(path, account, key):
    """Asks GnuCash's own importer whether it has seen `key` in `account`, as it does for every line of a statement."""
    generic = ctypes.CDLL(glob.glob("/usr/lib/*/gnucash/libgnc-generic-import.so")[0])
    glib = ctypes.CDLL("libglib-2.0.so.0")
    glib.g_hash_table_new.restype = ctypes.c_void_p
    session = Session(uri(path), SessionOpenMode.SESSION_READ_ONLY)
    book = session.book
    target = next(a for a in accounts_of(book) if guid(a) == account)
    candidate = Transaction(book)
    candidate.BeginEdit()
    candidate.SetCurrency(target.GetCommodity())
    split = Split(book)
    split.SetParent(candidate)
    split.SetAccount(target)
    engine().qof_instance_set(pointer(split), b"online-id", key.encode(), None)
    seen = glib.g_hash_table_new(ctypes.cast(glib.g_direct_hash, ctypes.c_void_p), ctypes.cast(glib.g_direct_equal, ctypes.c_void_p))
    found = generic.gnc_import_exists_online_id(pointer(candidate), ctypes.c_void_p(seen))
    session.end()
    return {"found": bool(found)}


COMMANDS = {"make": make, "read": read, "edit": edit, "touch": touch, "hold": hold, "importer": importer}

if __name__ == "__main__":
    command, path, *rest = sys.argv[1:]
    if command == "make":
        rest = [json.load(sys.stdin)]
    print(json.dumps(COMMANDS[command](path, *rest)), flush=True)
