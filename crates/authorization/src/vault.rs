//! Where access is kept: sealed rows in the engine's store, and one key in the keychain.
//!
//! Opening a vault touches neither; [`Vault::unlock`] or the first use does. A canary, sealed with the key,
//! stands beside the rows: when the keychain says "no entry" while a canary exists, the key is *lost* and
//! nothing is overwritten; a new key is made only for an empty place, or by [`Vault::start_over`] on a person's
//! word. No function returns a secret; [`Vault::signer`] is the way to use one.

use crate::credential_rows::{self as rows, CredentialState, KeyRow, NewRow, Renewed, Row};
use crate::endpoints::{Endpoints, Environment};
use crate::grant::{Grant, Tenant, Tokens, require_permissions};
use crate::keychain::{KeptWhere, Keychain, KeychainStatus};
use crate::problems::{E_CREDENTIAL_UNREADABLE, E_KEYCHAIN_ABSENT, E_KEYCHAIN_KEY_LOST, E_SIGN_IN_OTHER_COMPANY, expired, none, shown};
use crate::place::{AskPassphrase, Places};
use crate::provider::Provider;
use crate::revoke::EndAt;
use crate::seal::{self, MasterKey};
use crate::signer::Signer;
use crate::{Clock, lock};
use base64::Engine;
use jiff::Timestamp;
use ledger::{Problem, Touched};
use serde::Serialize;
use sqlx::SqlitePool;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use zeroize::Zeroizing;

/// What the canary says when it is opened.
const CANARY: &[u8] = b"changeover canary";
/// How the key is written into the keychain: text, because some keychains take only text.
const KEY_PREFIX: &str = "v1:";
/// Leftover entries of other programs that are passed over when a place for a new key is looked for.
const KEY_NUMBERS_MAX: i64 = 16;

/// What a vault has to be told about its installation.
pub struct VaultSetup {
    /// Names the keychain entry. One per home folder; never changes.
    pub installation_id: String,
    /// A folder for lock files on a local disk; made when needed, private to the user.
    pub locks: PathBuf,
    pub clock: Clock,
}

/// Which access of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The newest that is active or waits for a sign-in.
    Current,
    Generation(u32),
}

/// One stored access without its secret: what Accounts shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Described {
    pub connection_id: String,
    pub generation: u32,
    pub provider: String,
    pub environment: Environment,
    pub kind: String,
    pub tenant: Tenant,
    pub permissions: Vec<String>,
    /// Asked for at the sign-in and not given.
    pub missing: Vec<String>,
    pub granted_at: Timestamp,
    pub renewed_at: Timestamp,
    pub access_expires: Option<Timestamp>,
    pub refresh_expires: Option<Timestamp>,
    pub state: CredentialState,
    /// Why it needs a sign-in, in words.
    pub reason: Option<String>,
    pub kept_where: KeptWhere,
    pub last_used: Option<Timestamp>,
}

/// What ending access at the provider takes; erasing it here is done already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// How many stored accesses were erased here.
    pub erased: u64,
    pub ended_at_provider: bool,
    /// Why it was not ended there; empty where it was.
    pub why: String,
    pub page: String,
    pub page_says: String,
}

impl Revocation {
    fn of(provider: &Provider, erased: u64, ended: Result<(), String>) -> Revocation {
        Revocation {
            erased,
            ended_at_provider: ended.is_ok(),
            why: ended.err().unwrap_or_default(),
            page: provider.revocation.page.clone(),
            page_says: provider.revocation.page_says.clone(),
        }
    }

    /// What was done and what remains, in sentences.
    pub fn says(&self) -> String {
        match self.ended_at_provider {
            true => "It was ended at the provider and erased here.".to_string(),
            false => format!("It was erased here. {} {}", self.why, self.page_says),
        }
    }
}

