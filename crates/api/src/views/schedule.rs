//! When backups are taken without being asked for, and how the last of them ended.

use super::common::ProblemView;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ScheduleView {
    pub daily: bool,
    /// "21:00", by the business's own clock.
    pub at: String,
    pub on_change: bool,
    /// After so many days without one, a backup is also proved by restoring it.
    pub prove_every_days: u32,
    pub state: ScheduleState,
    pub next: Option<String>,
    pub timer: TimerState,
    /// The last one that was due could not be taken.
    pub missed: Option<MissedView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleState {
    /// Only when somebody takes one.
    Off,
    /// A person takes the first one.
    First,
    Waiting,
    Due,
    /// A practice company's clock stands still.
    Practice,
}

/// Whether the system's own timer looks while the window is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TimerState {
    On,
    Off,
    Unavailable { problem: Box<ProblemView> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct MissedView {
    pub at: String,
    pub problem: ProblemView,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSetArgs {
    pub company: String,
    pub daily: bool,
    /// "21:00".
    pub at: String,
    pub on_change: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ScheduleTimerArgs {
    pub company: String,
    pub on: bool,
}
