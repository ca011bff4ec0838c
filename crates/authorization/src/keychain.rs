//! The operating system's keychain, reached through one thread of its own with a deadline for every request.
//!
//! It holds one short text per installation (the master key), because some keychains take no more than about a
//! thousand characters and some take only text. Why a thread: a locked keychain blocks until a person answers
//! its prompt, which may be never; the D-Bus library must not be called inside async code; and some systems
//! mishandle two threads asking at once. The thread is never joined: a hanging keychain cannot hang the exit.
//!
//! It must never decide that a missing entry means "make a new key"; that is [`crate::Vault`]'s decision, which
//! knows whether sealed rows exist. A further keychain is another [`KeyStore`].

mod os;

use crate::passphrase::{self, PassphraseState};
use crate::problems::{E_KEYCHAIN_ABSENT, E_KEYCHAIN_LOCKED, E_KEYCHAIN_TIMEOUT, E_KEYCHAIN_UNFIT};
use ledger::{Problem, Retry};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

pub use os::OsStore;

/// Long enough to find and type a keyring password.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// A keychain that is open answers in milliseconds; one that takes longer over a request is asking a person.
const ASKING_AFTER: Duration = Duration::from_secs(1);

/// Where the key that seals the credentials lives; shown as a badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeptWhere {
    /// In this computer's keychain.
    Keychain,
    /// In memory: whatever is sealed with it ends with the program.
    SessionOnly,
    /// In a file of this installation, sealed with a passphrase.
    Passphrase,
}

impl KeptWhere {
    pub fn name(self) -> &'static str {
        match self {
            KeptWhere::Keychain => "keychain",
            KeptWhere::SessionOnly => "session_only",
            KeptWhere::Passphrase => "passphrase",
        }
    }

    pub fn from_name(name: &str) -> Option<KeptWhere> {
        [KeptWhere::Keychain, KeptWhere::SessionOnly, KeptWhere::Passphrase].into_iter().find(|k| k.name() == name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "reason")]
pub enum KeychainStatus {
    Available,
    /// There is one, and a person has to unlock it.
    Locked,
    /// There is none; the reason in words.
    Absent(String),
    /// There may be one, and it did not say within the deadline, in seconds, how it is.
    Silent(u64),
    /// It answers, and refused the last thing that was asked of it; the reason in words.
    Refusing(String),
    /// Chosen: nothing is kept beyond this run.
    SessionOnly,
    Passphrase(PassphraseState),
}

/// Why a store did not do what it was asked. Reasons must not contain what was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    NoEntry,
    Locked,
    Absent(String),
    Failed(String),
    /// It takes no secret of this length or kind.
    Unfit(String),
    /// The passphrase vault is not open.
    PassphraseNeeded(PassphraseState),
}

/// One keychain. Called from the keychain thread only, one call at a time, and may block.
pub trait KeyStore: Send + 'static {
    fn read(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError>;
    fn write(&mut self, name: &str, secret: &[u8]) -> Result<(), StoreError>;
    /// Erasing what is not there is `NoEntry`.
    fn erase(&mut self, name: &str) -> Result<(), StoreError>;
    /// Must not ask a person anything.
    fn status(&mut self) -> KeychainStatus;
    fn kept_where(&self) -> KeptWhere {
        KeptWhere::Keychain
    }
}

enum Request {
    Read(String, oneshot::Sender<Result<Zeroizing<Vec<u8>>, StoreError>>),
    Write(String, Zeroizing<Vec<u8>>, oneshot::Sender<Result<(), StoreError>>),
    Erase(String, oneshot::Sender<Result<(), StoreError>>),
    Status(oneshot::Sender<KeychainStatus>),
}

/// A handle to the keychain thread; cheap to clone. The thread ends when the last handle is gone and the
/// keychain has answered.
#[derive(Clone)]
pub struct Keychain {
    requests: Arc<mpsc::Sender<Request>>,
    /// Set while the store works on a request, which may wait for a person.
    at_work: Arc<AtomicBool>,
    /// Why the last reading, writing or erasing was refused, until one succeeds.
    refused: Arc<Mutex<Option<String>>>,
    deadline: Duration,
    kept_where: KeptWhere,
}