/// Cheap to clone; all clones share one cache and one single-flight table.
#[derive(Clone)]
pub struct Vault {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub pool: SqlitePool,
    pub clock: Clock,
    pub locks: PathBuf,
    /// Where keys are read and written at the moment.
    pub place: Mutex<Keychain>,
    /// All three, where the person may choose among them.
    pub places: Option<Places>,
    /// Set until it is known whether the keychain answers; then the session's memory may take its place.
    pub may_fall_back: AtomicBool,
    pub asks: Mutex<Option<Arc<dyn AskPassphrase>>>,
    installation_id: String,
    pub key: tokio::sync::Mutex<Option<Arc<Sealing>>>,
    /// Earlier keys of the same place that still open rows.
    pub older: Mutex<HashMap<String, Arc<Sealing>>>,
    pub open: Mutex<HashMap<(String, u32), Arc<Open>>>,
    pub flights: Mutex<HashMap<(String, u32), Flight>>,
    /// How many may renew at a provider at a time.
    pub lanes: Mutex<HashMap<String, Arc<tokio::sync::Semaphore>>>,
    /// Renewed tokens that could not be written yet; the old ones may be used up, so these must not be dropped.
    pub unsaved: Mutex<HashMap<(String, u32), Renewed>>,
}

/// Whoever holds it changes a credential in this program.
type Flight = Arc<tokio::sync::Mutex<()>>;

/// The key in use and its name in the rows.
pub(crate) struct Sealing {
    pub id: String,
    /// The place that it was read from; a changed choice makes it be looked for anew.
    pub kept: KeptWhere,
    pub key: MasterKey,
}

/// Opened tokens of one rotation.
pub(crate) struct Open {
    pub rotation: i64,
    pub tokens: Tokens,
}

