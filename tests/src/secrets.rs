//! Searching everything for secrets: every byte of files and texts, every stored value of every SQLite file, each secret
//! in each spelling that a program could write it in.
//!
//! It must never be kinder than a thief: what cannot be read or unpacked fails the search, and what is too short to be
//! looked for is refused. A new spelling is one row in `spellings`; a new container is one arm in `look_into`.

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Column, Row, ValueRef};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// A shorter secret would be found by chance, or could be guessed anyway.
pub const SHORTEST_BYTES: usize = 16;
/// Needles are found by their first bytes.
const HEAD: usize = 8;
/// Compressed values begin like this.
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
const SQLITE: &[u8] = b"SQLite format 3\0";

/// One thing that must be nowhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret {
    /// What it is, for the finding; a finding never shows the secret.
    pub kind: String,
    pub bytes: Vec<u8>,
}

impl Secret {
    pub fn new(kind: impl Into<String>, secret: impl AsRef<[u8]>) -> Secret {
        Secret { kind: kind.into(), bytes: secret.as_ref().to_vec() }
    }
}

/// Where which secret was found, and in which spelling.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    pub place: String,
    pub kind: String,
    pub spelling: &'static str,
}

struct Needle {
    bytes: Vec<u8>,
    secret: usize,
    spelling: &'static str,
}

/// Every secret in every spelling, found in one pass over the bytes.
pub struct Search {
    secrets: Vec<Secret>,
    needles: Vec<Needle>,
    by_head: HashMap<[u8; HEAD], Vec<usize>>,
    /// The first two bytes of all needles: most places are passed over by these.
    first: Vec<bool>,
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Only whole groups: the end depends on what follows.
fn base64_whole_groups(bytes: &[u8], url: bool) -> Vec<u8> {
    let letter = |six: u32| match (BASE64[(six & 63) as usize], url) {
        (b'+', true) => b'-',
        (b'/', true) => b'_',
        (letter, _) => letter,
    };
    bytes
        .chunks_exact(3)
        .flat_map(|three| {
            let bits = u32::from(three[0]) << 16 | u32::from(three[1]) << 8 | u32::from(three[2]);
            [letter(bits >> 18), letter(bits >> 12), letter(bits >> 6), letter(bits)]
        })
        .collect()
}

fn percent(bytes: &[u8], everything: bool, lower: bool) -> Vec<u8> {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' if !everything => text.push(char::from(*byte)),
            other if lower => text.push_str(&format!("%{other:02x}")),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text.into_bytes()
}

/// The ways in which a secret could stand somewhere.
pub fn spellings(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let wide = |little: bool| secret.iter().flat_map(|byte| if little { [*byte, 0] } else { [0, *byte] }).collect::<Vec<u8>>();
    let mut all = vec![
        ("raw", secret.to_vec()),
        ("hex", hex::encode(secret).into_bytes()),
        ("HEX", hex::encode_upper(secret).into_bytes()),
        ("UTF-16LE", wide(true)),
        ("UTF-16BE", wide(false)),
        ("percent", percent(secret, false, false)),
        ("percent, small letters", percent(secret, false, true)),
        ("percent, every letter", percent(secret, true, false)),
    ];
    for (url, names) in [(false, ["base64 at 0", "base64 at 1", "base64 at 2"]), (true, ["base64url at 0", "base64url at 1", "base64url at 2"])] {
        // Whatever stands before it shifts base64 by 0, 1 or 2 bytes.
        for (shift, name) in names.into_iter().enumerate() {
            let skipped = (3 - shift) % 3;
            all.push((name, base64_whole_groups(&secret[skipped..], url)));
        }
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        all.push(("small letters", text.to_lowercase().into_bytes()));
        all.push(("in JSON in JSON", text.replace('"', "\\\"").into_bytes()));
    }
    let mut seen = BTreeSet::new();
    all.retain(|(_, bytes)| seen.insert(bytes.clone()));
    all
}

impl Search {
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Search {
        let secrets: Vec<Secret> = secrets.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        let mut search = Search { secrets: Vec::new(), needles: Vec::new(), by_head: HashMap::new(), first: vec![false; 1 << 16] };
        for (number, secret) in secrets.iter().enumerate() {
            assert!(secret.bytes.len() >= SHORTEST_BYTES, "the {} has {} bytes, too few to be looked for", secret.kind, secret.bytes.len());
            for (spelling, bytes) in spellings(&secret.bytes) {
                let head: [u8; HEAD] = bytes[..HEAD].try_into().expect("long enough");
                search.first[usize::from(u16::from_le_bytes([head[0], head[1]]))] = true;
                search.by_head.entry(head).or_default().push(search.needles.len());
                search.needles.push(Needle { bytes, secret: number, spelling });
            }
        }
        search.secrets = secrets;
        search
    }

    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// Every secret that stands in these bytes.
    pub fn bytes(&self, place: &str, bytes: &[u8], hits: &mut BTreeSet<Hit>) {
        for (at, window) in bytes.windows(HEAD).enumerate() {
            if !self.first[usize::from(u16::from_le_bytes([window[0], window[1]]))] {
                continue;
            }
            let Some(candidates) = self.by_head.get(window) else { continue };
            for needle in candidates.iter().map(|number| &self.needles[*number]) {
                if bytes[at..].starts_with(&needle.bytes) {
                    hits.insert(Hit { place: place.to_string(), kind: self.secrets[needle.secret].kind.clone(), spelling: needle.spelling });
                }
            }
        }
    }

