//! The registration desk for organisations: at the organisation, and at the desk.

pub mod case;
pub mod counter;
