//! The program as users and their scripts meet it: the real binary, its streams and its exit codes, on the built-in
//! simulator.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod addresses;
mod advisor;
mod bad_input;
mod broken_off;
mod budget;
mod capacity;
mod choosing;
mod cloudtop;
mod cluster;
mod completion;
mod config;
mod cost;
mod deliver;
mod disk;
mod doctor;
mod etcd;
mod gc;
mod history;
mod hostile;
mod init;
mod k3s;
mod lifetime;
mod logs;
mod lost_state;
mod man;
mod overview;
mod prices;
mod prices_odd;
mod progress;
mod recover;
mod self_attach;
mod side_by_side;
mod ssh;
mod startup;
mod streams;
mod systems;
mod template_check;
mod volumes;
mod waits;
mod web;
mod world;
