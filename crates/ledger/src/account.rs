//! An account of the books, as any accounting app describes it.

use crate::money::Currency;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The accounting app's own id of an account (a GnuCash guid, a Xero id). Opaque: never parsed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub String);

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The broad kind, enough to propose roles and to refuse nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    Asset,
    Bank,
    Cash,
    Receivable,
    Liability,
    CreditCard,
    Payable,
    Income,
    Expense,
    Equity,
    /// Stocks, trading accounts and others that a payment connector must never post to.
    Other,
}

/// One account. `currency` is None for accounts that hold no currency (stocks) or one we do not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    /// Path from the top, joined by ':' as people write it: "Assets:Bank:Checking".
    pub full_name: String,
    pub kind: AccountKind,
    pub currency: Option<Currency>,
    /// May not hold entries of its own.
    pub placeholder: bool,
    pub hidden: bool,
}