pub(crate) fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vault {
    /// Touches neither the store nor the keychain. [`crate::migrate`] must have run on `pool`.
    pub fn open(pool: SqlitePool, keychain: Keychain, setup: VaultSetup) -> Vault {
        Vault::with(pool, keychain, None, setup)
    }

    pub(crate) fn with(pool: SqlitePool, place: Keychain, places: Option<Places>, setup: VaultSetup) -> Vault {
        let VaultSetup {
            installation_id,
            locks,
            clock,
        } = setup;
        let inner = Inner {
            pool,
            clock,
            locks,
            place: Mutex::new(place),
            places,
            may_fall_back: AtomicBool::new(false),
            asks: Mutex::default(),
            installation_id,
            key: tokio::sync::Mutex::new(None),
            older: Mutex::default(),
            open: Mutex::default(),
            flights: Mutex::default(),
            lanes: Mutex::default(),
            unsaved: Mutex::default(),
        };
        Vault { inner: Arc::new(inner) }
    }

    /// How the place for keys is. Asks nobody anything.
    pub async fn keychain_status(&self) -> KeychainStatus {
        self.follow_choice().await;
        self.place().status().await
    }

    pub(crate) fn place(&self) -> Keychain {
        guard(&self.inner.place).clone()
    }

    /// Gets the key, making the first one if there was never any. May wait for a person to unlock the keyring.
    /// Errors: `E-KEYCHAIN-*`; stored access is unchanged in every case.
    pub async fn unlock(&self) -> Result<KeptWhere, Problem> {
        self.sealing().await.map(|_| self.place().kept_where())
    }

    /// After `E-KEYCHAIN-KEY-LOST` and a person's yes: every connection becomes "sign in again", nothing else is
    /// lost, and a new key is made beside the old name. Does nothing when the key is there after all.
    pub async fn start_over(&self) -> Result<(), Problem> {
        match self.sealing().await {
            Ok(_) => return Ok(()),
            Err(problem) if problem.code == E_KEYCHAIN_KEY_LOST => {}
            Err(problem) => return Err(problem),
        }
        let kept = self.place().kept_where();
        if let Some(row) = rows::key(&self.inner.pool, kept).await? {
            rows::mark_key_lost(&self.inner.pool, &row.key_id).await?;
        }
        self.sealing().await.map(drop)
    }

    pub(crate) async fn sealing(&self) -> Result<Arc<Sealing>, Problem> {
        let mut slot = self.inner.key.lock().await;
        self.follow_choice().await;
        if let Some(sealing) = &*slot
            && sealing.kept == self.place().kept_where()
        {
            return Ok(sealing.clone());
        }
        // Before the lock: a person may take minutes, and other programs wait for the lock.
        self.open_passphrase_by_asking().await?;
        // Two programs that start together must not each make a key, and none may look while another moves the keys.
        let _held = self.hold_keys().await?;
        self.follow_choice().await;
        let kept = self.place().kept_where();
        let found = match rows::key(&self.inner.pool, kept).await? {
            Some(row) => self.known_key(&row, kept).await?,
            None => None,
        };
        let sealing = Arc::new(match found {
            Some(sealing) => sealing,
            None => self.first_key(kept).await?,
        });
        *slot = Some(sealing.clone());
        Ok(sealing)
    }

    pub(crate) async fn hold_keys(&self) -> Result<lock::Held, Problem> {
        lock::hold(&self.inner.locks, "master-key.lock").await
    }

    pub(crate) fn entry_name(&self, number: i64) -> String {
        match number {
            1 => self.inner.installation_id.clone(),
            later => format!("{}.{later}", self.inner.installation_id),
        }
    }

    /// The key that a row names: the one in use, or an earlier one that is kept in the same place. `None` when it is not there.
    pub(crate) async fn sealing_of(&self, key_id: &str) -> Result<Option<Arc<Sealing>>, Problem> {
        let current = self.sealing().await?;
        if current.id == key_id {
            return Ok(Some(current));
        }
        if let Some(known) = guard(&self.inner.older).get(key_id) {
            return Ok(Some(known.clone()));
        }
        let place = self.place();
        let keys = crate::place_rows::keys(&self.inner.pool, place.kept_where()).await?;
        let Some(row) = keys.into_iter().find(|row| row.key_id == key_id) else { return Ok(None) };
        let Some(key) = kept_key(&place, &self.entry_name(row.number), &row).await? else { return Ok(None) };
        let found = Arc::new(Sealing { id: row.key_id, kept: place.kept_where(), key });
        guard(&self.inner.older).insert(key_id.to_string(), found.clone());
        Ok(Some(found))
    }

    /// The key of an existing canary. `None` only for a session's key, which is expected to be gone after a restart.
    async fn known_key(&self, row: &KeyRow, kept: KeptWhere) -> Result<Option<Sealing>, Problem> {
        let lost = |why: &str| {
            Problem::new(
                E_KEYCHAIN_KEY_LOST,
                match kept {
                    KeptWhere::Keychain | KeptWhere::SessionOnly => "The key to your sign-ins is no longer in this computer's keychain.",
                    KeptWhere::Passphrase => "The key to your sign-ins is no longer in the passphrase vault.",
                },
                why,
                "If the keyring was replaced or this is another computer, bring the old keyring back; otherwise choose to start over: then sign in again for each connection. Nothing else is lost.",
            )
        };
        let stored = self.place().read(&self.entry_name(row.number)).await?;
        match (stored.as_deref().and_then(|text| decode(text)), stored, kept) {
            (Some(key), _, _) if fits(&key, row) => {
                Ok(Some(Sealing {
                    id: row.key_id.clone(),
                    kept,
                    key,
                }))
            }
            // Another running session may still hold it.
            (_, None, KeptWhere::SessionOnly) => Ok(None),
            (_, None, KeptWhere::Keychain) => Err(lost(
                "The keychain answers, but it has no entry for this installation. Nothing was overwritten.",
            )),
            (_, None, KeptWhere::Passphrase) => Err(lost(
                "The vault opens, but it has no entry for this installation. Nothing was overwritten.",
            )),
            (_, Some(_), _) => Err(lost(
                "The keychain holds another key than the one that sealed them. Nothing was overwritten.",
            )),
        }
    }

    async fn first_key(&self, kept: KeptWhere) -> Result<Sealing, Problem> {
        let first = rows::last_key_number(&self.inner.pool).await? + 1;
        for number in first..first + KEY_NUMBERS_MAX {
            let name = self.entry_name(number);
            let key = match self.place().read(&name).await? {
                None => self.write_new_key(&name).await?,
                // Left by a crash between writing the entry and its canary: nothing was sealed with it, so it serves.
                Some(leftover) => match decode(&leftover) {
                    Some(key) => key,
                    None => continue,
                },
            };
            let key_id = match kept {
                KeptWhere::Keychain => format!("keychain-{number}"),
                KeptWhere::SessionOnly => format!("session-{number}"),
                KeptWhere::Passphrase => format!("passphrase-{number}"),
            };
            let canary = key.seal(CANARY, &canary_place(&key_id)).map_err(no_randomness)?;
            rows::add_key(
                &self.inner.pool,
                &KeyRow {
                    key_id: key_id.clone(),
                    number,
                    canary,
                },
                kept,
                (self.inner.clock)(),
            )
            .await?;
            return Ok(Sealing { id: key_id, kept, key });
        }
        Err(not_kept("Too many entries of other programs stand under this installation's name."))
    }

    async fn write_new_key(&self, name: &str) -> Result<MasterKey, Problem> {
        let key = MasterKey::random().map_err(no_randomness)?;
        put(&self.place(), name, &key).await?;
        Ok(key)
    }

    /// Keeps a grant as the next generation of a connection; the one before stays usable until [`Vault::retire`].
    /// `E-SIGN-IN-OTHER-COMPANY` if the connection ever belonged to another company, provider or environment.
    pub async fn save(&self, connection: &str, grant: Grant) -> Result<u32, Problem> {
        let sealing = self.sealing().await?;
        let facts = grant.facts;
        if let Some(app) = &grant.app {
            // It has just proved itself; every access of this application renews with it from now on.
            self.keep_app_of(&facts, app).await?;
        }
        let new = NewRow {
            connection,
            kind: grant.kind.name(),
            facts: &facts,
            key_id: &sealing.id,
        };
        let seal = |generation: u32| {
            let place = rows::bound_to(connection, generation, &facts, &sealing.id, 0);
            seal::seal_tokens(&sealing.key, &grant.tokens, &place).map_err(no_randomness)
        };
        let other = |before: &Tenant| {
            Problem::new(
                E_SIGN_IN_OTHER_COMPANY,
                "This sign-in is for another company. The access from before is unchanged.",
                format!(
                    "The connection belongs to {}, the sign-in is for {} ({}, {}).",
                    before.shown(),
                    facts.tenant.shown(),
                    shown(&facts.provider),
                    facts.environment.name()
                ),
                "Sign in again for the right company, or add the other one as a new connection.",
            )
        };
        rows::add(&self.inner.pool, new, seal, other).await
    }

    /// All stored accesses of a connection, oldest first. Needs no keychain.
    pub async fn describe(&self, connection: &str) -> Result<Vec<Described>, Problem> {
        self.described(Some(connection)).await
    }

    /// Those of all connections.
    pub async fn describe_all(&self) -> Result<Vec<Described>, Problem> {
        self.described(None).await
    }

    async fn described(&self, connection: Option<&str>) -> Result<Vec<Described>, Problem> {
        // In memory, so asking costs nothing; a keychain is not asked here.
        let session = match self.place().kept_where() {
            KeptWhere::SessionOnly => self.sealing().await.ok().map(|sealing| sealing.id.clone()),
            KeptWhere::Keychain | KeptWhere::Passphrase => None,
        };
        // Where the place was chosen, what another place sealed waits for a sign-in or for the choice to go back.
        let chosen = self.inner.places.as_ref().map(|_| self.place().kept_where());
        let rows = rows::list(&self.inner.pool, connection).await?;
        Ok(rows.into_iter().map(|row| described(row, session.as_deref(), chosen)).collect())
    }

    /// The granted permissions of an access contain all `needed`; `E-PERMISSION-MISSING` names the others in words.
    pub async fn require(&self, connection: &str, which: Which, provider: &Provider, needed: &[String]) -> Result<(), Problem> {
        let row = self.row(connection, which).await?;
        require_permissions(provider, &row.facts.permissions, needed)
    }

    /// Something that signs requests for this access. Fails when there is none, or when provider or environment
    /// are not those it was given for: live and practice money are never mixed.
    pub async fn signer(&self, connection: &str, which: Which, provider: &Provider, endpoints: &Endpoints) -> Result<Signer, Problem> {
        endpoints.check()?;
        let row = self.row(connection, which).await?;
        if row.facts.provider != provider.name || row.facts.environment != endpoints.environment {
            let why = format!(
                "Its access was given for {} ({}), not for {} ({}).",
                shown(&row.facts.provider),
                row.facts.environment.name(),
                provider.title,
                endpoints.environment.name()
            );
            return Err(none(connection, why));
        }
        let Some(endpoints) = endpoints.in_region(row.facts.data_center.as_deref()) else {
            return Err(none(connection, "The region that it was given for is not among the provider's any more."));
        };
        Ok(Signer::new(
            self.clone(),
            connection.to_string(),
            row.generation,
            provider.clone(),
            endpoints,
        ))
    }

    pub(crate) async fn row(&self, connection: &str, which: Which) -> Result<Row, Problem> {
        match which {
            Which::Generation(generation) => rows::load(&self.inner.pool, connection, generation).await,
            Which::Current => {
                let usable = |row: &Row| match row.state {
                    CredentialState::Active | CredentialState::NeedsReauth => true,
                    CredentialState::Superseded | CredentialState::Retired => false,
                };
                let all = rows::list(&self.inner.pool, Some(connection)).await?;
                // An active one before an ended one, whatever their order: a rollback reinstates an older one.
                let active = all.iter().rposition(|row| row.state == CredentialState::Active);
                let at = active.or_else(|| all.iter().rposition(usable));
                at.and_then(|at| all.into_iter().nth(at))
                    .ok_or_else(|| none(connection, "Nobody has signed in for it, or it was disconnected."))
            }
        }
    }

    /// Opens the tokens of a row, or takes them from the cache when the rotation is the same.
    pub(crate) async fn opened(&self, row: &Row, provider: &Provider) -> Result<Arc<Open>, Problem> {
        let at = (row.connection_id.clone(), row.generation);
        if let Some(open) = guard(&self.inner.open).get(&at)
            && open.rotation == row.rotation
        {
            return Ok(open.clone());
        }
        if row.key_lost {
            return Err(expired(
                &provider.title,
                "The key that sealed it is gone, so it cannot be read any more.",
            ));
        }
        let Some(sealing) = self.sealing_of(&row.key_id).await? else {
            return Err(self.sealed_elsewhere(row.key_kept, provider));
        };
        let tokens = seal::open_tokens(&sealing.key, &row.sealed, &row.bound_to()).map_err(|seal::DoesNotOpen| {
            Problem::new(
                E_CREDENTIAL_UNREADABLE,
                format!("The stored access to {} was changed or damaged.", provider.title),
                "It does not open with its own key in its own place.",
                format!("Choose \"Reconnect {}\" and sign in again.", provider.title),
            )
        })?;
        let open = Arc::new(Open {
            rotation: row.rotation,
            tokens,
        });
        self.remember(at, open.clone());
        Ok(open)
    }

    pub(crate) fn remember(&self, at: (String, u32), open: Arc<Open>) {
        guard(&self.inner.open).insert(at, open);
    }

    pub(crate) fn forget(&self, connection: &str, generation: Option<u32>) {
        guard(&self.inner.open).retain(|(c, g), _| c != connection || generation.is_some_and(|generation| generation != *g));
        guard(&self.inner.unsaved).retain(|(c, g), _| c != connection || generation.is_some_and(|generation| generation != *g));
    }

    /// Puts one access away and erases its secret here. Doing it twice is fine.
    pub async fn retire(&self, connection: &str, generation: u32, provider: &Provider, ending: EndAt) -> Result<Revocation, Problem> {
        // Not while it is being renewed: the answer would bring it back to life.
        let _held = self.hold(connection, generation).await?;
        let row = rows::load(&self.inner.pool, connection, generation).await?;
        let ended = self.end_at_provider(&[row], provider, &ending).await;
        let erased = rows::retire(&self.inner.pool, connection, Some(generation)).await?;
        self.forget(connection, Some(generation));
        Ok(Revocation::of(provider, erased, ended))
    }

    /// Makes an older access the current one again, for a rollback. `E-CREDENTIAL-NONE` if it is retired or ended.
    pub async fn reinstate(&self, connection: &str, generation: u32) -> Result<(), Problem> {
        rows::reinstate(&self.inner.pool, connection, generation).await
    }

    /// Ends every access of a connection at the provider where that can be done, erases it here whatever came of that, and says what remains.
    pub async fn disconnect(&self, connection: &str, provider: &Provider, ending: EndAt) -> Result<Revocation, Problem> {
        let mut held = Vec::new();
        for row in rows::list(&self.inner.pool, Some(connection)).await? {
            held.push(self.hold(connection, row.generation).await?);
        }
        // Read again now that nothing renews them.
        let all = rows::list(&self.inner.pool, Some(connection)).await?;
        let ended = self.end_at_provider(&all, provider, &ending).await;
        let erased = rows::retire(&self.inner.pool, connection, None).await?;
        self.forget(connection, None);
        Ok(Revocation::of(provider, erased, ended))
    }

    /// Erases the key itself. Every access sealed with it becomes "sign in again".
    pub async fn erase_key(&self) -> Result<(), Problem> {
        let mut slot = self.inner.key.lock().await;
        let kept = self.place().kept_where();
        let Some(row) = rows::key(&self.inner.pool, kept).await? else {
            return Ok(());
        };
        rows::mark_key_lost(&self.inner.pool, &row.key_id).await?;
        *slot = None;
        guard(&self.inner.open).clear();
        self.place()
            .erase(&self.entry_name(row.number))
            .await
            .map_err(|problem| problem.touching(Touched::SettingsOnly))
    }
}

