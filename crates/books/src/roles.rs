//! Matching the books' accounts to roles: proposals with reasons a person can judge, and the check of a choice.
//!
//! A proposal is only ever a proposal; a person confirms it. A new role is one row in `HINTS` and one in `fits`.

use crate::problems::*;
use ledger::{Account, AccountId, AccountKind, Currency, Problem, Role, RoleMap};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much a proposal can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Only the kind of account fits, or several fit equally well.
    Guess,
    Likely,
    /// Name and kind both say it, and no other account comes near.
    Sure,
}

/// An account for a role, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleProposal {
    pub role: Role,
    pub account: AccountId,
    /// Full sentences.
    pub reasons: Vec<String>,
    pub confidence: Confidence,
}

/// Words that speak for a role: strong ones name it, weak ones hint at it.
struct Hint {
    role: Role,
    strong: &'static [&'static str],
    weak: &'static [&'static str],
    /// Words that speak against it.
    against: &'static [&'static str],
}

const HINTS: &[Hint] = &[
    Hint {
        role: Role::Clearing,
        strong: &["clearing", "processor balance"],
        weak: &["balance"],
        against: &["opening", "transit", "held", "dispute", "gift", "fee"],
    },
    Hint {
        role: Role::Bank,
        strong: &["checking", "current account", "business account", "bank account"],
        weak: &["bank"],
        against: &["saving", "clearing", "fee"],
    },
    Hint {
        role: Role::Cash,
        strong: &["cash in drawer", "cash drawer", "drawer", "cash register", "till", "petty cash"],
        weak: &["cash"],
        against: &["over", "short", "yen", "float"],
    },
    Hint {
        role: Role::Transit,
        strong: &["in transit", "transit", "on their way", "undeposited"],
        weak: &["payouts"],
        against: &[],
    },
    Hint {
        role: Role::Held,
        strong: &["held in disputes", "disputes held", "held", "reserve"],
        weak: &["dispute"],
        against: &["loss"],
    },
    Hint {
        role: Role::Receivable,
        strong: &["accounts receivable", "receivable"],
        weak: &["debtors"],
        against: &[],
    },
    Hint {
        role: Role::Tax,
        strong: &["sales tax payable", "sales tax", "vat", "gst", "tax payable"],
        weak: &["tax"],
        against: &["income tax", "payroll", "federal"],
    },
    Hint {
        role: Role::Tips,
        strong: &["tips payable", "tips", "gratuities"],
        weak: &["gratuity", "tip"],
        against: &[],
    },
    Hint {
        role: Role::GiftCards,
        strong: &["gift cards", "gift card", "gift certificates", "vouchers"],
        weak: &["deferred"],
        against: &["credit card"],
    },
    Hint {
        role: Role::Sales,
        strong: &["card sales", "counter", "sales", "takings"],
        weak: &["revenue", "income", "store", "shop"],
        against: &[
            "tax",
            "refund",
            "return",
            "allowance",
            "discount",
            "interest",
            "tip",
            "catering",
            "fee",
        ],
    },
    Hint {
        role: Role::Refunds,
        strong: &["refunds and allowances", "refunds", "returns and allowances", "sales returns"],
        weak: &["refund", "returns", "allowances"],
        against: &["tax"],
    },
    Hint {
        role: Role::Fees,
        strong: &[
            "merchant fees",
            "processing fees",
            "card fees",
            "payment fees",
            "merchant account fees",
        ],
        weak: &["fees", "bank charges", "bank service charge"],
        against: &["professional", "legal", "chargeback"],
    },
    Hint {
        role: Role::Losses,
        strong: &["chargebacks", "dispute losses", "disputes lost"],
        weak: &["chargeback", "dispute", "bad debt"],
        against: &["held"],
    },
    Hint {
        role: Role::Rounding,
        strong: &["rounding"],
        weak: &["over/short", "over and short", "differences"],
        against: &[],
    },
    Hint {
        role: Role::Suspense,
        strong: &["suspense", "to be clarified"],
        weak: &["uncategorized", "unclassified", "ask my accountant"],
        against: &[],
    },
];

