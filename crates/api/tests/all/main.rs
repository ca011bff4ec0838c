//! Every command of the table, asked as the window and the terminal ask: by name, with JSON.

mod calendar;
mod empty_home;
mod halted;
mod holds;
mod journey;
mod practising;
mod support;
mod table;
