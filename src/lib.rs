//! Nutzerkonto: an OpenID Provider for public administration and the account behind it.
//!
//! The map, floor by floor. Imports go down, or within floor 2 to the left; `tests/floors.rs` holds it.

// Floor 0: what everything stands on.
pub mod kernel;

// Floor 1: settings, databases, what a request can reach.
pub mod app;
pub mod config;
/// The online identity card: asking an eID-Server (BSI TR-03130), setting the eID-Client going (BSI TR-03124).
pub mod eid;
pub mod store;

// Floor 2: capabilities, in the order in which they may know each other. Their `web.rs` is floor 4.
/// A person's data, sealed, each with source, level and date.
pub mod account;
/// What a sign-in is worth: the levels, and what gives them.
pub mod assurance;
/// What happened, who did it, to whom, and why.
pub mod audit;
/// Relying parties and what was agreed with each.
pub mod client;
/// A person's data as a whole: who received it, a copy of it, leaving.
pub mod data;
/// Signing keys rotated and revoked, the master key exchanged, by the operator.
pub mod keys;
/// Mails we send, and the proof that they are ours.
pub mod notice;
/// The OpenID Provider.
pub mod oidc;
/// What the operator may do to an account, and must give a reason for.
pub mod operator;
/// Companies, associations and authorities: who they are, who belongs to them, and what those people may do.
pub mod organisation;
/// Notices of authorities, with proof for both sides.
pub mod postbox;
/// How people prove who they are.
pub mod proofing;
/// Documents that people and organisations keep.
pub mod safe;
/// Registration, password, sessions, limits on trying.
pub mod signin;

// Floor 3: between HTTP and the capabilities.
pub mod web;

// Floor 5: wiring.
/// A demonstration on one machine: people, a municipal service with an API, mail to look at.
pub mod demo;
/// What happens without a request: outbox, clean-up, refreshing clients and keys.
pub mod jobs;
/// Every URL on one screen.
pub mod routes;
/// Listeners, TLS, starting and stopping.
pub mod serve;