    /// Every file below a folder, its name, its bytes, and what is stored in it. Gives how many files and bytes it read.
    pub async fn folder(&self, folder: &Path, hits: &mut BTreeSet<Hit>) -> (u64, u64) {
        let (mut files, mut bytes) = (0, 0);
        let mut all = Vec::new();
        walk(folder, &mut all);
        for path in all {
            let place = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            let content = std::fs::read(&path).unwrap_or_else(|error| panic!("{place} cannot be searched: {error}"));
            self.bytes(&format!("{place} (its name)"), place.as_bytes(), hits);
            self.look_into(&place, &path, &content, hits).await;
            files += 1;
            bytes += content.len() as u64;
        }
        (files, bytes)
    }

    async fn look_into(&self, place: &str, path: &Path, content: &[u8], hits: &mut BTreeSet<Hit>) {
        self.bytes(place, content, hits);
        if content.starts_with(&ZSTD) {
            let unpacked = zstd::decode_all(content).unwrap_or_else(|error| panic!("{place} cannot be unpacked: {error}"));
            self.bytes(&format!("{place}, unpacked"), &unpacked, hits);
        }
        if content.starts_with(SQLITE) {
            self.database(place, path, hits).await;
        }
    }

    /// Every value of every table: long values lie scattered over the file's pages, and some are compressed.
    async fn database(&self, place: &str, path: &Path, hits: &mut BTreeSet<Hit>) {
        // A copy with its write-ahead log, so that looking changes nothing.
        let copy = tempfile::tempdir().expect("a folder for the copy");
        let file = copy.path().join("copy.sqlite");
        for suffix in ["", "-wal"] {
            let from = PathBuf::from(format!("{}{suffix}", path.display()));
            if from.exists() {
                std::fs::copy(&from, format!("{}{suffix}", file.display())).unwrap_or_else(|error| panic!("{place}{suffix}: {error}"));
            }
        }
        let options = SqliteConnectOptions::new().filename(&file);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap_or_else(|error| panic!("{place}: {error}"));
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'").fetch_all(&pool).await.unwrap_or_else(|error| panic!("{place}: {error}"));
        for table in tables {
            let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM \"{table}\""))).fetch_all(&pool).await.unwrap_or_else(|error| panic!("{place}, {table}: {error}"));
            for row in &rows {
                for column in row.columns() {
                    let value = row.try_get_raw(column.ordinal()).expect("the column is there");
                    if value.is_null() {
                        continue;
                    }
                    let Ok(bytes) = row.try_get_unchecked::<Vec<u8>, _>(column.ordinal()) else { continue };
                    let place = format!("{place}, table {table}, {}", column.name());
                    self.bytes(&place, &bytes, hits);
                    if bytes.starts_with(&ZSTD) {
                        let unpacked = zstd::decode_all(&bytes[..]).unwrap_or_else(|error| panic!("{place} cannot be unpacked: {error}"));
                        self.bytes(&place, &unpacked, hits);
                    }
                }
            }
        }
        pool.close().await;
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the folder can be listed").path();
        // A link would lead out of the folder, or hide what it names.
        assert!(!path.is_symlink(), "{} is a link", path.display());
        match path.is_dir() {
            true => walk(&path, found),
            false => found.push(path),
        }
    }
}
