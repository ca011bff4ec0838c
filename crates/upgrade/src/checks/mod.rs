//! The catalogue of checks: one file per check, each a pure function from facts to a [`CheckResult`].
//!
//! A check never fetches its facts. To add one: a file here, a row in the table below, and the moments at which
//! it is asked in [`default_checks`].

mod backup_proved;
mod balances_equal_baseline;
mod books_not_open;
mod books_version_known;
mod clearing_agrees;
mod clock_sane;
mod disk_space;
mod every_entry_balances;
mod held_movements_reviewed;
mod minimum_sample;
mod no_in_doubt;
mod nothing_lost;
mod nothing_posted_twice;
mod old_can_represent;
mod one_owner_per_stream;
mod period_open;
mod permissions_sufficient;
mod plan_still_holds;
mod read_back_equal;
mod rehearsal_fresh;
mod restore_totals_equal;
mod rollback_rehearsed;
mod same_company;
mod shadow_unexplained_zero;
mod untouched_accounts_equal;

pub use backup_proved::backup_proved;
pub use balances_equal_baseline::balances_equal_baseline;
pub use books_not_open::books_not_open;
pub use books_version_known::books_version_known;
pub use clearing_agrees::clearing_agrees;
pub use clock_sane::clock_sane;
pub use disk_space::disk_space;
pub use every_entry_balances::every_entry_balances;
pub use held_movements_reviewed::held_movements_reviewed;
pub use minimum_sample::minimum_sample;
pub use no_in_doubt::no_in_doubt;
pub use nothing_lost::nothing_lost;
pub use nothing_posted_twice::nothing_posted_twice;
pub use old_can_represent::old_can_represent;
pub use one_owner_per_stream::one_owner_per_stream;
pub use period_open::period_open;
pub use permissions_sufficient::permissions_sufficient;
pub use plan_still_holds::plan_still_holds;
pub use read_back_equal::read_back_equal;
pub use rehearsal_fresh::rehearsal_fresh;
pub use restore_totals_equal::restore_totals_equal;
pub use rollback_rehearsed::rollback_rehearsed;
pub use same_company::same_company;
pub use shadow_unexplained_zero::shadow_unexplained_zero;
pub use untouched_accounts_equal::untouched_accounts_equal;

use crate::check::{Moment, PlannedCheck};
use crate::stage::Stage;
use jiff::Timestamp;
use ledger::{AccountId, Money};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

macro_rules! checks {
    ($( $variant:ident = $file:ident, $title:literal, $question:literal; )*) => {
        /// The name of a check.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum CheckId { $( $variant, )* }

        impl CheckId {
            pub const ALL: &'static [CheckId] = &[ $( CheckId::$variant, )* ];

            /// The stored name; also the name of its file.
            pub fn name(self) -> &'static str {
                match self { $( CheckId::$variant => stringify!($file), )* }
            }

            /// What a person reads when it passes.
            pub fn title(self) -> &'static str {
                match self { $( CheckId::$variant => $title, )* }
            }

            /// What it makes sure of, in one sentence.
            pub fn question(self) -> &'static str {
                match self { $( CheckId::$variant => $question, )* }
            }
        }
    };
}

