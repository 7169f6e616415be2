//! Through the door: HTTP against a running server, once on SQLite and once on PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod support;

mod audit_chain;
mod authorization;
mod backchannel;
mod client_commands;
mod client_credentials;
mod client_keys;
mod contact;
mod documents;
mod keys;
mod keys_master;
mod leaving;
mod operator;
mod pages;
mod personal_data;
mod pushed;
mod refresh;
mod registration;
mod requests;
mod retention;
mod revocation;
mod security_assertion;
mod security_csrf;
mod security_headers;
mod security_input;
mod security_limits;
mod security_markup;
mod security_model;
mod security_model_steps;
mod security_page;
mod security_privacy;
mod security_reset;
mod security_session;
mod security_single_use;
mod security_timing;
mod security_token;
mod security_walk;
mod security_wire;
mod signin;
