//! What is under way between the first step of a proof and its end, one file for each way.

pub mod desk;
pub mod eid;
pub mod letter;
pub mod office;
pub mod slip;
