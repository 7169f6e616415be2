//! The postbox over HTTP: the interface for authorities, and the pages of whose postbox it is.

pub mod api;
