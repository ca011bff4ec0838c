//! What opens a person's backups besides this computer: the recovery kit, whether it was kept, and a passphrase.
//!
//! A kit counts from the moment at which it was confirmed: its last group typed back, or its file read back and its code tried on the
//! place. Until then no backup counts. Nothing here stores a secret: of a kit it keeps which way in it is and a mark of its last group,
//! which only the place's key can make. A further way in is a function here and a kind in `backup`.

use crate::engine::Engine;
use crate::store;
use backup::{Entered, Passphrase, Place, Progress, RecoveryKit, RepositoryKey, Way, WayKind};
use jiff::Timestamp;
use ledger::{Code, Problem};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::Read;
use std::path::Path;

pub const E_KIT_UNCONFIRMED: Code = Code("E-BACKUP-KIT-UNCONFIRMED");
pub const E_PASSPHRASE_THERE: Code = Code("E-BACKUP-PASSPHRASE-THERE");
pub const CODES: &[Code] = &[E_KIT_UNCONFIRMED, E_PASSPHRASE_THERE];

/// What is known of the kits; see [`Known`].
const KITS: &str = "recovery_kits";
/// What versions before confirmation kept: the instant and the file, with `|` between them.
const KIT_WRITTEN: &str = "recovery_kit_written";

/// The kit that was written last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KitNote {
    pub at: String,
    pub file: String,
    /// Its way in, and by what its last group is known again; `None` when an earlier version wrote it.
    way: Option<String>,
    last_group: Option<String>,
    /// Printed on the kit as its check; not secret.
    pub fingerprint: Option<String>,
    /// When it is confirmed, every other recovery code ends: it is the first one, or the earlier kit was lost.
    pub replaces_others: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmedBy {
    /// The person typed its last group.
    LastGroup,
    /// It was read back, and its code opened the place.
    ReadBack,
}

/// A kit that somebody showed to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    pub at: Timestamp,
    pub by: ConfirmedBy,
    way: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    written: Option<KitNote>,
    confirmed: Option<Confirmation>,
}

/// How it stands with the recovery kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KitStanding {
    /// None was ever written.
    Missing,
    /// One was written, and nobody has shown yet that it was kept.
    Written(KitNote),
    /// Somebody showed to have one that opens the place. `newer` was written since and waits for its own confirmation.
    Confirmed { confirmation: Confirmation, newer: Option<KitNote> },
}

impl KitStanding {
    /// Whether backups count: without a kept kit a lost computer takes them all with it.
    pub fn counts(&self) -> bool {
        match self {
            KitStanding::Confirmed { .. } => true,
            KitStanding::Missing | KitStanding::Written(_) => false,
        }
    }

    /// What it means for the backups, in one sentence, and what to do.
    pub fn sentence(&self) -> &'static str {
        match self {
            KitStanding::Missing => "No backup counts yet: without a recovery kit nobody can open them on another computer. Write one: `changeover backup recovery-kit FILE`.",
            KitStanding::Written(_) => "No backup counts yet: the recovery kit was written, but nobody has shown that it was kept. Confirm it: `changeover backup recovery-kit --confirm`.",
            KitStanding::Confirmed { newer: None, .. } => "The recovery kit was written and confirmed.",
            KitStanding::Confirmed { newer: Some(_), .. } => "A recovery kit is confirmed; the newer one is not yet: `changeover backup recovery-kit --confirm`.",
        }
    }
}

/// A way into the place as a person can tell it from the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayIn {
    pub id: String,
    pub kind: WayKind,
    pub made: Option<Timestamp>,
    /// It is the code of the kit that was confirmed.
    pub confirmed: bool,
}

impl Engine {
    async fn known_kits(&self) -> Result<Known, Problem> {
        if let Some(text) = store::setting(&self.pool, KITS).await? {
            return store::from_json("note about recovery kits", text.as_bytes());
        }
        let earlier = store::setting(&self.pool, KIT_WRITTEN).await?;
        let written = earlier.and_then(|text| text.split_once('|').map(|(at, file)| (at.to_string(), file.to_string())));
        let written = written.map(|(at, file)| KitNote { at, file, way: None, last_group: None, fingerprint: None, replaces_others: false });
        Ok(Known { written, confirmed: None })
    }

    async fn note_kits(&self, known: &Known) -> Result<(), Problem> {
        store::set_setting(&self.pool, KITS, &store::to_json(known)?).await
    }

