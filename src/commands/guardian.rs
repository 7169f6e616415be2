//! `guardian`: legal guardians as the operator sees them.

use clap::Subcommand;
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::MandateId;
use nutzerkonto::operator::{Inquiry, guardian};

use super::{ConfigFile, open, say};

#[derive(Subcommand)]
pub enum GuardianCommand {
    /// Write down that a court has ended it: the guardian can do nothing more from now on
    End {
        #[command(flatten)]
        config: ConfigFile,
        /// The number of the mandate, `mdt_...`; it stands in both accounts and on the deed
        id: String,
        /// One sentence; both read it
        #[arg(long)]
        reason: String,
        /// The name under which you work; it stays in the audit trail
        #[arg(long, env = "USER")]
        operator: String,
    },
}

fn text(error: Error) -> String {
    match error {
        Error::NotFound => "there is no legal guardian with this number".to_owned(),
        Error::Conflict(_) => "it has ended already".to_owned(),
        other => other.to_string(),
    }
}

pub async fn run(command: GuardianCommand) -> Result<(), String> {
    let GuardianCommand::End { config, id, reason, operator } = command;
    let by = Inquiry::new(&operator, &reason)?;
    let id = MandateId::parse(&id).ok_or("id: the number of a mandate begins with mdt_")?;
    guardian::end(&*open(&config).await?, &by, &id).await.map_err(text)?;
    say(&format!("{id}  ended"));
    Ok(())
}
