//! The pages on which people prove who they are, one file for each way.

pub mod case;
pub mod check;
pub mod desk;
pub mod eid;
pub mod letter;
mod recover;
pub mod slip;
mod told;
pub mod upstream;

use actix_web::HttpResponse;

use crate::kernel::error::Error;
pub use crate::web::desk::AtDesk;

type Answer = Result<HttpResponse, Error>;
