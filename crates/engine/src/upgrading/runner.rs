//! The loop around the pure machine: ask what is due, write the intent, do it, write the outcome.
//!
//! State is always the fold of the journal; nothing is kept beside it. Every event goes through
//! `upgrade::step` before it is written, so an event that could not have happened is never stored.

use super::{E_UPGRADE_NONE, E_UPGRADE_OPEN, E_UPGRADE_UNKNOWN, Undertaking};
use crate::crash;
use crate::engine::Engine;
use crate::progress::Watcher;
use crate::sign_in::SignInDesk;
use crate::store::company::{self, Company, Connection};
use crate::store::upgrade::{self as stored, UpgradeRow};
use ledger::{Problem, Touched};
use upgrade::{Effect, EffectId, Event, Outcome, Person, Plan, State};

/// What an effect may use besides the engine.
#[derive(Clone)]
pub struct Surroundings {
    pub watcher: Watcher,
    /// Where a sign-in shows its address and receives a pasted one.
    pub desk: SignInDesk,
}

impl Engine {
    /// The fold of an upgrade's events; None when it has none. The log only grows, so what was folded before is the start of it.
    async fn folded(&self, upgrade_id: &str) -> Result<Option<State>, Problem> {
        let remembered = self.memory.remembered.folded(upgrade_id);
        let (mut through, mut state) = remembered.unwrap_or_default();
        let filter = journal::Filter { scope: Some(upgrade_id.to_string()), kind: None };
        loop {
            let page = self.journal.entries(&filter, through, journal::store::LARGEST_PAGE).await?;
            let Some(last) = page.last() else { break };
            through = last.seq;
            let events: Vec<Event> = page.iter().filter(|e| e.kind.starts_with("upgrade.")).map(|e| Event::from_stored(&e.body)).collect::<Result<_, _>>()?;
            state = upgrade::fold_on(state, &events)?;
        }
        if state.events == 0 {
            return Ok(None);
        }
        self.memory.remembered.fold_is(upgrade_id, through, &state);
        Ok(Some(state))
    }

    /// Where an upgrade stands: the fold of its journal. Errors: `E-UPGRADE-UNKNOWN`, those of the journal.
    pub async fn upgrade_state(&self, upgrade_id: &str) -> Result<State, Problem> {
        self.folded(upgrade_id).await?.ok_or_else(|| {
            Problem::new(
                E_UPGRADE_UNKNOWN,
                format!("There is no upgrade \"{upgrade_id}\" here."),
                "The log holds nothing about it.",
                "List the upgrades, then name one of them.",
            )
        })
    }

    /// Writes an event after the machine has accepted it, and returns the state it leads to.
    pub async fn record(&self, upgrade_id: &str, event: Event) -> Result<State, Problem> {
        self.record_all(upgrade_id, vec![event]).await
    }

    /// As [`Engine::record`], several events at once: all of them reach the disk, or none.
    pub(crate) async fn record_all(&self, upgrade_id: &str, events: Vec<Event>) -> Result<State, Problem> {
        let mut tx = journal::begin(&self.pool).await?;
        let before = self.folded(upgrade_id).await?.unwrap_or_default();
        let mut state = before.clone();
        for event in events {
            let step = upgrade::step(&state, &event)?;
            self.journal_in(&mut tx, Some(upgrade_id), &format!("upgrade.{}", event.kind()), event.to_stored()?).await?;
            if step.state.is_over() && !state.is_over() {
                stored::close(&mut tx, upgrade_id).await?;
                if let Some(plan) = &step.state.plan {
                    stored::clear_owners(&mut tx, &plan.connection).await?;
                }
            }
            state = step.state;
        }
        tx.commit().await.map_err(|e| crate::store::failed("write the log", &e))?;
        if state.stage != before.stage || state.is_over() != before.is_over() {
            self.sign_log().await?;
        }
        Ok(state)
    }

    /// Opens an upgrade with its plan. Errors: `E-UPGRADE-OPEN` when one is open for this connection.
    pub async fn open_upgrade(&self, connection: &Connection, plan: Plan) -> Result<State, Problem> {
        if let Some(open) = stored::open_of(&self.pool, &connection.id).await? {
            return Err(Problem::new(
                E_UPGRADE_OPEN,
                "An upgrade of this account is already under way.",
                format!("It goes from connector {} to {} and was started on {}.", open.from_version, open.to_version, open.started_at.strftime("%Y-%m-%d, %H:%M UTC")),
                "Finish it or roll it back first.",
            ));
        }
        plan.checked()?;
        let event = Event::PlanMade { plan: Box::new(plan.clone()), at: self.now() };
        let step = upgrade::step(&State::default(), &event)?;
        let mut tx = journal::begin(&self.pool).await?;
        let row = UpgradeRow {
            id: plan.id.clone(),
            company_id: plan.company.clone(),
            connection_id: connection.id.clone(),
            from_version: plan.from_version.clone(),
            to_version: plan.to_version.clone(),
            started_at: self.now(),
            open: true,
        };
        stored::insert(&mut tx, &row).await?;
        self.journal_in(&mut tx, Some(&plan.id), "upgrade.plan_made", event.to_stored()?).await?;
        tx.commit().await.map_err(|e| crate::store::failed("write the log", &e))?;
        Ok(step.state)
    }

