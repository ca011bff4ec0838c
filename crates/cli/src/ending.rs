//! How a command ends, as the exit status that scripts and timers read.
//!
//! 0 done; 1 failed with the books untouched; 2 wrong use; 3 waits for a person; 4 halted with work to undo.
//! It must never call a failure that may have touched the books a 1.

use api::views::{ProblemView, TouchedView};
use ledger::{Problem, Touched};
use std::process::ExitCode;
use upgrade::{Mode, State};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Done,
    Failed,
    Usage,
    Waiting,
    Halted,
}

impl Ending {
    pub fn number(self) -> u8 {
        match self {
            Ending::Done => 0,
            Ending::Failed => 1,
            Ending::Usage => 2,
            Ending::Waiting => 3,
            Ending::Halted => 4,
        }
    }

    pub fn code(self) -> ExitCode {
        ExitCode::from(self.number())
    }

    /// A problem that may have written to the books leaves work to undo.
    pub fn of(problem: &Problem) -> Ending {
        match problem.touched {
            Touched::Nothing | Touched::SettingsOnly => Ending::Failed,
            Touched::Books | Touched::Unknown => Ending::Halted,
        }
    }

    /// The same for a problem that came through the table of commands.
    pub fn of_view(problem: &ProblemView) -> Ending {
        match problem.touched {
            TouchedView::Nothing | TouchedView::SettingsOnly => Ending::Failed,
            TouchedView::Books | TouchedView::Unknown => Ending::Halted,
        }
    }

    /// Where an upgrade came to rest.
    pub fn of_upgrade(state: &State) -> Ending {
        match &state.mode {
            Mode::Finished | Mode::RolledBack => Ending::Done,
            // Running and at rest: the watch, which needs the next day.
            Mode::Running | Mode::Waiting { .. } | Mode::Paused { .. } => Ending::Waiting,
            Mode::Halted { .. } | Mode::Resolving { .. } | Mode::RollingBack { .. } | Mode::Frozen { .. } => Ending::Halted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::Code;
    use upgrade::{CheckId, Gate, PauseReason};

    #[test]
    fn a_failure_that_may_have_touched_the_books_is_never_a_plain_failure() {
        for (touched, number) in [
            (Touched::Nothing, 1),
            (Touched::SettingsOnly, 1),
            (Touched::Books, 4),
            (Touched::Unknown, 4),
        ] {
            let problem = Problem::new(Code("E-TEST"), "It failed.", "Because.", "Try again.").touching(touched);
            assert_eq!(Ending::of(&problem).number(), number, "{touched:?}");
            assert_eq!(Ending::of_view(&ProblemView::from(problem)).number(), number, "{touched:?}");
        }
    }

    #[test]
    fn an_upgrade_at_rest_says_whether_a_person_or_a_cure_is_needed() {
        let at = |mode: Mode| Ending::of_upgrade(&State { mode, ..State::default() }).number();
        assert_eq!(at(Mode::Finished), 0);
        assert_eq!(at(Mode::RolledBack), 0);
        assert_eq!(at(Mode::Waiting { gate: Gate::BeforeCutOver }), 3);
        assert_eq!(
            at(Mode::Paused {
                reason: PauseReason::Restarted
            }),
            3
        );
        assert_eq!(
            at(Mode::Halted {
                checks: vec![CheckId::ShadowUnexplainedZero]
            }),
            4
        );
    }
}
