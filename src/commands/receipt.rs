//! Checking receipts and proofs, by whoever has one: with the published keys, without a database and without a connection.

use std::fs;
use std::path::{Path, PathBuf};

use nutzerkonto::postbox::incoming::Incoming;
use nutzerkonto::postbox::{proof, receipt};

use super::say;

#[derive(clap::Args)]
pub struct VerifyReceipt {
    /// The keys, as `/api/postbox/v1/receipt-keys` publishes them
    #[arg(long)]
    keys: PathBuf,
    /// What was delivered, as JSON: then it is checked that the receipt is for that
    #[arg(long)]
    message: Option<PathBuf>,
    /// The receipt of an authority, or the proof of a recipient
    receipt: PathBuf,
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Says what a good receipt proves; an error says what is wrong.
pub fn verify(VerifyReceipt { keys, message, receipt }: &VerifyReceipt) -> Result<(), String> {
    let of = |path: &Path, error: serde_json::Error| format!("{}: {error}", path.display());
    let set = serde_json::from_str(&read(keys)?).map_err(|error| of(keys, error))?;
    let token = read(receipt)?;
    let (proven, content_sha256) = if proof::is_one(&token) {
        let proof = proof::verify(&token, &set)?;
        (serde_json::to_string_pretty(&proof), proof.receipt.content_sha256)
    } else {
        let receipt = receipt::verify(&token, &set)?;
        (serde_json::to_string_pretty(&receipt), receipt.content_sha256)
    };
    if let Some(path) = message {
        let message: Incoming = serde_json::from_str(&read(path)?).map_err(|error| of(path, error))?;
        if message.content_sha256() != content_sha256 {
            return Err(format!("{}: the receipt is for something else", path.display()));
        }
    }
    say(&proven.map_err(|error| error.to_string())?);
    say("the receipt is genuine");
    Ok(())
}