/// The kinds of account that a role may be bound to; the first is the usual one.
fn fits(role: Role) -> &'static [AccountKind] {
    use AccountKind::*;
    match role {
        Role::Clearing | Role::Transit | Role::Held => &[Asset, Bank],
        Role::Bank => &[Bank, Asset],
        Role::Cash => &[Cash, Asset],
        Role::Receivable => &[Receivable, Asset],
        Role::Tax | Role::Tips | Role::GiftCards => &[Liability],
        Role::Sales => &[Income],
        Role::Refunds => &[Income, Expense],
        Role::Fees | Role::Losses => &[Expense, Income],
        Role::Rounding => &[Expense, Income, Equity],
        Role::Suspense => &[Equity, Asset, Liability, Income, Expense],
    }
}

fn kind_words(kind: AccountKind) -> &'static str {
    match kind {
        AccountKind::Asset => "an asset account",
        AccountKind::Bank => "a bank account",
        AccountKind::Cash => "a cash account",
        AccountKind::Receivable => "an accounts-receivable account",
        AccountKind::Liability => "a liability account",
        AccountKind::CreditCard => "a credit card account",
        AccountKind::Payable => "an accounts-payable account",
        AccountKind::Income => "an income account",
        AccountKind::Expense => "an expense account",
        AccountKind::Equity => "an equity account",
        AccountKind::Other => "an account that payments must not be posted to",
    }
}

const STRONG: i32 = 60;
const WEAK: i32 = 25;
const IN_PATH: i32 = 15;
const PROCESSOR: i32 = 45;
const USUAL_KIND: i32 = 15;
const POSSIBLE_KIND: i32 = 5;
const AGAINST: i32 = -60;
const IS_GROUP: i32 = -30;
/// Below this a role gets no proposal: a wrong one costs more than none.
const LEAST: i32 = 35;
/// From here on the name itself says it.
const NAMED: i32 = STRONG + USUAL_KIND;
/// A rival this close makes a proposal a guess.
const RIVAL_WITHIN: i32 = 5;

/// One proposal per role for which a likely account exists, in the order of the roles. `processor` is its name as
/// people write it ("Square"). Placeholders, hidden accounts and accounts without a currency are never proposed.
pub fn propose_roles(accounts: &[Account], processor: &str) -> Vec<RoleProposal> {
    let usable: Vec<&Account> = accounts
        .iter()
        .filter(|a| !a.placeholder && !a.hidden && a.currency.is_some() && a.kind != AccountKind::Other)
        .collect();
    let main = main_currency(&usable);
    let mut proposals = Vec::new();
    for hint in HINTS {
        let mut ranked: Vec<(i32, &Account, Vec<String>)> = usable
            .iter()
            .filter(|account| account.currency == main && fits(hint.role).contains(&account.kind))
            .map(|account| {
                let (score, reasons) = weigh(hint, account, accounts, processor);
                (score, *account, reasons)
            })
            .filter(|(score, _, _)| *score >= LEAST)
            .collect();
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.full_name.cmp(&b.1.full_name)));
        let rival = ranked.get(1).map(|(score, account, _)| (*score, account.full_name.clone()));
        let Some((score, account, mut reasons)) = ranked.into_iter().next() else {
            continue;
        };
        let close = rival.filter(|(other, _)| score - other <= RIVAL_WITHIN);
        let confidence = match (&close, score >= NAMED) {
            (None, true) => Confidence::Sure,
            (None, false) => Confidence::Likely,
            (Some(_), _) => Confidence::Guess,
        };
        if let Some((_, other)) = close {
            reasons.push(format!("\"{other}\" would fit as well."));
        }
        proposals.push(RoleProposal {
            role: hint.role,
            account: account.id.clone(),
            reasons,
            confidence,
        });
    }
    proposals.sort_by_key(|proposal| proposal.role);
    proposals
}

fn main_currency(accounts: &[&Account]) -> Option<Currency> {
    let mut uses: BTreeMap<Currency, usize> = BTreeMap::new();
    for currency in accounts.iter().filter_map(|account| account.currency) {
        *uses.entry(currency).or_default() += 1;
    }
    uses.into_iter().max_by_key(|(_, count)| *count).map(|(currency, _)| currency)
}

