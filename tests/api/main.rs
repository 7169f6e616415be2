//! Through the door: HTTP against a running server, once on SQLite and once on PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod support;

mod authorization;
mod documents;
mod registration;
mod signin;
