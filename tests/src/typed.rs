//! Entries that a person types into a GnuCash book, written as GnuCash itself stores them.
//!
//! For tests only, and with statements of its own: the writer under test must not write what it is judged by.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::path::Path;

/// Types one entry with two lines, `minor` on the first account and the opposite on the second. Accounts by id.
pub async fn entry(book: &Path, guid: &str, day: &str, description: &str, accounts: (&str, &str), minor: i64) {
    assert_eq!(guid.len(), 32, "GnuCash's ids have 32 letters");
    let mut db = SqliteConnectOptions::new()
        .filename(book)
        .connect()
        .await
        .expect("the book can be opened");
    let currency: String = sqlx::query_scalar("SELECT guid FROM commodities WHERE mnemonic = 'USD'")
        .fetch_one(&mut db)
        .await
        .expect("dollars");
    sqlx::query("INSERT INTO transactions (guid, currency_guid, num, post_date, enter_date, description) VALUES (?, ?, '', ?, ?, ?)")
        .bind(guid)
        .bind(currency)
        .bind(format!("{day} 10:59:00"))
        .bind(format!("{day} 10:59:00"))
        .bind(description)
        .execute(&mut db)
        .await
        .expect("a transaction");
    for (at, (account, minor)) in [(accounts.0, minor), (accounts.1, -minor)].into_iter().enumerate() {
        sqlx::query(
            "INSERT INTO splits (guid, tx_guid, account_guid, memo, action, reconcile_state, reconcile_date, value_num, value_denom, quantity_num, quantity_denom, lot_guid) \
             VALUES (?, ?, ?, '', '', 'n', NULL, ?, 100, ?, 100, NULL)",
        )
        .bind(format!("{at}{}", &guid[1..]))
        .bind(guid)
        .bind(account)
        .bind(minor)
        .bind(minor)
        .execute(&mut db)
        .await
        .expect("a split");
    }
    sqlx::query("INSERT INTO slots (obj_guid, name, slot_type, int64_val, string_val, double_val, guid_val, numeric_val_num, numeric_val_denom, gdate_val) VALUES (?, 'date-posted', 10, 0, NULL, 0, NULL, 0, 1, ?)")
        .bind(guid)
        .bind(day.replace('-', ""))
        .execute(&mut db)
        .await
        .expect("the day that GnuCash shows");
    db.close().await.expect("the book can be closed");
}
