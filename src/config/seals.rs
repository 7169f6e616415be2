//! Whose electronic seals count.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

section! {
    /// Electronic seals and signatures of PDF files, which are judged when a file comes in ([postbox](postbox.md#seals)).
    Seals "[seals]" {
        /// PEM file of the issuers whose certificates count. Without it of every seal that holds people read that its issuer is not known here.
        trust_anchors: Option<PathBuf> = None,
    }
}
