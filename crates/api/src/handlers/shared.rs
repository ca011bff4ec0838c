//! What several screens need: finding the company, masking ids, the words of stages and checks, starting work.
//!
//! It must never show a provider's id unmasked. A helper that one screen alone needs belongs into that screen.

use crate::app::App;
use crate::views::*;
use ::upgrade::checks::CheckId;
use ::upgrade::{CheckResult, Stage, StoredProblem, Verdict};
use engine::Engine;
use engine::companies::zone_of;
use engine::progress::Watcher;
use engine::store::company::{Company, Connection};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ledger::{AccountId, Code, Problem, Retry, Role};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

/// Work of this kind runs already.
pub const E_BUSY: Code = Code("E-BUSY");
/// A check of the upgrade did not pass.
pub const E_CHECK_FAILED: Code = Code("E-CHECK-FAILED");

/// A company with the engine that looks after it.
pub struct At {
    pub engine: Arc<Engine>,
    pub company: Company,
    pub zone: TimeZone,
}

/// Finds a company. Errors: `E-COMPANY-UNKNOWN`, `E-ZONE-UNKNOWN`.
pub async fn at(app: &App, company: &str) -> Result<At, Problem> {
    let (engine, company) = app.company(company).await?;
    let zone = zone_of(&company)?;
    Ok(At { engine, company, zone })
}

/// As [`at`], with the practice servers running where the company is a practice one.
pub async fn reach(app: &App, company: &str) -> Result<At, Problem> {
    let found = at(app, company).await?;
    if found.company.practice {
        app.practice_server().await?;
    }
    Ok(found)
}

impl At {
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// What people call the provider of a connection; its short name where the catalogue has no other.
    pub fn provider_title(&self, connection: &Connection) -> String {
        self.engine
            .provider(&connection.provider)
            .map_or_else(|_| connection.provider.clone(), |p| p.title)
    }

    pub fn day(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).date().to_string()
    }

    /// Names of the accounts; empty when the books cannot be read now (the accounts then show as roles).
    pub async fn account_names(&self) -> BTreeMap<AccountId, String> {
        self.engine.account_names(&self.company).await.unwrap_or_default()
    }
}

/// A person's name for an account: that of the books, else the role it plays.
pub fn account_name(names: &BTreeMap<AccountId, String>, connection: &Connection, account: &AccountId) -> String {
    if let Some(name) = names.get(account) {
        return name.clone();
    }
    let role = connection
        .roles
        .0
        .iter()
        .find(|(_, bound)| *bound == account)
        .map(|(role, _)| role.title());
    role.map_or_else(|| account.to_string(), str::to_string)
}

/// The account that plays a role, as people call it; the role's title where none is chosen.
pub fn role_account(names: &BTreeMap<AccountId, String>, connection: &Connection, role: Role) -> String {
    connection
        .roles
        .get(role)
        .map_or_else(|| role.title().to_string(), |account| account_name(names, connection, account))
}

