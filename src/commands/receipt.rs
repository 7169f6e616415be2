//! Checking receipts and proofs, by whoever has one: with the published keys, without a database and without a connection.

use std::fs;
use std::path::{Path, PathBuf};

use nutzerkonto::postbox::attachment::Description;
use nutzerkonto::postbox::incoming::{Incoming, expected};
use nutzerkonto::postbox::loss::{self, Loss};
use nutzerkonto::postbox::proof;
use nutzerkonto::postbox::receipt::{self, Receipt};
use nutzerkonto::postbox::reply::receipt as reply;

use super::{ConfigFile, open, say};

#[derive(clap::Args)]
pub struct VerifyReceipt {
    /// The keys, as `/api/postbox/v1/receipt-keys` publishes them
    #[arg(long)]
    keys: PathBuf,
    /// What was delivered, or answered, as JSON: then it is checked that the receipt is for that
    #[arg(long)]
    message: Option<PathBuf>,
    /// A file that came with it, under the name that it was sent with; as often as there are files, in their order
    #[arg(long = "attachment", requires = "message")]
    attachments: Vec<PathBuf>,
    /// The receipt of an authority or of a reply, or the proof of a recipient
    receipt: PathBuf,
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// A file, as it was when it was sent, if nobody has changed it.
fn describe(path: &Path) -> Result<Description, String> {
    let complain = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    let bytes = fs::read(path).map_err(|error| complain(&error))?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    Description::of_file(name, &bytes).map_err(|problem| complain(&expected(problem)))
}

/// Says what a good receipt proves; an error says what is wrong.
pub fn verify(VerifyReceipt { keys, message, attachments, receipt }: &VerifyReceipt) -> Result<(), String> {
    let of = |path: &Path, error: serde_json::Error| format!("{}: {error}", path.display());
    let set = serde_json::from_str(&read(keys)?).map_err(|error| of(keys, error))?;
    let token = read(receipt)?;
    let (said, proven, is_reply) = if receipt::type_of(&token).as_deref() == Some(reply::TYPE) {
        let proven = reply::verify(&token, &set)?;
        (serde_json::to_string_pretty(&proven), proven.content_sha256, true)
    } else if proof::is_one(&token) {
        let proven = proof::verify(&token, &set)?;
        (serde_json::to_string_pretty(&proven), proven.receipt.content_sha256, false)
    } else {
        let proven = receipt::verify(&token, &set)?;
        (serde_json::to_string_pretty(&proven), proven.content_sha256, false)
    };
    if let Some(path) = message {
        let text = read(path)?;
        let kept = if is_reply {
            serde_json::from_str::<reply::Kept>(&text).map(|kept| kept.content_sha256())
        } else {
            let message: Incoming = serde_json::from_str(&text).map_err(|error| of(path, error))?;
            if message.attachments.len() != attachments.len() {
                let count = message.attachments.len();
                return Err(format!("{}: it names {count} files; give each with --attachment", path.display()));
            }
            let files = attachments.iter().map(|path| describe(path)).collect::<Result<Vec<_>, _>>()?;
            Ok(message.content_sha256(&files))
        };
        if kept.map_err(|error| of(path, error))? != proven {
            return Err(format!("{}: the receipt is for something else", path.display()));
        }
    }
    say(&said.map_err(|error| error.to_string())?);
    say("the receipt is genuine");
    Ok(())
}

#[derive(clap::Args)]
pub struct MissingNotices {
    #[command(flatten)]
    config: ConfigFile,
    /// Receipts of authorities, one in each line
    receipts: PathBuf,
}

/// Lists the notices that authorities have receipts for and that are not here; fails if there is one.
pub async fn missing(MissingNotices { config, receipts }: &MissingNotices) -> Result<(), String> {
    let app = open(config).await?;
    let losses = loss::compare(&app, &read(receipts)?).await.map_err(|error| error.to_string())?;
    let line = |word: &str, receipt: &Receipt| {
        let Receipt { jti, provided_at, client_id, sub, content_sha256, .. } = receipt;
        say(&format!("{word}  {jti}  {provided_at}  {client_id}  {sub}  {content_sha256}"));
    };
    for loss in &losses {
        match loss {
            Loss::Missing(receipt) => line("missing", receipt),
            Loss::Differs(receipt) => line("differs", receipt),
            Loss::Unproven(number, problem) => say(&format!("line {number}: {problem}")),
        }
    }
    match losses.len() {
        0 => {
            say("every notice is here");
            Ok(())
        }
        count => Err(format!("{count} of these receipts have no such notice here")),
    }
}
