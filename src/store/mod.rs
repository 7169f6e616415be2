//! Floor 1: the two databases behind one SQL text, the transaction that carries the work, the outbox.

pub mod changes;
pub mod db;
pub mod key_ring;
pub mod later;
pub mod object;
pub mod outbox;
pub mod recent;
pub mod replay;
pub mod retention;
pub mod root;
pub mod work;
pub mod writer;
