//! Upgrade: nothing to do, the plan, or the run with its stepper, checks, gate and log.

use super::common::{MoneyView, NoteView, PermissionView, ProblemView};
use super::job::JobView;
use super::log::LogLineView;
use super::today::StreamOwner;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum UpgradeView {
    None { company: String, company_name: String, connections: Vec<UpgradeIdleView> },
    Plan { plan: Box<PlanView> },
    Run { run: Box<RunView> },
}

/// A connection that is not being upgraded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct UpgradeIdleView {
    pub connection: String,
    pub provider: String,
    pub version: String,
    /// The version that it can move to.
    pub available: Option<String>,
    /// The last upgrade of this connection that ended, and how.
    pub last: Option<EndedUpgradeView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EndedUpgradeView {
    pub id: String,
    pub from: String,
    pub to: String,
    pub ended: String,
    pub how: EndedHow,
    pub remainder: Option<MoneyView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EndedHow {
    Finished,
    RolledBack,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PlanView {
    pub company: String,
    pub company_name: String,
    pub connection: String,
    pub provider: String,
    pub from: String,
    pub to: String,
    pub zone: String,
    pub breaking: Vec<BreakingChangeView>,
    pub expected: Vec<ExpectedChangeView>,
    pub permissions: Vec<PermissionView>,
    pub roles: Vec<RoleRowView>,
    pub stages: Vec<PlanStageView>,
    /// What cannot be undone, in the package's and the plan's words. Empty: everything can.
    pub irreversible: Vec<String>,
    pub readiness: Vec<CheckView>,
    pub ready: bool,
    pub quiet_time: Option<QuietTimeView>,
    /// The instant from which the new connector owns movements, RFC 3339.
    pub new_from: Option<String>,
    pub payments: u32,
    pub amount: Option<MoneyView>,
    pub problem: Option<ProblemView>,
}

/// From the package, in plain words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BreakingChangeView {
    pub id: String,
    pub title: String,
    pub text: String,
    /// `YYYY-MM-DD`
    pub deadline: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ExpectedChangeView {
    pub id: String,
    pub title: String,
    pub text: String,
    pub example: Option<SampleView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoleRowView {
    /// The ledger's role name, such as `processing_fees`.
    pub role: String,
    pub account: Option<String>,
    /// Needed by the new version and not by the old.
    pub new: bool,
    pub problem: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PlanStageView {
    pub stage: StageName,
    pub payments: Option<u32>,
    pub amount: Option<MoneyView>,
    pub from_day: Option<String>,
    pub to_day: Option<String>,
    /// Who must say yes before the next stage. None: goes on by itself.
    pub gate: Option<String>,
    pub days: Option<u32>,
}

/// The stages as the stepper shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum StageName {
    Plan,
    Preflight,
    Backup,
    RestoreProved,
    Rehearsal,
    Reconnect,
    ShadowRun,
    Canary,
    WaveOne,
    WaveTwo,
    CutOver,
    Validate,
    Reconcile,
    Watch,
    Finish,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CheckView {
    /// Stable name; the page has words for the known ones and shows `words` for the rest.
    pub id: String,
    pub words: String,
    pub verdict: VerdictView,
    pub measure: Option<NoteView>,
    pub why: Vec<String>,
    pub next: Option<String>,
    /// The differences screen shows what this check found.
    pub has_differences: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum VerdictView {
    Pass,
    Fail,
    Inconclusive,
    NotApplicable,
    /// Passes, and shows a change that the plan announced.
    Expected,
    /// Has not run yet.
    Pending,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct QuietTimeView {
    pub starts: String,
    pub ends: String,
    pub payments_expected: u32,
    /// Payments by weekday (Monday first) and hour: 7 rows of 24.
    pub heat: Vec<Vec<u32>>,
    pub history_days: u32,
    /// Weekday (0 = Monday) and hour at which payouts close, to be marked.
    pub payout_boundaries: Vec<BoundaryView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BoundaryView {
    pub weekday: u8,
    pub hour: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunView {
    pub id: String,
    pub company: String,
    pub company_name: String,
    pub connection: String,
    pub provider: String,
    pub from: String,
    pub to: String,
    pub zone: String,
    pub now: String,
    pub started: String,
    pub mode: ModeView,
    pub owner: StreamOwner,
    pub steps: Vec<StepView>,
    pub card: StageCardView,
    pub gate: Option<GateView>,
    pub stop_here: StopHereView,
    pub sample: Option<SampleView>,
    pub job: Option<JobView>,
    /// Newest first, a handful.
    pub log: Vec<LogLineView>,
    pub log_records: u32,
    pub chain_good: Option<bool>,
    pub watch: Option<WatchView>,
    pub differences: DifferenceCountsView,
    pub may: MayView,
    /// Set once the upgrade was rolled back: what the way back did, proved.
    pub back: Option<BackView>,
    pub problem: Option<ProblemView>,
}

/// What rolling back did to the books. Its proofs are the checks of the card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BackView {
    /// Entries of the new connector that were taken out.
    pub taken_out: u32,
    /// Earlier entries that were put back as they were.
    pub put_back: u32,
    /// The books were compared with the baseline and are equal; false when nothing had been written, so that nothing was compared.
    pub equal: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ModeView {
    Running,
    Waiting { for_whom: WaitingFor },
    Paused { why: String },
    Halted { check: String },
    Resolving,
    RollingBack,
    RolledBack,
    Frozen,
    Finished,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WaitingFor {
    /// A sign-off by this person or role.
    SignOff { who: String },
    /// A reconnect in the browser.
    Reconnect { connection: String },
    /// The next day of the watch.
    NextDay,
    /// Something that a person must mend first, in words.
    Person { what: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StepView {
    pub stage: StageName,
    pub state: StepState,
    pub note: Option<NoteView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Done,
    Now,
    Failed,
    Next,
    /// Done, and undone by the rollback.
    Undone,
}

/// The card of the present stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StageCardView {
    pub stage: StageName,
    pub payments: Option<u32>,
    pub amount: Option<MoneyView>,
    pub from_day: Option<String>,
    pub to_day: Option<String>,
    pub entries_posted: u32,
    pub entries_removed: u32,
    pub checks: Vec<CheckView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct GateView {
    pub next: StageName,
    /// The role that the plan asks for: `owner`, `bookkeeper`.
    pub who: String,
    pub payments: Option<u32>,
    pub amount: Option<MoneyView>,
    pub seconds: Option<u32>,
    /// What the sign-off binds to; sent back with the approval.
    pub digest: String,
    pub irreversible: Vec<String>,
}

/// What stopping now would do, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StopHereView {
    pub entries_removed: u32,
    pub entries_put_back: u32,
    pub amount: Option<MoneyView>,
    pub books_touched: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SampleView {
    pub title: String,
    pub day: String,
    pub rows: Vec<SampleRowView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SampleRowView {
    pub account: String,
    pub old: Option<MoneyView>,
    pub new: Option<MoneyView>,
    pub expected: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WatchView {
    pub day: u32,
    pub of: u32,
    pub ends: String,
    pub days: Vec<WatchDayView>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct WatchDayView {
    pub day: String,
    pub payments: u32,
    pub remainder: MoneyView,
    pub held: u32,
    pub verdict: VerdictView,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct DifferenceCountsView {
    pub same: u32,
    pub expected: u32,
    pub unexplained: u32,
}

/// Which buttons are there. The engine decides; the page never guesses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct MayView {
    pub approve: bool,
    pub pause: bool,
    pub resume: bool,
    pub stop: bool,
    pub roll_back: bool,
    pub reconnect: bool,
    pub next_day: bool,
    pub finish: bool,
}
