//! Attestation of passkeys (Web Authentication Level 3, section 6.5): which model a key was made on, and whether its maker vouches
//! for that.

use std::path::PathBuf;
use std::time::SystemTime;

use serde::Deserialize;
use webauthn_rs::prelude::{AttestationCaList, AttestationMetadata, ParsedAttestation, Uuid};
use webauthn_rs_core::attestation::verify_attestation_ca_chain;

use super::time::Timestamp;

/// The makers whose word counts, and for which of their models.
pub struct Makers {
    roots: AttestationCaList,
    /// All, if it is empty.
    models: Vec<Uuid>,
}

impl Makers {
    /// Root certificates, a PEM file each.
    pub fn read(files: &[PathBuf], models: Vec<Uuid>) -> Result<Self, String> {
        let mut roots = AttestationCaList::default();
        for file in files {
            let explain = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
            let pem = std::fs::read_to_string(file).map_err(|error| explain(&error))?;
            if pem.matches("-----BEGIN CERTIFICATE-----").count() != 1 {
                return Err(explain(&"not one certificate in PEM"));
            }
            let root =
                AttestationCaList::try_from(pem.as_bytes()).map_err(|_| explain(&"no certificate that can be read"))?;
            roots.union(&root);
        }
        Ok(Self { roots, models })
    }

    /// Whether one of them vouches for the device that made a key. Its signature over the key has been verified before. Only
    /// formats count whose signature covers model and flags: packed and TPM; the older U2F covers neither.
    pub fn vouch_for(&self, attestation: &ParsedAttestation, now: Timestamp) -> bool {
        let (AttestationMetadata::Packed { aaguid } | AttestationMetadata::Tpm { aaguid, .. }) = &attestation.metadata
        else {
            return false;
        };
        let Ok(since_1970) = u64::try_from(now.seconds()) else { return false };
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(since_1970);
        let is_admitted = self.models.is_empty() || self.models.contains(aaguid);
        is_admitted && matches!(verify_attestation_ca_chain(&attestation.data, &self.roots, now), Ok(Some(_)))
    }
}

/// The member `authData` of an attestation object.
#[derive(Deserialize)]
struct AttestationObject<'a> {
    #[serde(rename = "authData", borrow)]
    authenticator_data: &'a [u8],
}

/// The model (AAGUID) that an attestation object names, which has been verified before; nil where the device or the browser keeps
/// it to itself. It follows 32 bytes of the relying party, one of flags and four of the counter (section 6.1).
pub fn model(attestation_object: &[u8]) -> Option<Uuid> {
    let object: AttestationObject<'_> = serde_cbor_2::from_slice(attestation_object).ok()?;
    Uuid::from_slice(object.authenticator_data.get(37..53)?).ok()
}