checks! {
    EveryEntryBalances = every_entry_balances, "Every entry balances", "Debits and credits of every entry are equal in every currency.";
    NothingPostedTwice = nothing_posted_twice, "Nothing posted twice", "No movement stands in the books more than once, under its new or its old key.";
    NothingLost = nothing_lost, "Nothing lost", "Every movement is posted, linked to an entry, held with a reason, or excluded by a signed rule.";
    ClearingAgrees = clearing_agrees, "Clearing account agrees with the processor", "The clearing account's balance equals what the processor owes, and payouts tie out.";
    ReadBackEqual = read_back_equal, "Read back from the books, equal", "What the accounting app reads is exactly what was posted.";
    UntouchedAccountsEqual = untouched_accounts_equal, "Other accounts unchanged", "Accounts that the connectors do not touch keep their balances.";
    BalancesEqualBaseline = balances_equal_baseline, "Everything as before", "Balances and entries equal the baseline.";
    RestoreTotalsEqual = restore_totals_equal, "Restored totals equal", "A restored backup has the same totals and counts as the books.";
    SameCompany = same_company, "Same company", "The new sign-in belongs to the same company as the old one.";
    PermissionsSufficient = permissions_sufficient, "Permissions are enough", "The sign-in grants every permission that the new version needs.";
    BooksNotOpen = books_not_open, "Books are free", "No other program has the books open.";
    BooksVersionKnown = books_version_known, "Books are of a known version", "The books were written by a version that Changeover knows.";
    PeriodOpen = period_open, "Period is open", "No movement that will be posted lies in a closed period.";
    BackupProved = backup_proved, "Backup proved", "The backup was read back and equals its source.";
    RehearsalFresh = rehearsal_fresh, "Rehearsal still holds", "The rehearsal is less than a day old and saw the same records and kinds.";
    RollbackRehearsed = rollback_rehearsed, "Going back rehearsed", "In the rehearsal every stage was rolled back, and the books were the same again.";
    ShadowUnexplainedZero = shadow_unexplained_zero, "No unexplained difference", "Old and new connector agree but for the changes that were announced.";
    MinimumSample = minimum_sample, "Enough payments seen", "Enough movements of enough kinds were looked at to say anything.";
    DiskSpace = disk_space, "Enough disk space", "There is room for the backup and for working copies.";
    ClockSane = clock_sane, "Clock is right", "This computer's clock agrees with the processor's.";
    OldCanRepresent = old_can_represent, "Going back is possible", "The old connector's form of everything that will be written is kept and can be put back.";
    NoInDoubt = no_in_doubt, "Nothing in doubt", "Every step so far is known to have happened or not.";
    HeldMovementsReviewed = held_movements_reviewed, "Held movements reviewed", "A person has looked at every movement that is held.";
    OneOwnerPerStream = one_owner_per_stream, "One owner per stream", "Each stream is posted by one connector, and the other is proved off.";
    PlanStillHolds = plan_still_holds, "Plan still holds", "What the plan was made from has not changed.";
}

/// Every check with its words, for documents and the window.
pub fn catalog() -> impl Iterator<Item = CheckId> {
    CheckId::ALL.iter().copied()
}

/// One movement of the processor and where it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounted {
    /// In words: "Sale of 2026-03-04, 118.00 USD".
    pub movement: String,
    /// Entries of the books that carry it, under any of its keys.
    pub entries: u64,
    /// Why it may have none.
    pub otherwise: Option<Otherwise>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Otherwise {
    /// It is the same as an entry that a person typed, or that carries its old key.
    Linked,
    Held {
        reason: String,
    },
    Excluded {
        rule: String,
    },
}

/// What the tie-out of payouts found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payouts {
    pub looked_at: u64,
    pub agreeing: u64,
    pub findings: Vec<String>,
}

