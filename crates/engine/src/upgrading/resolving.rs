//! Finding out what became of an effect after the process ended in it. Looks only; never repeats.

use super::Undertaking;
use super::slices;
use super::switching;
use crate::engine::Engine;
use crate::store::movement::{self, ChangeState};
use crate::store::unpacked;
use ledger::{Money, Problem};
use upgrade::{Effect, EffectId, Finding, Gained, Owner, Report, SliceName, State, Written};

impl Engine {
    /// What happened to the effect in doubt. Changes in doubt are settled before this is asked.
    pub(crate) async fn resolve(&self, u: &Undertaking, state: &State, effect_id: &EffectId) -> Result<Finding, Problem> {
        let effect = state
            .in_doubt
            .as_ref()
            .filter(|doubt| doubt.effect_id == *effect_id)
            .map(|doubt| doubt.effect.clone())
            .or_else(|| state.in_flight.as_ref().filter(|flight| flight.effect_id == *effect_id).map(|flight| flight.effect.clone()));
        let Some(effect) = effect else {
            return Ok(Finding::Unknown { why: format!("The log does not say which step {} was.", effect_id.0) });
        };
        match &effect {
            // The share is taken up again: what is converted already is passed over, and its checks run.
            Effect::ApplySlice { slice } => self.part_written(u, state, *slice).await,
            Effect::Drain => self.part_written(u, state, SliceName::Arrivals).await,
            Effect::UndoSlice { .. } => Ok(Finding::Absent),
            Effect::Fence { stream } => owned(self, u, stream, Owner::Fenced).await,
            Effect::GiveTo { stream, owner } => owned(self, u, stream, *owner).await,
            Effect::RestoreOwner { stream } => owned(self, u, stream, Owner::Old).await,
            // Giving up access twice is the same as once.
            Effect::RetireOld | Effect::DropNewAccess => Ok(Finding::Absent),
            // These read, or write only to our own store, and are simply done again.
            Effect::RunPreflight
            | Effect::TakeBackup
            | Effect::ProveRestore
            | Effect::Rehearse
            | Effect::AskToReauthorize { .. }
            | Effect::RunShadow
            | Effect::RunChecks { .. }
            | Effect::TakeRollbackPoint { .. }
            | Effect::Validate
            | Effect::Reconcile
            | Effect::BeginWatch { .. }
            | Effect::VerifyRollback
            | Effect::Resolve { .. }
            | Effect::Notify { .. } => Ok(Finding::Absent),
        }
    }

    /// What the books hold of a share beyond what the log counts.
    async fn part_written(&self, u: &Undertaking, state: &State, slice: SliceName) -> Result<Finding, Problem> {
        let mut total = Written { movements: 0, entries_posted: 0, entries_removed: 0, amount: Money::zero(u.company.currency) };
        for change in movement::changes(&self.pool, &u.connection.id, Some(ChangeState::Done)).await? {
            if change.upgrade_id.as_deref() != Some(&u.id) || change.purpose != slices::purpose(slice) {
                continue;
            }
            let intent: crate::changes::Intent = unpacked("change", &change.intent)?;
            total.entries_posted += intent.post.len() as u64;
            total.entries_removed += intent.remove.len() as u64;
            total.movements += intent.post.len() as u64;
            let minor = intent.post.iter().map(|p| slices::size(&p.entry)).sum();
            total.amount = total.amount.plus(Money::new(minor, u.company.currency))?;
        }
        let counted = state.written.get(&slice).map_or(0, |w| w.entries_posted);
        if total.entries_posted == counted {
            return Ok(Finding::Absent);
        }
        let before = state.written.get(&slice).copied();
        let left = Written {
            movements: total.movements - before.map_or(0, |w| w.movements.min(total.movements)),
            entries_posted: total.entries_posted - counted.min(total.entries_posted),
            entries_removed: total.entries_removed - before.map_or(0, |w| w.entries_removed.min(total.entries_removed)),
            amount: match before {
                Some(w) => total.amount.minus(w.amount)?,
                None => total.amount,
            },
        };
        Ok(Finding::Partly { left })
    }
}

async fn owned(engine: &Engine, u: &Undertaking, stream: &str, owner: Owner) -> Result<Finding, Problem> {
    Ok(match switching::is_owned_by(engine, u, stream, owner).await? {
        true => Finding::Done { report: Report { gained: Gained::Nothing, ..Report::plain() } },
        false => Finding::Absent,
    })
}
