//! Passkeys, and whose word counts for them.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use webauthn_rs::prelude::Uuid;

section! {
    /// Passkeys. With `attestation = "required"`, one that stays on its device counts as a `device_passkey` only if its maker vouches
    /// for it; any other can still be used, and is worth what a `synchronised_passkey` is.
    Passkey "[passkey]" {
        /// `none`: nobody is asked which make of device they have. `required`: browsers are asked for the maker's word (attestation, packed or TPM).
        attestation: AttestationPolicy = AttestationPolicy::None,
        /// PEM files of the makers' root certificates, one in each.
        attestation_roots: Vec<PathBuf> = Vec::new(),
        /// Models (AAGUID) that are admitted, as in `"08987058-cadc-4b81-b6e1-30de50dcbe96"`; empty: all that a root vouches for.
        aaguids: Vec<Uuid> = Vec::new(),
    }
}

/// Whether makers have to vouch for passkeys that stay on their device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttestationPolicy {
    None,
    Required,
}
