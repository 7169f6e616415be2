//! Floor 3: between HTTP and the capabilities. Who is calling, what a form said, how an answer looks.

pub mod aim;
pub mod bar;
pub mod bearer;
pub mod caller;
pub mod certificate;
pub mod cors;
pub mod desk;
pub mod error;
pub mod file;
pub mod form;
pub mod guard;
pub mod locked;
pub mod memory;
pub mod page;
mod problem;
pub mod qr;
pub mod seal;
pub mod upload;
