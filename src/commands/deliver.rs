//! Delivering from the command line, as an authority's program does over the interface: to try it out, and for a few by hand.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use nutzerkonto::kernel::secret::{hex, sha256};
use nutzerkonto::postbox::sender::Sender;
use serde_json::Value;

use super::say;

#[derive(clap::Args)]
pub struct Deliver {
    /// The account's address
    #[arg(long)]
    issuer: String,
    /// The client that delivers
    #[arg(long)]
    client: String,
    /// Its private key: P-256, PKCS#8, PEM
    #[arg(long)]
    key: PathBuf,
    /// The `kid` of that key in the client's `jwks`; its thumbprint (RFC 7638) if left out
    #[arg(long)]
    key_id: Option<String>,
    /// So many copies of each notice, each one a notice of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    copies: u32,
    /// Only ask whether they would be taken
    #[arg(long)]
    dry_run: bool,
    /// Notices as JSON, one in each file. The same notice is delivered once, however often this is run
    #[arg(required = true)]
    notices: Vec<PathBuf>,
}

/// Says how many were provided; fails if one was refused.
pub async fn run(command: &Deliver) -> Result<(), String> {
    let of = |path: &PathBuf, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let pem = fs::read_to_string(&command.key).map_err(|error| of(&command.key, &error))?;
    let sender = Sender::new(&command.issuer, &command.client, (&pem, command.key_id.as_deref()))
        .map_err(|error| of(&command.key, &error))?;
    let mut read = Vec::new();
    for path in &command.notices {
        let text = fs::read_to_string(path).map_err(|error| of(path, &error))?;
        let notice: Value = serde_json::from_str(&text).map_err(|error| of(path, &error))?;
        read.push((hex(&sha256(text.as_bytes())), notice));
    }
    let copies = |(hash, notice)| (1..=command.copies).map(move |copy| (format!("{hash}-{copy}"), notice));
    let notices: Vec<(String, &Value)> = read.iter().flat_map(|(hash, notice)| copies((hash, notice))).collect();
    let results = sender.provide_all(&notices, command.dry_run).await?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
    for result in &results {
        let word = match result["status"].as_u64() {
            Some(201) => "provided",
            Some(200) if command.dry_run => "would be taken",
            Some(200) => "provided before",
            _ => {
                let why = if result["problem"].is_null() { &result["status"] } else { &result["problem"] };
                *refusals.entry(why.to_string()).or_default() += 1;
                "refused"
            }
        };
        *counts.entry(word).or_default() += 1;
    }
    for (word, count) in &counts {
        say(&format!("{count} {word}"));
    }
    for (why, count) in &refusals {
        say(&format!("{count} refused: {why}"));
    }
    if refusals.is_empty() { Ok(()) } else { Err("not everything was taken".to_owned()) }
}
