//! The error codes of this crate, and the sentences that are needed in more than one place.
//!
//! No function here may take a provider's raw answer, a callback address or anything secret. Names that come
//! from outside go through [`shown`]. A new code is one constant, one line in [`CODES`] and one folder in
//! `tests/errors/`.

use ledger::{Code, Problem, Retry};

pub const E_PROVIDER: Code = Code("E-PROVIDER");
pub const E_PERMISSION_MISSING: Code = Code("E-PERMISSION-MISSING");
pub const E_PERMISSION_UNKNOWN: Code = Code("E-PERMISSION-UNKNOWN");
pub const E_SIGN_IN_REFUSED: Code = Code("E-SIGN-IN-REFUSED");
pub const E_SIGN_IN_TIMED_OUT: Code = Code("E-SIGN-IN-TIMED-OUT");
pub const E_SIGN_IN_CANCELLED: Code = Code("E-SIGN-IN-CANCELLED");
pub const E_SIGN_IN_OTHER_COMPANY: Code = Code("E-SIGN-IN-OTHER-COMPANY");
pub const E_SIGN_IN_STATE: Code = Code("E-SIGN-IN-STATE");
pub const E_SIGN_IN_ADDRESS: Code = Code("E-SIGN-IN-ADDRESS");
pub const E_SIGN_IN_EXPIRED: Code = Code("E-SIGN-IN-EXPIRED");
pub const E_SIGN_IN_PROVIDER: Code = Code("E-SIGN-IN-PROVIDER");
pub const E_SIGN_IN_APP: Code = Code("E-SIGN-IN-APP");
pub const E_SIGN_IN_NETWORK: Code = Code("E-SIGN-IN-NETWORK");
pub const E_SIGN_IN_PORT: Code = Code("E-SIGN-IN-PORT");
pub const E_KEYCHAIN_LOCKED: Code = Code("E-KEYCHAIN-LOCKED");
pub const E_KEYCHAIN_ABSENT: Code = Code("E-KEYCHAIN-ABSENT");
pub const E_KEYCHAIN_KEY_LOST: Code = Code("E-KEYCHAIN-KEY-LOST");
pub const E_KEYCHAIN_TIMEOUT: Code = Code("E-KEYCHAIN-TIMEOUT");
pub const E_KEYCHAIN_UNFIT: Code = Code("E-KEYCHAIN-UNFIT");
pub const E_PASSPHRASE_NEEDED: Code = Code("E-PASSPHRASE-NEEDED");
pub const E_PASSPHRASE_WRONG: Code = Code("E-PASSPHRASE-WRONG");
pub const E_PASSPHRASE_UNFIT: Code = Code("E-PASSPHRASE-UNFIT");
pub const E_PASSPHRASE_VAULT: Code = Code("E-PASSPHRASE-VAULT");
pub const E_CREDENTIAL_NONE: Code = Code("E-CREDENTIAL-NONE");
pub const E_CREDENTIAL_BUSY: Code = Code("E-CREDENTIAL-BUSY");
pub const E_CREDENTIAL_NOT_SAVED: Code = Code("E-CREDENTIAL-NOT-SAVED");
pub const E_CREDENTIAL_UNREADABLE: Code = Code("E-CREDENTIAL-UNREADABLE");
pub const E_CREDENTIAL_STORE: Code = Code("E-CREDENTIAL-STORE");
pub const E_CREDENTIAL_HOST: Code = Code("E-CREDENTIAL-HOST");

pub const CODES: &[Code] = &[
    E_PROVIDER,
    E_PERMISSION_MISSING,
    E_PERMISSION_UNKNOWN,
    E_SIGN_IN_REFUSED,
    E_SIGN_IN_TIMED_OUT,
    E_SIGN_IN_CANCELLED,
    E_SIGN_IN_OTHER_COMPANY,
    E_SIGN_IN_STATE,
    E_SIGN_IN_ADDRESS,
    E_SIGN_IN_EXPIRED,
    E_SIGN_IN_PROVIDER,
    E_SIGN_IN_APP,
    E_SIGN_IN_NETWORK,
    E_SIGN_IN_PORT,
    E_KEYCHAIN_LOCKED,
    E_KEYCHAIN_ABSENT,
    E_KEYCHAIN_KEY_LOST,
    E_KEYCHAIN_TIMEOUT,
    E_KEYCHAIN_UNFIT,
    E_PASSPHRASE_NEEDED,
    E_PASSPHRASE_WRONG,
    E_PASSPHRASE_UNFIT,
    E_PASSPHRASE_VAULT,
    E_CREDENTIAL_NONE,
    E_CREDENTIAL_BUSY,
    E_CREDENTIAL_NOT_SAVED,
    E_CREDENTIAL_UNREADABLE,
    E_CREDENTIAL_STORE,
    E_CREDENTIAL_HOST,
];

