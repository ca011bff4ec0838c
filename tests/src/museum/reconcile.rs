//! The error of comparing two connectors.

use super::harbour::{amount, roles};
use crate::errors::Exhibit;
use reconcile::{Aliases, Record, shadow};

pub const PROVOKE: &[fn() -> Exhibit] = &[alias_conflict];

fn alias_conflict() -> Exhibit {
    let payout = |id: &str| Record { stream: "payouts".into(), id: id.into() };
    let aliases = Aliases::from([(payout("e2e_1"), payout("po_1")), (payout("e2e_2"), payout("po_1"))]);
    let compared = shadow(&[], &[], &aliases, &[], &roles(), amount(0, "USD").currency);
    Exhibit::of(compared.expect_err("two records cannot become one"))
}
