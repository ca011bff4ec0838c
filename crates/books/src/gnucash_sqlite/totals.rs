//! Totals: balances and counts per account and day, in each account's own currency.
//!
//! SQLite adds integers exactly and stops at an overflow; a total that does not fit the currency is an error, never rounded.

use super::describe::{self, Accounts};
use super::read::{self, DAY, OWN};
use crate::book::exact;
use crate::problems::*;
use jiff::civil::Date;
use ledger::{AccountId, Currency, Money, Problem};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteConnection;
use std::collections::BTreeMap;

pub(super) async fn balances(db: &mut SqliteConnection, at: Option<Date>) -> Result<BTreeMap<AccountId, Money>, Problem> {
    let accounts = describe::accounts(db).await?;
    let sql = format!(
        "SELECT s.account_guid, s.quantity_denom, sum(s.quantity_num) FROM splits s JOIN transactions t ON t.guid = s.tx_guid
         WHERE {OWN} AND (?1 = '' OR {DAY} <= ?1) GROUP BY s.account_guid, s.quantity_denom"
    );
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(at.map_or(String::new(), |at| at.to_string()))
        .fetch_all(db)
        .await
        .doing("adding up their balances")?;
    let mut balances: BTreeMap<AccountId, Money> = accounts
        .iter()
        .filter_map(|(id, account)| account.account.currency.map(|currency| (id.clone(), Money::zero(currency))))
        .collect();
    for (account, denom, num) in rows {
        let id = AccountId(account);
        if let Some(balance) = balances.get_mut(&id) {
            *balance = balance.plus(total(&accounts, &id, num, denom, balance.currency)?)?;
        }
    }
    Ok(balances)
}

pub(super) async fn daily(db: &mut SqliteConnection, wanted: &[AccountId]) -> Result<BTreeMap<(AccountId, Date), (u64, Money)>, Problem> {
    let accounts = describe::accounts(db).await?;
    let unknown: Vec<String> = wanted
        .iter()
        .filter(|id| !accounts.contains_key(id))
        .map(|id| format!("The book has no account with the id {id}."))
        .collect();
    if !unknown.is_empty() {
        return Err(with_findings(
            E_BOOKS_ACCOUNT,
            "The totals cannot be computed.",
            unknown,
            "Choose the accounts again.",
        ));
    }
    let sql = format!(
        "SELECT s.account_guid, {DAY}, s.quantity_denom, count(*), sum(s.quantity_num) FROM splits s JOIN transactions t ON t.guid = s.tx_guid
         WHERE {OWN} AND s.account_guid IN (SELECT value FROM json_each(?1)) GROUP BY 1, 2, 3"
    );
    let ids: Vec<&str> = wanted.iter().map(|id| id.0.as_str()).collect();
    let rows: Vec<(String, String, i64, i64, i64)> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(read::json_list(&ids))
        .fetch_all(db)
        .await
        .doing("adding up their days")?;
    let mut days: BTreeMap<(AccountId, Date), (u64, Money)> = BTreeMap::new();
    for (account, day, denom, count, num) in rows {
        let id = AccountId(account);
        let Some(currency) = accounts.get(&id).and_then(|a| a.account.currency) else {
            return Err(Problem::new(
                E_BOOKS_CURRENCY,
                "The totals cannot be computed.",
                format!("{} holds no currency that Changeover knows.", name(&accounts, &id)),
                "Leave this account out.",
            ));
        };
        let amount = total(&accounts, &id, num, denom, currency)?;
        let day = days.entry((id, read::date(&day)?)).or_insert((0, Money::zero(currency)));
        day.0 += u64::try_from(count).unwrap_or(0);
        day.1 = day.1.plus(amount)?;
    }
    Ok(days)
}

fn name(accounts: &Accounts, id: &AccountId) -> String {
    accounts
        .get(id)
        .map_or_else(|| id.0.clone(), |a| format!("\"{}\"", a.account.full_name))
}

fn total(accounts: &Accounts, id: &AccountId, num: i64, denom: i64, currency: Currency) -> Result<Money, Problem> {
    exact(num, denom, currency).ok_or_else(|| {
        Problem::new(
            E_BOOKS_CURRENCY,
            format!("The total of {} is no exact amount in {currency}.", name(accounts, id)),
            format!(
                "Its lines come to {num}/{denom}, finer than the {} decimals of {currency}.",
                currency.digits()
            ),
            "Correct the lines in GnuCash that have too many decimals.",
        )
    })
}
