//! Account roles: what an account of the books is used for.
//!
//! A connector package names roles, never a user's accounts; the company's role map binds them.
//! A new role is one variant here, with its words.

use crate::account::AccountId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

macro_rules! roles {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $title:literal; )*) => {
        /// What an account of the books is used for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Role { $( $(#[$doc])* $variant, )* }

        impl Role {
            pub const ALL: &'static [Role] = &[ $( Role::$variant, )* ];

            /// The name used in connector packages and on the command line.
            pub fn name(self) -> &'static str {
                match self { $( Role::$variant => $name, )* }
            }

            /// The words a bookkeeper reads.
            pub fn title(self) -> &'static str {
                match self { $( Role::$variant => $title, )* }
            }
        }

        impl FromStr for Role {
            type Err = String;
            fn from_str(text: &str) -> Result<Role, String> {
                match text {
                    $( $name => Ok(Role::$variant), )*
                    other => Err(format!("\"{other}\" is not an account role")),
                }
            }
        }
    };
}

roles! {
    /// Money the processor holds for the business.
    Clearing = "clearing", "Processor balance (clearing)";
    Bank = "bank", "Bank account that receives payouts";
    Cash = "cash", "Cash drawer";
    /// Payouts sent but not yet arrived.
    Transit = "transit", "Payouts on their way";
    /// Funds held while a dispute is open.
    Held = "held", "Funds held in disputes";
    Receivable = "receivable", "Accounts receivable";
    Tax = "tax", "Sales tax payable";
    Tips = "tips", "Tips payable";
    GiftCards = "gift_cards", "Gift cards outstanding";
    Sales = "sales", "Sales";
    Refunds = "refunds", "Refunds";
    Fees = "fees", "Processing fees";
    /// What was lost to disputes decided against the business.
    Losses = "losses", "Dispute losses";
    Rounding = "rounding", "Rounding";
    Suspense = "suspense", "Suspense (to be clarified)";
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which account of the books plays which role, for one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoleMap(pub BTreeMap<Role, AccountId>);

impl RoleMap {
    pub fn get(&self, role: Role) -> Option<&AccountId> {
        self.0.get(&role)
    }

    pub fn bind(&mut self, role: Role, account: AccountId) {
        self.0.insert(role, account);
    }

    /// The roles of `needed` that have no account, in order.
    pub fn missing(&self, needed: impl IntoIterator<Item = Role>) -> Vec<Role> {
        let mut missing: Vec<Role> = needed.into_iter().filter(|role| !self.0.contains_key(role)).collect();
        missing.sort();
        missing.dedup();
        missing
    }
}