    /// How it stands with the recovery kit: missing, written, confirmed.
    pub async fn kit_standing(&self) -> Result<KitStanding, Problem> {
        let Known { written, confirmed } = self.known_kits().await?;
        Ok(match (confirmed, written) {
            (Some(confirmation), written) => {
                let newer = written.filter(|note| note.way.as_ref() != Some(&confirmation.way));
                KitStanding::Confirmed { confirmation, newer }
            }
            (None, Some(note)) => KitStanding::Written(note),
            (None, None) => KitStanding::Missing,
        })
    }

    /// When and where the last recovery kit was written.
    pub async fn recovery_kit_written(&self) -> Result<Option<(String, String)>, Problem> {
        Ok(self.known_kits().await?.written.map(|note| (note.at, note.file)))
    }

    /// A stage of an upgrade may rest on a backup only when somebody keeps a kit. Practice books can be lost.
    /// Errors: `E-BACKUP-KIT-UNCONFIRMED`.
    pub async fn backups_must_count(&self) -> Result<(), Problem> {
        let standing = self.kit_standing().await?;
        if self.is_practice() || standing.counts() {
            return Ok(());
        }
        let why = match standing {
            KitStanding::Written(note) => format!("The recovery kit was written to {}, and nobody has shown yet that it was kept.", note.file),
            KitStanding::Missing | KitStanding::Confirmed { .. } => "No recovery kit was written yet. Without one nobody can open the backups on another computer.".to_string(),
        };
        Err(Problem::new(
            E_KIT_UNCONFIRMED,
            "The upgrade waits, because its backup would not count yet.",
            why,
            "Write the recovery kit and confirm it, under Backups or with `changeover backup recovery-kit`; then let the upgrade go on.",
        ))
    }

    /// Writes a recovery kit with a code of its own to a file that the person chose: a page to print where its name ends in `.pdf`,
    /// else a text. Earlier kits stay valid. Gives its fingerprint. It counts only when it was confirmed. Errors: `E-DISK-FULL`,
    /// `E-HOME` when the file cannot be written, and those of the place.
    pub async fn write_recovery_kit(&self, file: &Path) -> Result<String, Problem> {
        self.new_kit(file, false).await
    }

    /// The same after a kit was lost: from now on no backup counts until the new kit is confirmed, and then every other recovery code
    /// ends. The place's own key stays the same, so whoever found the lost kit can still read this place with it.
    pub async fn renew_recovery_kit(&self, file: &Path) -> Result<String, Problem> {
        self.new_kit(file, true).await
    }

    async fn new_kit(&self, file: &Path, lost: bool) -> Result<String, Problem> {
        let (place, key) = self.place_key().await?;
        let known = self.known_kits().await?;
        let worker = self.worker();
        let (kit, way) = tokio::task::block_in_place(|| worker.new_kit_with_way(&place, &key))?;
        let kit = kit.made_on(self.now().to_zoned(jiff::tz::TimeZone::UTC).date());
        if let Err(problem) = write_kit(&kit, file) {
            // A code that nobody has is no way in.
            return Err(match tokio::task::block_in_place(|| worker.remove_ways(&place, &key, vec![way])) {
                Ok(_) => problem,
                Err(left) => problem.beside(left),
            });
        }
        let replaces_others = match &known.written {
            // The code with which the place was made stands on no kit.
            None => true,
            Some(earlier) => lost || (earlier.replaces_others && known.confirmed.is_none()),
        };
        let confirmed = if lost { None } else { known.confirmed };
        self.kit_was_written(&kit, &way, file, replaces_others, confirmed).await
    }

    async fn kit_was_written(&self, kit: &RecoveryKit, way: &str, file: &Path, replaces_others: bool, confirmed: Option<Confirmation>) -> Result<String, Problem> {
        let note = KitNote {
            at: self.now().to_string(),
            file: file.display().to_string(),
            way: Some(way.to_string()),
            last_group: Some(kit.last_group_mark()),
            fingerprint: Some(kit.fingerprint()),
            replaces_others,
        };
        self.note_kits(&Known { written: Some(note), confirmed }).await?;
        self.journal(None, "backup.kit_written", json!({"file": file.display().to_string(), "kit": kit.fingerprint(), "replaces_others": replaces_others})).await?;
        Ok(kit.fingerprint())
    }

