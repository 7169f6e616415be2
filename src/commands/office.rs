//! `office` and `officer`: registration desks as the operator runs them.

use std::path::PathBuf;

use clap::Subcommand;
use nutzerkonto::account::email::EmailAddress;
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::texts::{Language, moment};
use nutzerkonto::kernel::time::Timestamp;
use nutzerkonto::operator::{Inquiry, office};
use nutzerkonto::proofing::office::{Assignment, OfficeFile, OfficeId};

use super::{ConfigFile, open, say};

#[derive(Subcommand)]
pub enum OfficeCommand {
    /// Make the offices be what a file says; one that it does not name is closed
    Apply {
        #[command(flatten)]
        config: ConfigFile,
        /// The file that declares all offices
        file: PathBuf,
        /// The name under which you work; it stays in the audit trail
        #[arg(long, env = "USER")]
        operator: String,
    },
    /// List the offices
    List(ConfigFile),
}

/// Whose role it is, by whom and why.
#[derive(clap::Args)]
pub struct Named {
    #[command(flatten)]
    config: ConfigFile,
    #[arg(long)]
    office: String,
    /// An address of their account, exactly
    #[arg(long)]
    email: String,
    /// One sentence; they read it
    #[arg(long)]
    reason: String,
    /// The name under which you work; it stays in the audit trail
    #[arg(long, env = "USER")]
    operator: String,
}

#[derive(Subcommand)]
pub enum OfficerCommand {
    /// Let somebody act for an office
    Add(Named),
    /// End that, at once
    Remove(Named),
    /// List who acts and who has acted for an office
    List {
        #[command(flatten)]
        config: ConfigFile,
        #[arg(long)]
        office: String,
    },
}

fn text(error: Error) -> String {
    match error {
        Error::Conflict(why) => why.to_owned(),
        other => other.to_string(),
    }
}

pub async fn run(command: OfficeCommand) -> Result<(), String> {
    match command {
        OfficeCommand::Apply { config, file, operator } => {
            let complain = |error: String| format!("{}: {error}", file.display());
            let read = std::fs::read_to_string(&file).map_err(|error| complain(error.to_string()))?;
            let declared = OfficeFile::parse(&read).map_err(complain)?;
            let changes = office::apply(&*open(&config).await?, &operator, &declared).await.map_err(text)?;
            if changes.is_empty() {
                say("nothing to change");
            }
            for (id, change) in changes {
                say(&format!("{}  {}", format!("{change:?}").to_lowercase(), id.0));
            }
        }
        OfficeCommand::List(config) => {
            for one in office::list(&*open(&config).await?).await.map_err(text)? {
                let (id, name, level) = (&one.id.0, one.name(Language::De), one.level.name());
                say(&format!("{id}  {name}  {} {}  up to {level}", one.postal_code, one.locality));
            }
        }
    }
    Ok(())
}

pub async fn run_officer(command: OfficerCommand) -> Result<(), String> {
    match command {
        OfficerCommand::Add(named) => {
            let (by, id, email) = read(&named)?;
            let app = open(&named.config).await?;
            office::assign(&app, &by, (&id, &email), Assignment::Given).await.map_err(text)?;
            say(&format!("{}  acts for {} from now on, signed in at substantial with a passkey", named.email, id.0));
        }
        OfficerCommand::Remove(named) => {
            let (by, id, email) = read(&named)?;
            let app = open(&named.config).await?;
            office::assign(&app, &by, (&id, &email), Assignment::Ended).await.map_err(text)?;
            say(&format!("{}  does not act for {} any more", named.email, id.0));
        }
        OfficerCommand::List { config, office: id } => {
            let at = |at: Timestamp| moment::date_and_clock(Language::En, at);
            for role in office::officers(&*open(&config).await?, &OfficeId(id)).await.map_err(text)? {
                let until = role.ended_at.map_or_else(String::new, |ended| format!(", until {}", at(ended)));
                say(&format!("{}  since {}{until}", role.account_id, at(role.since)));
            }
        }
    }
    Ok(())
}

fn read(named: &Named) -> Result<(Inquiry, OfficeId, EmailAddress), String> {
    let by = Inquiry::new(&named.operator, &named.reason)?;
    let email = EmailAddress::parse(&named.email).ok_or("email: not an address")?;
    Ok((by, OfficeId(named.office.clone()), email))
}