/// Every error code this crate raises, for the error museum.
pub fn codes() -> impl Iterator<Item = Code> {
    CODES.iter().copied()
}

/// The longest piece of a foreign name that is put into a sentence, in characters.
const SHOWN_MAX: usize = 80;

/// A name from outside made fit for a sentence: no control or direction-changing characters, and not endless.
pub fn shown(name: &str) -> String {
    let harmless = |c: &char| {
        !c.is_control() && !matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
    };
    let mut kept: String = name.chars().filter(harmless).take(SHOWN_MAX).collect();
    if name.chars().filter(harmless).nth(SHOWN_MAX).is_some() {
        kept.push('…');
    }
    kept
}

/// The sign-in is over and only a person can renew it.
pub(crate) fn expired(provider: &str, why: impl Into<String>) -> Problem {
    Problem::new(
        E_SIGN_IN_EXPIRED,
        format!("Changeover's access to {provider} has ended."),
        why,
        format!("Choose \"Reconnect {provider}\" and sign in again. Nothing that was fetched before is lost."),
    )
}

/// Nothing usable came back; trying again later can help.
pub(crate) fn network(provider: &str, why: impl Into<String>, after_seconds: u64) -> Problem {
    Problem::new(
        E_SIGN_IN_NETWORK,
        format!("{provider} could not be reached."),
        why,
        "Check the network connection and try again. If a hotel or guest network asks for a log-in page, open that first.",
    )
    .retrying(Retry::Later { after_seconds })
}

/// What answered is not proved to be the provider. Nothing secret was sent, and trying again can help.
pub(crate) fn unproved(provider: &str, why: &str) -> Problem {
    Problem::new(
        E_SIGN_IN_NETWORK,
        format!("{provider} could not be reached."),
        format!("What answered there could not prove that it is {provider}: its certificate {why}. Nothing was sent to it."),
        "Check this computer's date and time. If they are right, something stands between: a guest network's log-in page, a virus scanner or a company's proxy. Use another network, or ask whoever runs this one.",
    )
    .retrying(Retry::Later { after_seconds: 60 })
}

/// An answer arrived and cannot be used. Never carries any part of the answer.
pub(crate) fn unusable(provider: &str, why: impl Into<String>) -> Problem {
    Problem::new(
        E_SIGN_IN_PROVIDER,
        format!("{provider} answered in a way that Changeover cannot use."),
        why,
        format!("Try again in a few minutes. If it stays like this, {provider} may have changed something: look for a newer version of Changeover."),
    )
    .retrying(Retry::Later { after_seconds: 300 })
}

/// The database's own words, without the library's around them.
pub(crate) fn reported(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(said) => said.message().to_string(),
        None => error.to_string(),
    }
}

/// Reading or writing the store failed; `why` comes from the database library and never holds a row's content.
pub(crate) fn store(what: &str, error: &sqlx::Error) -> Problem {
    Problem::new(
        E_CREDENTIAL_STORE,
        format!("Changeover's own store could not be used to {what}."),
        format!("The database reported: {}.", reported(error)),
        "Check that the disk is not full and that the home folder can be written, then try again.",
    )
    .retrying(Retry::AfterFix)
}

/// There is nothing to sign with.
pub(crate) fn none(connection: &str, why: impl Into<String>) -> Problem {
    Problem::new(
        E_CREDENTIAL_NONE,
        format!("The connection \"{}\" has no access that could be used.", shown(connection)),
        why,
        "Sign in for this connection.",
    )
}