    /// The practice kit, made with its place, is read back at once, and really tried.
    pub(crate) async fn keep_practice_kit(&self, kit: RecoveryKit, way: &str, file: &Path) -> Result<(), Problem> {
        write_kit(&kit, file)?;
        self.kit_was_written(&kit, way, file, false, None).await?;
        self.confirm_kit_by_reading(&read_kit_file(file)?).await
    }

    /// Confirms the kit that was written last by the last group of its code, as a person types it from the page.
    /// Errors: `E-BACKUP-KIT` when it is another one, `E-BACKUP-KIT-UNCONFIRMED` when there is no kit to which it could belong.
    pub async fn confirm_kit_by_last_group(&self, typed: &SecretString) -> Result<(), Problem> {
        let (place, key) = self.place_key().await?;
        let known = self.known_kits().await?;
        let Some((note, way, mark)) = known.written.as_ref().and_then(|note| Some((note, note.way.clone()?, note.last_group.clone()?))) else {
            return Err(cannot_confirm(
                "No kit was written yet, or an earlier version of Changeover wrote it, which kept nothing of it.",
                "Write a kit, or confirm by its file: `changeover backup recovery-kit --confirm --file FILE`.",
            ));
        };
        if !backup::kit::is_marked_group(typed.expose_secret(), &key, &mark) {
            return Err(backup::problems::other_group(note.fingerprint.as_deref().unwrap_or("unknown")));
        }
        let ways = tokio::task::block_in_place(|| self.worker().ways(&place, &key))?;
        if !ways.iter().any(|known| known.id == way) {
            return Err(cannot_confirm("The code of this kit was removed from the place.", "Write a new kit and confirm that one."));
        }
        self.kit_is_confirmed(&place, &key, known, way, ConfirmedBy::LastGroup).await
    }

    /// Confirms a kit by what was read back of it (its file in any form): its code must open the place.
    /// Errors: `E-BACKUP-KIT` when it cannot be read, `E-BACKUP-KEY` when it belongs to another place or was replaced.
    pub async fn confirm_kit_by_reading(&self, bytes: &[u8]) -> Result<(), Problem> {
        let entered = Entered::read(bytes)?;
        let (place, key) = self.place_key().await?;
        let (opened, way) = tokio::task::block_in_place(|| self.worker().way_of_kit(&place, &entered))?;
        if opened.expose() != key.expose() {
            return Err(backup::problems::key("It opens the folder, but not to the key that this installation uses."));
        }
        let known = self.known_kits().await?;
        self.kit_is_confirmed(&place, &key, known, way, ConfirmedBy::ReadBack).await
    }

    /// Other codes end before it is noted, so that a crash between repeats the confirmation instead of leaving an old code.
    async fn kit_is_confirmed(&self, place: &Place, key: &RepositoryKey, known: Known, way: String, by: ConfirmedBy) -> Result<(), Problem> {
        let worker = self.worker();
        let mut written = known.written;
        let ends = written.as_ref().is_some_and(|note| note.replaces_others && note.way.as_ref() == Some(&way));
        let mut ended = 0;
        if ends {
            let ways = tokio::task::block_in_place(|| worker.ways(place, key))?;
            let others: Vec<String> = ways.into_iter().filter(|other| other.kind == WayKind::RecoveryCode && other.id != way).map(|other| other.id).collect();
            ended = others.len();
            if !others.is_empty() {
                tokio::task::block_in_place(|| worker.remove_ways(place, key, others))?;
            }
            if let Some(note) = &mut written {
                note.replaces_others = false;
            }
        }
        crate::crash::point("backup.kit-others-ended");
        let confirmed = Some(Confirmation { at: self.now(), by, way });
        self.note_kits(&Known { written, confirmed }).await?;
        self.journal(None, "backup.kit_confirmed", json!({"by": by, "earlier_codes_ended": ended})).await.map(drop)
    }

    /// Everything that opens the place besides this computer's key, oldest first. Errors: those of the place.
    pub async fn ways_in(&self) -> Result<Vec<WayIn>, Problem> {
        let (place, key) = self.place_key().await?;
        let ways = tokio::task::block_in_place(|| self.worker().ways(&place, &key))?;
        let confirmed = self.known_kits().await?.confirmed;
        let of = |way: Way| WayIn { confirmed: confirmed.as_ref().is_some_and(|kit| kit.way == way.id), id: way.id, kind: way.kind, made: way.made };
        Ok(ways.into_iter().map(of).collect())
    }