    /// The upgrade with this id, or the company's newest. Errors: `E-UPGRADE-NONE`, `E-UPGRADE-UNKNOWN`.
    pub async fn find_upgrade(&self, company: &Company, id: Option<&str>) -> Result<UpgradeRow, Problem> {
        let all = stored::of_company(&self.pool, &company.id).await?;
        match id {
            None => all.into_iter().next().ok_or_else(|| {
                Problem::new(
                    E_UPGRADE_NONE,
                    format!("\"{}\" has no upgrade.", company.name),
                    "None was planned in this folder.",
                    "Plan one first.",
                )
            }),
            Some(id) => all.into_iter().find(|u| u.id == id).ok_or_else(|| {
                Problem::new(
                    E_UPGRADE_UNKNOWN,
                    format!("\"{}\" has no upgrade \"{id}\".", company.name),
                    "The id belongs to none of its upgrades.",
                    "List the upgrades, then name one of them.",
                )
            }),
        }
    }

    /// What the effects of an upgrade need, as it is stored now.
    pub async fn undertaking(&self, state: &State) -> Result<Undertaking, Problem> {
        let plan = state.plan.as_ref().ok_or_else(|| {
            Problem::new(E_UPGRADE_NONE, "This upgrade has no plan.", "Its log begins without one.", "Verify the log.")
        })?;
        let company = self.company(&plan.company).await?;
        let connection = company::get_connection(&self.pool, &plan.connection).await?.ok_or_else(|| {
            Problem::new(
                crate::companies::E_CONNECTION_UNKNOWN,
                "The account that this upgrade is about is not connected here.",
                format!("The store has no connection {}.", plan.connection),
                "Restore Changeover's folder from a backup.",
            )
        })?;
        Ok(Undertaking {
            id: plan.id.clone(),
            company,
            connection,
            from: plan.from_version.clone(),
            to: plan.to_version.clone(),
            new_from: plan.new_from,
        })
    }

    /// Carries on until a person is needed or the upgrade is over, and returns where it stands then.
    ///
    /// A problem of an effect is an outcome, not an error of this call; an error here means that the log
    /// or store could not be used.
    pub async fn run_upgrade(&self, upgrade_id: &str, around: &Surroundings) -> Result<State, Problem> {
        let mut state = self.upgrade_state(upgrade_id).await?;
        let u = self.undertaking(&state).await?;
        let _lock = self.lock_company(&u.company)?;
        // Nobody else holds the lock, so whatever is still in flight belongs to a process that ended.
        if state.in_flight.is_some() {
            state = self.record(upgrade_id, Event::Restarted { at: self.now() }).await?;
        }
        self.settle_changes(&u.company, &u.connection).await?;
        while let Some(effect) = upgrade::next_effect(&state) {
            if let Effect::Resolve { effect_id } = effect {
                let finding = self.resolve(&u, &state, &effect_id).await?;
                state = self.record(upgrade_id, Event::EffectResolved { effect_id, finding, by: None, at: self.now() }).await?;
                continue;
            }
            state = self.carry_out(upgrade_id, effect, around).await?;
            // Asked to stop: the outcome is written; going on with the next effect would only be stopped again.
            if around.watcher.is_cancelled() {
                break;
            }
        }
        Ok(state)
    }

    async fn carry_out(&self, upgrade_id: &str, effect: Effect, around: &Surroundings) -> Result<State, Problem> {
        let effect_id = EffectId(self.ids.new_id("effect"));
        let intent = Event::IntentRecorded { effect_id: effect_id.clone(), effect: effect.clone(), at: self.now() };
        let state = self.record(upgrade_id, intent).await?;
        crash::point("effect.intent-written");
        let u = self.undertaking(&state).await?;
        let outcome = match self.perform(&u, &state, &effect, around).await {
            Ok(report) => Outcome::Done { report },
            Err(problem) if problem.code == crate::sync::E_CANCELLED => Outcome::Stopped { left: None },
            Err(problem) => {
                if problem.touched == Touched::Unknown {
                    let event = Event::EffectInDoubt { effect_id, why: (&problem).into(), at: self.now() };
                    return self.record(upgrade_id, event).await;
                }
                Outcome::Failed { problem: (&problem).into(), left: None }
            }
        };
        crash::point("effect.done");
        let state = self.record(upgrade_id, Event::EffectDone { effect_id, outcome, at: self.now() }).await?;
        crash::point("effect.outcome-written");
        Ok(state)
    }

    /// A person's yes at the gate where the upgrade waits, bound to exactly what they were shown.
    pub async fn approve(&self, upgrade_id: &str, by: Person, digest: Option<&str>) -> Result<State, Problem> {
        let state = self.upgrade_state(upgrade_id).await?;
        let (Some(gate), Some(binds)) = (state.gate(), state.binds()) else {
            return Err(Problem::new(
                upgrade::refusal::E_NOT_NOW,
                "Nothing waits for a yes.",
                "The upgrade is not at a gate.",
                "Look at where the upgrade stands, then choose again.",
            ));
        };
        if digest.is_some_and(|digest| digest != binds_digest(&binds)) {
            return Err(Problem::new(
                upgrade::refusal::E_SIGNOFF_STALE,
                "What you agreed to is no longer what would happen.",
                "Something changed after the question was shown.",
                "Read the question again, then decide.",
            ));
        }
        self.record(upgrade_id, Event::SignedOff { gate, by, binds, at: self.now() }).await
    }
}

/// Short form of what a sign-off is bound to, shown with the question and sent back with the yes.
pub fn binds_digest(binds: &upgrade::Binds) -> String {
    use sha2::{Digest, Sha256};
    let text = format!("{}|{}|{}|{}", binds.plan_hash, binds.state_hash, binds.check_results_hash, binds.residue_hash);
    hex::encode(&Sha256::digest(text.as_bytes())[..8])
}