impl Keychain {
    /// This computer's keychain. Does not touch it yet, so it needs no D-Bus to be called.
    pub fn os() -> Keychain {
        Keychain::with_store(OsStore::default(), DEADLINE)
    }

    /// Memory only, for containers and for people who choose it. Say so wherever credentials are shown.
    pub fn session_only() -> Keychain {
        Keychain::with_store(MemoryStore::default(), DEADLINE)
    }

    /// Any store, and how long each request may take.
    pub fn with_store(store: impl KeyStore, deadline: Duration) -> Keychain {
        let kept_where = store.kept_where();
        let (requests, inbox) = mpsc::channel();
        let at_work = Arc::new(AtomicBool::new(false));
        let working = at_work.clone();
        // If the system can start no thread, the inbox is dropped and every request says that the keychain is absent.
        let _ = std::thread::Builder::new()
            .name("keychain".into())
            .spawn(move || serve(store, &inbox, &working));
        Keychain {
            requests: Arc::new(requests),
            at_work,
            refused: Arc::default(),
            deadline,
            kept_where,
        }
    }

    pub fn kept_where(&self) -> KeptWhere {
        self.kept_where
    }

    /// Whether it can be used, without asking a person anything.
    pub async fn status(&self) -> KeychainStatus {
        let (reply, mut answer) = oneshot::channel();
        if self.requests.send(Request::Status(reply)).is_err() {
            return KeychainStatus::Absent("the keychain's thread has ended".into());
        }
        // A request before this one still waits for the keyring's password: locked is what it is, not absent.
        let asks_a_person = || self.at_work.load(Ordering::SeqCst);
        let answered = match tokio::time::timeout(ASKING_AFTER.min(self.deadline), &mut answer).await {
            Ok(answered) => Ok(answered),
            Err(_) if asks_a_person() => return KeychainStatus::Locked,
            Err(_) => tokio::time::timeout(self.deadline, answer).await,
        };
        match answered {
            Ok(Ok(KeychainStatus::Available)) => match self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone() {
                Some(why) => KeychainStatus::Refusing(why),
                None => KeychainStatus::Available,
            },
            Ok(Ok(status)) => status,
            Ok(Err(_)) => KeychainStatus::Absent("the keychain's thread has ended".into()),
            Err(_) if asks_a_person() => KeychainStatus::Locked,
            Err(_) => KeychainStatus::Silent(self.deadline.as_secs()),
        }
    }

    /// `Ok(None)` = the keychain answered that it holds no such entry. That is *not* proof that there never was one.
    pub(crate) async fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Problem> {
        let (reply, answer) = oneshot::channel();
        match self.noting(self.ask(Request::Read(name.into(), reply), answer).await?) {
            Ok(secret) => Ok(Some(secret)),
            Err(StoreError::NoEntry) => Ok(None),
            Err(error) => Err(problem(error)),
        }
    }

    pub(crate) async fn write(&self, name: &str, secret: Zeroizing<Vec<u8>>) -> Result<(), Problem> {
        let (reply, answer) = oneshot::channel();
        let written = self.ask(Request::Write(name.into(), secret, reply), answer).await?;
        self.noting(written).map_err(problem)
    }

    /// Erases an entry; one that is not there is fine.
    pub(crate) async fn erase(&self, name: &str) -> Result<(), Problem> {
        let (reply, answer) = oneshot::channel();
        match self.noting(self.ask(Request::Erase(name.into(), reply), answer).await?) {
            Ok(()) | Err(StoreError::NoEntry) => Ok(()),
            Err(error) => Err(problem(error)),
        }
    }