fn weigh(hint: &Hint, account: &Account, all: &[Account], processor: &str) -> (i32, Vec<String>) {
    let path = account.full_name.to_lowercase();
    let (above, name) = path.rsplit_once(':').unwrap_or(("", &path));
    let shown = account.full_name.rsplit(':').next().unwrap_or(&account.full_name);
    let mut score = 0;
    let mut reasons = Vec::new();
    if let Some(word) = hint.strong.iter().find(|word| has(name, word)) {
        score += STRONG;
        reasons.push(format!("Its name \"{shown}\" says \"{word}\"."));
    } else if let Some(word) = hint.weak.iter().find(|word| has(name, word)) {
        score += WEAK;
        reasons.push(format!("Its name \"{shown}\" hints at it: \"{word}\"."));
    }
    if let Some(word) = hint.strong.iter().chain(hint.weak).find(|word| has(above, word)) {
        score += IN_PATH;
        reasons.push(format!("It stands under \"{word}\"."));
    }
    let processor = processor.to_lowercase();
    if hint.role == Role::Clearing && !processor.is_empty() && has(&path, &processor) {
        score += PROCESSOR;
        reasons.push(format!("Its name speaks of {processor}, who holds this money."));
    }
    if hint.against.iter().any(|word| name.contains(word)) {
        score += AGAINST;
    }
    let below = format!("{path}:");
    if all.iter().any(|other| other.full_name.to_lowercase().starts_with(&below)) {
        score += IS_GROUP;
        reasons.push("It has accounts below it, so entries may belong further down.".into());
    }
    if score > 0 {
        let usual = fits(hint.role).first() == Some(&account.kind);
        score += if usual { USUAL_KIND } else { POSSIBLE_KIND };
        reasons.push(format!("It is {}.", kind_words(account.kind)));
    } else if hint.role == Role::Bank && account.kind == AccountKind::Bank && score == 0 {
        score += LEAST;
        reasons.push("It is a bank account.".into());
    }
    (score, reasons)
}

/// Whole words only: "tip" is not in "multiple". A plural counts as its word.
fn has(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + words.len()..]
            .strip_prefix('s')
            .unwrap_or(&text[at + words.len()..])
            .chars()
            .next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// Money that lies in different places; one account for two of them would hide every difference between them.
const PLACES: &[Role] = &[Role::Clearing, Role::Bank, Role::Cash, Role::Transit, Role::Held, Role::Receivable];

/// Checks a person's choice. Errors: `E-BOOKS-ROLES` with every fault at once.
pub fn validate_roles(roles: &RoleMap, accounts: &[Account], needed: &[Role], currency: Currency) -> Result<(), Problem> {
    let mut faults: Vec<String> = Vec::new();
    for role in roles.missing(needed.iter().copied()) {
        faults.push(format!("No account is chosen for \"{}\".", role.title()));
    }
    for (role, id) in &roles.0 {
        let title = role.title();
        let Some(account) = accounts.iter().find(|account| account.id == *id) else {
            faults.push(format!("The account chosen for \"{title}\" is not in the books."));
            continue;
        };
        let name = &account.full_name;
        if account.placeholder {
            faults.push(format!(
                "\"{name}\", chosen for \"{title}\", is a placeholder and holds no entries of its own."
            ));
        }
        if account.hidden {
            faults.push(format!("\"{name}\", chosen for \"{title}\", is hidden."));
        }
        if !fits(*role).contains(&account.kind) {
            faults.push(format!(
                "\"{name}\", chosen for \"{title}\", is {}; needed is {}.",
                kind_words(account.kind),
                kind_words(fits(*role)[0])
            ));
        }
        match account.currency {
            Some(own) if own == currency => {}
            Some(own) => faults.push(format!(
                "\"{name}\", chosen for \"{title}\", holds {own}; the payments are in {currency}."
            )),
            None => faults.push(format!(
                "\"{name}\", chosen for \"{title}\", holds no currency that Changeover knows."
            )),
        }
    }
    for (at, first) in PLACES.iter().enumerate() {
        for second in &PLACES[at + 1..] {
            if let (Some(a), Some(b)) = (roles.get(*first), roles.get(*second))
                && a == b
            {
                faults.push(format!(
                    "\"{}\" and \"{}\" are the same account; money in one place could not be told from the other.",
                    first.title(),
                    second.title()
                ));
            }
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(with_findings(
        E_BOOKS_ROLES,
        "The chosen accounts do not fit.",
        faults,
        "Choose an account for each role named here.",
    ))
}