    async fn has_passphrase(&self) -> Result<bool, Problem> {
        Ok(self.ways_in().await?.iter().any(|way| way.kind == WayKind::Passphrase))
    }

    /// Lets a passphrase open the place too. Errors: `E-BACKUP-PASSPHRASE-THERE`, `E-BACKUP-PASSPHRASE-UNFIT`, those of the place.
    pub async fn set_backup_passphrase(&self, passphrase: &Passphrase) -> Result<(), Problem> {
        passphrase.fit_for_new()?;
        if self.has_passphrase().await? {
            return Err(Problem::new(
                E_PASSPHRASE_THERE,
                "This place already has a passphrase, and it stays as it is.",
                "A second one would leave the first one open.",
                "Change it (`changeover backup passphrase change`); if it was forgotten, remove it first (`changeover backup passphrase remove --forgotten`).",
            ));
        }
        let (place, key) = self.place_key().await?;
        let way = tokio::task::block_in_place(|| self.worker().add_passphrase(&place, &key, passphrase))?;
        self.journal(None, "backup.passphrase_set", json!({"way": way})).await.map(drop)
    }

    /// The new one opens the place before the old one ends. `on_step` hears of each step. Errors: `E-BACKUP-KEY` when the old one is
    /// wrong, `E-BACKUP-PASSPHRASE-UNFIT`, those of the place.
    pub async fn change_backup_passphrase(&self, old: &Passphrase, new: &Passphrase, on_step: &mut (dyn FnMut(Progress) + Send)) -> Result<(), Problem> {
        let (place, key) = self.place_key().await?;
        let way = tokio::task::block_in_place(|| self.worker().change_passphrase(&place, &key, old, new, &mut |step| on_step(step)))?;
        self.journal(None, "backup.passphrase_changed", json!({"way": way})).await.map(drop)
    }

    /// Takes the passphrase away; without it (`None`: forgotten) every passphrase of the place. A confirmed kit must remain.
    /// Errors: `E-BACKUP-KEY` when it is not the passphrase, `E-BACKUP-LAST-WAY`, those of the place.
    pub async fn remove_backup_passphrase(&self, passphrase: Option<&Passphrase>) -> Result<(), Problem> {
        let ways = self.ways_in().await?;
        if !ways.iter().any(|way| way.confirmed) {
            return Err(backup::problems::last_way("No recovery kit is confirmed that would open the place instead."));
        }
        let (place, key) = self.place_key().await?;
        let worker = self.worker();
        let left = match passphrase {
            Some(passphrase) => tokio::task::block_in_place(|| worker.remove_passphrase(&place, &key, passphrase, &mut |_| {}))?,
            None => {
                let all = ways.iter().filter(|way| way.kind == WayKind::Passphrase).map(|way| way.id.clone()).collect();
                tokio::task::block_in_place(|| worker.remove_ways(&place, &key, all))?
            }
        };
        self.journal(None, "backup.passphrase_removed", json!({"forgotten": passphrase.is_none(), "ways_left": left.len()})).await.map(drop)
    }
}

fn cannot_confirm(why: &str, next: &str) -> Problem {
    Problem::new(E_KIT_UNCONFIRMED, "There is no recovery kit that could be confirmed like this.", why, next)
}

/// As a page where the name says so, else as a text; readable for its owner only.
fn write_kit(kit: &RecoveryKit, file: &Path) -> Result<(), Problem> {
    let page = file.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("pdf"));
    let written = match page {
        true => crate::home::write_private(file, &kit.to_pdf()?),
        false => crate::home::write_private(file, kit.to_text().expose_secret().as_bytes()),
    };
    written.map_err(|e| crate::home::cannot_use(file, &e))
}

/// What was read of a kit; wiped when dropped.
pub type KitBytes = secrecy::zeroize::Zeroizing<Vec<u8>>;

/// What a person has of a kit, from its file; never more than a kit can be. Errors: `E-HOME` when it cannot be read.
pub fn read_kit_file(file: &Path) -> Result<KitBytes, Problem> {
    // One more byte than a kit may have, so that a larger file is refused for its size.
    let mut bytes = KitBytes::new(Vec::with_capacity(64 * 1024));
    let limit = backup::kit::LARGEST_ENTERED_BYTES as u64 + 1;
    let read = std::fs::File::open(file).and_then(|from| from.take(limit).read_to_end(&mut bytes));
    read.map_err(|e| crate::home::cannot_use(file, &e))?;
    Ok(bytes)
}
