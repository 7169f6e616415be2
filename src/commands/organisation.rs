//! `organisation`: companies, associations and authorities as the operator sees and stops them.

use clap::Subcommand;
use nutzerkonto::kernel::error::Error;
use nutzerkonto::kernel::id::{ClaimId, OrganisationId};
use nutzerkonto::kernel::texts::{Language, moment};
use nutzerkonto::operator::Inquiry;
use nutzerkonto::operator::organisation::{self, Step};
use nutzerkonto::organisation::claim::{Claim, Decided, Outcome};

use super::{ConfigFile, open, say};

/// Which organisation, by whom and why.
#[derive(clap::Args)]
pub struct Meant {
    #[command(flatten)]
    config: ConfigFile,
    /// The organisation's number, `org_...`
    id: String,
    /// One sentence; it stands in the organisation's protocol, which its members read
    #[arg(long)]
    reason: String,
    /// The name under which you work; it stays in the audit trail
    #[arg(long, env = "USER")]
    operator: String,
}

#[derive(Subcommand)]
pub enum OrganisationCommand {
    /// Say what an organisation is, how that is known and how it stands
    Show(Meant),
    /// Let nobody act for it
    Block(Meant),
    /// End that
    Unblock(Meant),
    /// Write down that insolvency proceedings are open: who represented it no longer does
    Insolvent(Meant),
    /// Write down that they are over
    Solvent(Meant),
    /// List claims to organisations that others have registered
    Claims(ConfigFile),
    /// Decide a claim; a second person, under another name, has to decide the same
    Decide {
        #[command(flatten)]
        config: ConfigFile,
        /// The claim's number, `clm_...`
        id: String,
        /// `grant`: the organisation is blocked and its entry free for whoever claimed it; or `dismiss`
        #[arg(long)]
        outcome: String,
        /// One sentence
        #[arg(long)]
        reason: String,
        /// The name under which you work; it stays in the audit trail
        #[arg(long, env = "USER")]
        operator: String,
    },
}

fn text(error: Error) -> String {
    match error {
        Error::NotFound => "there is no such organisation or claim, or it is gone".to_owned(),
        Error::Conflict("claim_four_eyes") => "you have decided that already: it needs a second person".to_owned(),
        Error::Conflict("claim_decided") => {
            "the claim has been decided meanwhile; see `organisation claims`".to_owned()
        }
        Error::Conflict(_) => "the organisation is not in a state that allows this; see `organisation show`".to_owned(),
        other => other.to_string(),
    }
}

pub async fn run(command: OrganisationCommand) -> Result<(), String> {
    match command {
        OrganisationCommand::Show(meant) => {
            let (by, id) = read(&meant)?;
            say(&organisation::show(&*open(&meant.config).await?, &by, &id).await.map_err(text)?.to_string());
            Ok(())
        }
        OrganisationCommand::Block(meant) => take(&meant, Step::Block, "blocked: nobody acts for it").await,
        OrganisationCommand::Unblock(meant) => take(&meant, Step::Unblock, "not blocked any more").await,
        OrganisationCommand::Insolvent(meant) => {
            take(&meant, Step::Insolvent, "insolvent: who represented it no longer does").await
        }
        OrganisationCommand::Solvent(meant) => take(&meant, Step::Solvent, "not insolvent any more").await,
        OrganisationCommand::Claims(config) => {
            for claim in organisation::claims(&*open(&config).await?).await.map_err(text)? {
                say(&line(&claim));
            }
            Ok(())
        }
        OrganisationCommand::Decide { config, id, outcome, reason, operator } => {
            let by = Inquiry::new(&operator, &reason)?;
            let claim = ClaimId::parse(&id).ok_or("id: a claim's number begins with clm_")?;
            let outcome = Outcome::parse(&outcome).ok_or("outcome: grant or dismiss")?;
            match organisation::decide(&*open(&config).await?, &by, &claim, outcome).await.map_err(text)? {
                Decided::Waits => say("proposed: a second person, under another name, has to decide the same"),
                Decided::Done => say("decided"),
            }
            Ok(())
        }
    }
}

fn line(claim: &Claim) -> String {
    let at = moment::date_and_clock(Language::En, claim.claimed_at);
    let proposed = match &claim.proposed {
        Some((Outcome::Granted, by)) => format!("  grant proposed by {by}"),
        Some((Outcome::Dismissed, by)) => format!("  dismiss proposed by {by}"),
        None => String::new(),
    };
    format!(
        "{}  {} claimed by {} since {at}{proposed}\n  {}",
        claim.id, claim.organisation, claim.account, claim.statement
    )
}

async fn take(meant: &Meant, step: Step, done: &str) -> Result<(), String> {
    let (by, id) = read(meant)?;
    organisation::step(&*open(&meant.config).await?, &by, &id, step).await.map_err(text)?;
    say(&format!("{id}  {done}"));
    Ok(())
}

fn read(meant: &Meant) -> Result<(Inquiry, OrganisationId), String> {
    let by = Inquiry::new(&meant.operator, &meant.reason)?;
    let id = OrganisationId::parse(&meant.id).ok_or("id: an organisation's number begins with org_")?;
    Ok((by, id))
}