pub fn small(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

pub fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The longest name of a company at a provider that is shown whole.
const NAME_MOST: usize = 120;

/// A name that somebody else chose, fit for a sentence: one line, not endless, and without the invisible marks that would turn
/// the words around it.
pub fn given_name(name: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let plain: String = name.chars().filter(|c| !turns(*c)).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(NAME_MOST) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// `MLH0…QK2`: enough to tell two apart, too little to use.
pub fn mask(id: &str) -> String {
    let letters: Vec<char> = id.chars().collect();
    match letters.len() {
        0..=8 => "…".to_string(),
        n => format!(
            "{}…{}",
            letters[..4].iter().collect::<String>(),
            letters[n - 3..].iter().collect::<String>()
        ),
    }
}

pub fn environment(connection: &Connection) -> EnvironmentView {
    match authorization::Environment::from_name(&connection.environment) {
        Some(authorization::Environment::Practice) => EnvironmentView::Practice,
        Some(authorization::Environment::Sandbox) => EnvironmentView::Sandbox,
        // An unknown name is refused by every sign-in; until then it is treated as the real thing.
        Some(authorization::Environment::Production) | None => EnvironmentView::Production,
    }
}

/// A stored problem as the page shows it.
pub fn stored_problem(problem: &StoredProblem) -> ProblemView {
    ProblemView {
        code: problem.code.clone(),
        touched: match problem.touched {
            ledger::Touched::Nothing => TouchedView::Nothing,
            ledger::Touched::SettingsOnly => TouchedView::SettingsOnly,
            ledger::Touched::Books => TouchedView::Books,
            ledger::Touched::Unknown => TouchedView::Unknown,
        },
        touched_sentence: problem.touched.sentence().to_string(),
        what: problem.what.clone(),
        why: problem.why.clone(),
        next: problem.next.clone(),
        retry: match problem.retry {
            Retry::Never => RetryView::Never,
            Retry::Later { after_seconds } => RetryView::Later {
                after_seconds: small(after_seconds),
            },
            Retry::AfterFix => RetryView::AfterFix,
        },
        also: problem.also.iter().map(stored_problem).collect(),
    }
}

/// The stepper's name of a stage. Waves beyond the second share its step: plans have two.
pub fn stage_name(stage: Stage) -> StageName {
    match stage {
        Stage::Draft | Stage::Planned => StageName::Plan,
        Stage::Preflight => StageName::Preflight,
        Stage::BackedUp => StageName::Backup,
        Stage::RestoreVerified => StageName::RestoreProved,
        Stage::Rehearsed => StageName::Rehearsal,
        Stage::Reauthorized => StageName::Reconnect,
        Stage::Shadowed => StageName::ShadowRun,
        Stage::Canary => StageName::Canary,
        Stage::Wave(1) => StageName::WaveOne,
        Stage::Wave(_) => StageName::WaveTwo,
        Stage::CutOver => StageName::CutOver,
        Stage::Validated => StageName::Validate,
        Stage::Reconciled => StageName::Reconcile,
        Stage::Watching => StageName::Watch,
        Stage::Finished => StageName::Finish,
    }
}

pub fn verdict(verdict: Verdict) -> VerdictView {
    match verdict {
        Verdict::Pass => VerdictView::Pass,
        Verdict::NotApplicable => VerdictView::NotApplicable,
        Verdict::Inconclusive => VerdictView::Inconclusive,
        Verdict::Fail => VerdictView::Fail,
    }
}

/// Most findings of one check that are sent along.
const FINDINGS: usize = 12;

/// A check's result with its measure in numbers.
pub fn check_view(result: &CheckResult) -> CheckView {
    let (all, wrong) = (result.counts.looked_at, result.counts.wrong);
    let of_total = || NoteView::OfTotal {
        done: small(all.saturating_sub(wrong)),
        total: small(all),
    };
    let said = || NoteView::Words {
        text: result.found.clone(),
    };
    let measured = matches!(result.verdict, Verdict::Pass | Verdict::Fail);
    let measure = match result.id {
        CheckId::EveryEntryBalances | CheckId::ReadBackEqual | CheckId::PermissionsSufficient if measured => of_total(),
        CheckId::NothingPostedTwice if measured => NoteView::Doubled { count: small(wrong) },
        CheckId::NothingLost if measured => NoteView::Missing { count: small(wrong) },
        CheckId::ClearingAgrees | CheckId::ShadowUnexplainedZero if measured && result.difference.is_some() => result
            .difference
            .map_or_else(said, |difference| NoteView::Difference { amount: difference.into() }),
        CheckId::ShadowUnexplainedZero if measured => NoteView::Unexplained { count: small(wrong) },
        CheckId::EveryEntryBalances
        | CheckId::NothingPostedTwice
        | CheckId::NothingLost
        | CheckId::ClearingAgrees
        | CheckId::ReadBackEqual
        | CheckId::UntouchedAccountsEqual
        | CheckId::BalancesEqualBaseline
        | CheckId::RestoreTotalsEqual
        | CheckId::SameCompany
        | CheckId::PermissionsSufficient
        | CheckId::BooksNotOpen
        | CheckId::BooksVersionKnown
        | CheckId::PeriodOpen
        | CheckId::BackupProved
        | CheckId::RehearsalFresh
        | CheckId::RollbackRehearsed
        | CheckId::ShadowUnexplainedZero
        | CheckId::MinimumSample
        | CheckId::DiskSpace
        | CheckId::ClockSane
        | CheckId::OldCanRepresent
        | CheckId::NoInDoubt
        | CheckId::HeldMovementsReviewed
        | CheckId::OneOwnerPerStream
        | CheckId::PlanStillHolds => said(),
    };
    let bad = matches!(result.verdict, Verdict::Fail | Verdict::Inconclusive);
    let mut why: Vec<String> = Vec::new();
    if bad {
        why.push(format!("Found: {}. Expected: {}.", result.found, result.expected));
        why.extend(result.details.iter().take(FINDINGS).cloned());
        if result.details.len() > FINDINGS {
            why.push(format!("… and {} more", result.details.len() - FINDINGS));
        }
    }
    CheckView {
        id: result.id.name().to_string(),
        words: result.title().to_string(),
        verdict: verdict(result.verdict),
        measure: Some(measure),
        why,
        next: bad.then(|| "Mend the cause, then go on: the check is asked again. Or roll back.".to_string()),
        has_differences: result.id == CheckId::ShadowUnexplainedZero,
    }
}

/// Permissions that `needed` asks for beside those granted, in plain words. Order: the connector's own.
pub fn permissions(at: &At, connection: &Connection, granted: &[String], needed: &[connector::PermissionNeed]) -> Vec<PermissionView> {
    let provider = at.engine.provider(&connection.provider).ok();
    let words = |name: &str| {
        let known = provider
            .as_ref()
            .and_then(|p| p.permissions.iter().find(|permission| permission.name == name));
        known.map_or_else(|| name.to_string(), |permission| permission.purpose.clone())
    };
    // A broader permission that is being retired gives what it covers.
    let gives = |granted: &[String], needed: &str| match &provider {
        Some(provider) => provider.is_granted(granted, needed),
        None => granted.iter().any(|name| name == needed),
    };
    let mut views: Vec<PermissionView> = needed
        .iter()
        .map(|need| PermissionView {
            permission: need.permission.clone(),
            words: words(&need.permission),
            why: need.why.clone(),
            state: if gives(granted, &need.permission) {
                PermissionState::Granted
            } else {
                PermissionState::Missing
            },
        })
        .collect();
    views.extend(
        granted
            .iter()
            .filter(|name| needed.iter().all(|need| !gives(std::slice::from_ref(*name), &need.permission)))
            .map(|name| PermissionView {
                permission: name.clone(),
                words: words(name),
                why: String::new(),
                state: PermissionState::NoLongerNeeded,
            }),
    );
    views
}

/// Work that changes a company's books or sign-ins; one at a time.
pub const EXCLUSIVE: &[Work] = &[
    Work::Sync,
    Work::Upgrade,
    Work::RollBack,
    Work::Backup,
    Work::VerifyBackup,
    Work::Restore,
];

/// Refuses when such work runs for the company. Errors: `E-BUSY`.
pub fn must_be_free(app: &App, company: &Company) -> Result<(), Problem> {
    match app.jobs().running(&company.id, EXCLUSIVE) {
        None => Ok(()),
        Some(job) => Err(busy(&company.name, job.now_doing)),
    }
}

pub fn busy(name: &str, doing: Option<String>) -> Problem {
    Problem::new(
        E_BUSY,
        format!("\"{name}\" is being worked on already."),
        doing.map_or_else(
            || "Other work has not ended yet.".to_string(),
            |doing| format!("Under way: {doing}."),
        ),
        "Wait until it has ended, or cancel it, then try again.",
    )
    .retrying(Retry::Later { after_seconds: 5 })
}

/// Starts work for a company. Work for one company runs one after the other.
pub fn start<F>(app: &App, company: &Company, work: Work, task: impl FnOnce(Watcher) -> F + Send + 'static) -> JobView
where
    F: Future<Output = Result<(), Problem>> + Send + 'static,
{
    let turn = app.inner.memory.turn(&company.id);
    app.jobs().start(Some(company.id.clone()), work, move |watcher| async move {
        let _turn = turn.lock_owned().await;
        task(watcher).await
    })
}

#[cfg(test)]
mod tests {
    use super::{given_name, mask};

    #[test]
    fn a_name_from_elsewhere_is_one_line_of_bearable_length_that_turns_nothing_round() {
        assert_eq!(given_name("Harbour\u{202e} Street\n\tBakery"), "Harbour Street Bakery");
        assert_eq!(given_name("<b>&amp;"), "<b>&amp;", "marks are text, and stay");
        let long = given_name(&"ü".repeat(2_000));
        assert_eq!(long.chars().count(), 121);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn an_id_of_the_provider_is_never_shown_whole() {
        assert_eq!(mask("MLH0123456789QK2"), "MLH0…QK2");
        for id in ["", "short", "12345678", "ÄÖÜßÄÖÜßÄ"] {
            assert!(id.is_empty() || !mask(id).contains(id), "{id}");
        }
    }
}