/// Totals of a set of books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    pub entries: u64,
    pub lines: u64,
    pub balances: BTreeMap<AccountId, Money>,
    /// Sum and count per account and day, digested.
    pub fingerprint: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider's id of the company.
    pub id: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BooksLock {
    Free,
    Open { by: String },
    Unknown { why: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupProof {
    pub files: u64,
    /// Files that were read back and are equal to their source.
    pub equal: u64,
    pub findings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rehearsal {
    pub at: Timestamp,
    pub records: u64,
    pub kinds: BTreeSet<String>,
}

/// One rollback in the rehearsal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    pub stage: Stage,
    /// The copy was the same again.
    pub equal: bool,
    pub finding: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowResult {
    pub same: u64,
    pub expected: u64,
    pub unexplained: u64,
    /// Sizes of what is unexplained, added up.
    pub amount: Money,
    pub findings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub movement: String,
    pub reason: String,
    pub reviewed_by: Option<String>,
}

/// Whether each connector still posts a stream; None where it could not be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    pub stream: String,
    pub old_posts: Option<bool>,
    pub new_posts: Option<bool>,
}

fn balance_differences(before: &BTreeMap<AccountId, Money>, after: &BTreeMap<AccountId, Money>) -> Vec<String> {
    let accounts: BTreeSet<&AccountId> = before.keys().chain(after.keys()).collect();
    accounts
        .into_iter()
        .filter_map(|account| match (before.get(account), after.get(account)) {
            (Some(was), Some(is)) if was == is => None,
            (Some(was), Some(is)) => Some(format!("{account}: {was} before, {is} now.")),
            (Some(was), None) => Some(format!("{account}: {was} before, the account is gone.")),
            // An account that a person added and left empty is no difference.
            (None, Some(is)) if is.is_zero() => None,
            (None, Some(is)) => Some(format!("{account}: a new account with {is}.")),
            (None, None) => None,
        })
        .collect()
}

fn totals_differences(before: &Totals, after: &Totals) -> Vec<String> {
    let mut details = balance_differences(&before.balances, &after.balances);
    for (what, was, is) in [("entries", before.entries, after.entries), ("lines", before.lines, after.lines)] {
        if was != is {
            details.push(format!("{was} {what} before, {is} now."));
        }
    }
    if details.is_empty() && before.fingerprint != after.fingerprint {
        details.push("Balances and counts are equal, but not every account and day.".into());
    }
    details
}

/// Which check is asked when, in a plan with so many waves.
pub fn default_checks(waves: u32) -> Vec<PlannedCheck> {
    use CheckId::*;
    let before_write = [BooksNotOpen, PeriodOpen, OldCanRepresent, NoInDoubt];
    let after_write = [EveryEntryBalances, NothingPostedTwice, ReadBackEqual, UntouchedAccountsEqual];
    let mut planned = Vec::new();
    let mut ask = |moment: Moment, checks: &[CheckId]| planned.extend(checks.iter().map(|check| PlannedCheck { moment, check: *check }));
    ask(
        Moment::After(Stage::Preflight),
        &[DiskSpace, ClockSane, BooksNotOpen, BooksVersionKnown, PeriodOpen, PlanStillHolds],
    );
    ask(Moment::After(Stage::BackedUp), &[BackupProved]);
    ask(Moment::After(Stage::RestoreVerified), &[RestoreTotalsEqual]);
    ask(
        Moment::After(Stage::Rehearsed),
        &[EveryEntryBalances, NothingPostedTwice, RollbackRehearsed],
    );
    ask(Moment::After(Stage::Reauthorized), &[SameCompany, PermissionsSufficient]);
    ask(Moment::After(Stage::Shadowed), &[ShadowUnexplainedZero, MinimumSample]);
    ask(Moment::Before(Stage::Canary), &[RehearsalFresh, PlanStillHolds]);
    for stage in Stage::all(waves).into_iter().filter(|stage| stage.writes()) {
        ask(Moment::Before(stage), &before_write);
        ask(Moment::After(stage), &after_write);
    }
    ask(Moment::After(Stage::CutOver), &[OneOwnerPerStream]);
    ask(
        Moment::After(Stage::Validated),
        &[
            EveryEntryBalances,
            NothingPostedTwice,
            NothingLost,
            ReadBackEqual,
            BooksVersionKnown,
            OneOwnerPerStream,
        ],
    );
    ask(
        Moment::After(Stage::Reconciled),
        &[NothingPostedTwice, NothingLost, ClearingAgrees, UntouchedAccountsEqual],
    );
    ask(Moment::After(Stage::Watching), &[NothingPostedTwice, NothingLost, ClearingAgrees]);
    ask(
        Moment::Before(Stage::Finished),
        &[
            NothingPostedTwice,
            NothingLost,
            ClearingAgrees,
            HeldMovementsReviewed,
            NoInDoubt,
            OneOwnerPerStream,
        ],
    );
    ask(Moment::RolledBack, &[BalancesEqualBaseline, NothingPostedTwice, NoInDoubt]);
    planned
}
