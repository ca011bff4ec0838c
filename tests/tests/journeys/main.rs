//! Whole upgrades through the built program, judged by GnuCash's own engine. One file per journey.

mod access;
mod agreement;
mod cafe;
mod daily;
mod evidence;
mod holds;
mod kit;
mod oracle;
mod places;
mod practice;
mod protect;
mod restoring;
mod rollback;
mod schedule;
mod secrets;