fn described(row: Row, session: Option<&str>, chosen: Option<KeptWhere>) -> Described {
    let session_over = row.key_kept == KeptWhere::SessionOnly && session != Some(row.key_id.as_str());
    let elsewhere = chosen.is_some_and(|chosen| chosen != row.key_kept);
    let readable = !row.key_lost && !session_over && !elsewhere;
    let (state, reason) = match row.state {
        CredentialState::Retired => (row.state, None),
        CredentialState::Active | CredentialState::Superseded | CredentialState::NeedsReauth if !readable => {
            let why = match (row.key_lost, row.key_kept) {
                (true, _) => "The key that sealed it is gone.",
                (false, KeptWhere::SessionOnly) => "It was kept for an earlier session only.",
                (false, KeptWhere::Keychain) => "The key that sealed it is in the keychain, and another place was chosen for secrets.",
                (false, KeptWhere::Passphrase) => "The key that sealed it is in the passphrase vault, and another place was chosen for secrets.",
            };
            (CredentialState::NeedsReauth, Some(why.to_string()))
        }
        CredentialState::Active | CredentialState::Superseded | CredentialState::NeedsReauth => (row.state, row.reason),
    };
    Described {
        connection_id: row.connection_id,
        generation: row.generation,
        provider: row.facts.provider,
        environment: row.facts.environment,
        kind: row.kind,
        tenant: row.facts.tenant,
        permissions: row.facts.permissions,
        missing: row.facts.missing,
        granted_at: row.facts.granted_at,
        renewed_at: row.obtained,
        access_expires: row.facts.access_expires,
        refresh_expires: row.facts.refresh_expires,
        state,
        reason,
        kept_where: row.key_kept,
        last_used: row.last_used,
    }
}