    /// It took what it was given and did not have it afterwards.
    pub(crate) fn lied(&self, why: &str) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_string());
    }

    fn noting<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        let why = match &answer {
            Err(StoreError::Failed(why) | StoreError::Unfit(why)) => Some(why.clone()),
            Ok(_) | Err(StoreError::NoEntry | StoreError::Locked | StoreError::Absent(_) | StoreError::PassphraseNeeded(_)) => None,
        };
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = why;
        answer
    }

    async fn ask<T>(&self, request: Request, answer: oneshot::Receiver<T>) -> Result<T, Problem> {
        let ended = || problem(StoreError::Absent("its thread has ended".into()));
        self.requests.send(request).map_err(|_| ended())?;
        match tokio::time::timeout(self.deadline, answer).await {
            Ok(answer) => answer.map_err(|_| ended()),
            Err(_) => Err(Problem::new(
                E_KEYCHAIN_TIMEOUT,
                "This computer's keychain did not answer.",
                format!("It was asked {} seconds ago; perhaps a window that asks for the keyring's password waits behind other windows.", self.deadline.as_secs()),
                "Answer that window or unlock the keyring, then try again. Or keep secrets in another place: in a passphrase vault, or for this session only.",
            )
            .retrying(Retry::AfterFix)),
        }
    }
}

fn serve(mut store: impl KeyStore, inbox: &mpsc::Receiver<Request>, at_work: &AtomicBool) {
    while let Ok(request) = inbox.recv() {
        // Asking for the status asks nobody anything.
        at_work.store(!matches!(request, Request::Status(_)), Ordering::SeqCst);
        match request {
            // Who gave up is not served: after a long hang the queue would otherwise ask the person once more each.
            Request::Read(_, reply) if reply.is_closed() => {}
            Request::Write(_, _, reply) | Request::Erase(_, reply) if reply.is_closed() => {}
            Request::Read(name, reply) => drop(reply.send(store.read(&name))),
            Request::Write(name, secret, reply) => drop(reply.send(store.write(&name, &secret))),
            Request::Erase(name, reply) => drop(reply.send(store.erase(&name))),
            Request::Status(reply) => drop(reply.send(store.status())),
        }
        at_work.store(false, Ordering::SeqCst);
    }
}

fn problem(error: StoreError) -> Problem {
    match error {
        StoreError::Locked => Problem::new(
            E_KEYCHAIN_LOCKED,
            "This computer's keychain is locked.",
            "Changeover keeps the key to your sign-ins in it.",
            "Unlock the keyring (usually by logging in to the desktop with your password), then try again.",
        ),
        StoreError::Absent(reason) => Problem::new(
            E_KEYCHAIN_ABSENT,
            "This computer has no keychain that Changeover can use.",
            format!("Reason: {reason}."),
            "Set up a keyring (on Linux: GNOME Keyring or KWallet), or keep secrets in another place: in a passphrase vault, or for this session only.",
        ),
        StoreError::NoEntry => Problem::new(
            E_KEYCHAIN_ABSENT,
            "This computer's keychain did not keep an entry.",
            "It reported no entry where one was just used.",
            "Check the keyring program, then try again.",
        ),
        StoreError::Failed(reason) => Problem::new(
            E_KEYCHAIN_ABSENT,
            "This computer's keychain failed.",
            format!("It reported: {reason}."),
            "Restart the keyring or log in again, then try again; or keep secrets in a passphrase vault.",
        ),
        StoreError::Unfit(reason) => Problem::new(
            E_KEYCHAIN_UNFIT,
            "This computer's keychain does not take what it was given.",
            format!("It reported: {reason}."),
            "Keep secrets in a passphrase vault instead; and tell the makers of Changeover which keyring program this is.",
        ),
        StoreError::PassphraseNeeded(state) => passphrase::needed(state),
    }
}

/// The session-only store.
#[derive(Default)]
struct MemoryStore(HashMap<String, Zeroizing<Vec<u8>>>);

impl KeyStore for MemoryStore {
    fn read(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.0.get(name).cloned().ok_or(StoreError::NoEntry)
    }

    fn write(&mut self, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        self.0.insert(name.into(), Zeroizing::new(secret.to_vec()));
        Ok(())
    }

    fn erase(&mut self, name: &str) -> Result<(), StoreError> {
        self.0.remove(name).map(drop).ok_or(StoreError::NoEntry)
    }

    fn status(&mut self) -> KeychainStatus {
        KeychainStatus::SessionOnly
    }

    fn kept_where(&self) -> KeptWhere {
        KeptWhere::SessionOnly
    }
}
