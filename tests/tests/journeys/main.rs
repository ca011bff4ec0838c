//! Whole upgrades through the built program, judged by GnuCash's own engine. One file per journey.

mod cafe;
mod daily;
mod oracle;
mod practice;
mod rollback;