fn canary_place(key_id: &str) -> Vec<u8> {
    seal::bound(&["canary", key_id])
}

fn encode(key: &MasterKey) -> Zeroizing<String> {
    Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(key.bytes()))
}

fn decode(text: &[u8]) -> Option<MasterKey> {
    let text = std::str::from_utf8(text).ok()?.strip_prefix(KEY_PREFIX)?;
    let bytes = Zeroizing::new(base64::engine::general_purpose::STANDARD.decode(text).ok()?);
    MasterKey::from_bytes(&bytes)
}

fn fits(key: &MasterKey, row: &KeyRow) -> bool {
    key.open(&row.canary, &canary_place(&row.key_id)).is_ok_and(|plain| *plain == CANARY)
}

/// Keeps a key in a place, and believes what is read back, not what was promised.
pub(crate) async fn put(place: &Keychain, name: &str, key: &MasterKey) -> Result<(), Problem> {
    let text = || Zeroizing::new(format!("{KEY_PREFIX}{}", *encode(key)).into_bytes());
    place.write(name, text()).await?;
    let why = match place.read(name).await? {
        Some(back) if *back == *text() => return Ok(()),
        Some(_) => "It returned something else than what was stored.",
        None => "It has no entry right after storing one.",
    };
    place.lied(why);
    Err(not_kept(why))
}

/// The key of a row as this place keeps it; `None` when it is not there or is another.
pub(crate) async fn kept_key(place: &Keychain, name: &str, row: &KeyRow) -> Result<Option<MasterKey>, Problem> {
    let key = place.read(name).await?.as_deref().and_then(|text| decode(text));
    Ok(key.filter(|key| fits(key, row)))
}

fn not_kept(why: &str) -> Problem {
    Problem::new(
        E_KEYCHAIN_ABSENT,
        "This computer's keychain does not keep what it is given.",
        why,
        "Check the keyring program, or keep secrets in another place: in a passphrase vault, or for this session only.",
    )
}

pub(crate) fn no_randomness(_: getrandom::Error) -> Problem {
    not_kept("The system gave no random numbers, without which nothing can be sealed.")
}
