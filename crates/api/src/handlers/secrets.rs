//! Where secrets are kept: showing it, choosing it, opening the passphrase vault and changing its passphrase.
//!
//! It must never hold or return a passphrase; the moving of keys is the engine's. Practice secrets follow by themselves.

use super::app::keychain;
use crate::app::App;
use crate::views::*;
use authorization::{KeptWhere, Leaving, PASSPHRASE_MIN, Passphrase, PassphraseState, PassphraseVault};
use ledger::Problem;

fn passphrase(text: SecretText) -> Passphrase {
    Passphrase::entered(text.take())
}

/// Every installation that is opened here has one beside the keychain.
fn vault(app: &App) -> Result<PassphraseVault, Problem> {
    app.real().vault.passphrase().cloned().ok_or_else(|| {
        Problem::new(
            authorization::problems::E_PASSPHRASE_NEEDED,
            "There is no passphrase vault here.",
            "This installation was opened without the choice of a place for secrets.",
            "Start Changeover again.",
        )
    })
}

pub async fn secrets_view(app: &App, _: NoArgs) -> Result<SecretsView, Problem> {
    view(app, None).await
}

async fn view(app: &App, left: Option<Problem>) -> Result<SecretsView, Problem> {
    let engine = app.real();
    Ok(SecretsView {
        place: match engine.vault.kept_where() {
            KeptWhere::Keychain => SecretsPlace::Keychain,
            KeptWhere::Passphrase => SecretsPlace::Passphrase,
            KeptWhere::SessionOnly => SecretsPlace::SessionOnly,
        },
        state: keychain(app, engine).await,
        vault_exists: vault(app)?.state() != PassphraseState::NotSetUp,
        shortest: u32::try_from(PASSPHRASE_MIN).unwrap_or(u32::MAX),
        old_copy_remains: engine.vault.has_leftovers().await?,
        left: left.map(ProblemView::from),
    })
}

pub async fn secrets_choose(app: &App, args: SecretsChooseArgs) -> Result<SecretsView, Problem> {
    let to = match args.place {
        SecretsPlace::Keychain => KeptWhere::Keychain,
        SecretsPlace::Passphrase => KeptWhere::Passphrase,
        SecretsPlace::SessionOnly => KeptWhere::SessionOnly,
    };
    let leaving = match args.leave_old_key {
        true => Leaving::Keys,
        false => Leaving::Nothing,
    };
    let left = app.real().choose_place(to, leaving, args.passphrase.map(passphrase)).await?;
    app.changed();
    view(app, left).await
}

pub async fn secrets_open(app: &App, args: SecretsOpenArgs) -> Result<SecretsView, Problem> {
    vault(app)?.open(passphrase(args.passphrase)).await?;
    app.changed();
    view(app, None).await
}

pub async fn secrets_change_passphrase(app: &App, args: SecretsChangeArgs) -> Result<SecretsView, Problem> {
    vault(app)?.change(passphrase(args.old), passphrase(args.new)).await?;
    app.changed();
    view(app, None).await
}
