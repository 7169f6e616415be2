//! Through the door: HTTP against a running server, once on SQLite and once on PostgreSQL.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]

mod support;

mod audit_chain;
mod authorization;
mod backchannel;
mod client_commands;
mod client_credentials;
mod client_keys;
mod consent;
mod contact;
mod device;
mod discovery;
mod documents;
mod exchange;
mod further_data;
mod keys;
mod keys_master;
mod leaving;
mod logout_state;
mod mutual_tls;
mod mutual_tls_ways;
#[path = "../interop/openidconnect.rs"]
mod openidconnect;
mod operator;
mod pages;
mod personal_data;
mod pushed;
mod refresh;
mod registration;
mod request_objects;
mod requests;
mod retention;
mod revocation;
mod sealed_answers;
mod security_access;
mod security_assertion;
mod security_code;
mod security_csrf;
mod security_device;
mod security_disabled;
mod security_errors;
mod security_headers;
mod security_input;
mod security_jwt;
mod security_limits;
mod security_markup;
mod security_model;
mod security_model_steps;
mod security_page;
mod security_privacy;
mod security_race;
mod security_redirect;
mod security_reset;
mod security_session;
mod security_single_use;
mod security_spent;
mod security_timing;
mod security_token;
mod security_walk;
mod security_wire;
mod sender_constraint;
mod signin;
mod token_formats;
mod write_transactions;
