//! `client approve` and what goes with clients that register themselves.

use clap::Subcommand;
use nutzerkonto::client::registration_token::{RegistrationToken, Wanted};
use nutzerkonto::kernel::id::{ClientId, RegistrationTokenId};
use nutzerkonto::kernel::texts::{Language, moment};
use nutzerkonto::operator::{Inquiry, client, operator_name};

use super::client::{Switched, text};
use super::{ConfigFile, open, say};

#[derive(Subcommand)]
pub enum RegistrationCommand {
    /// Approve a client that has registered itself: people are not warned of it any more
    Approve(Switched),
    /// Make a token with which clients may register themselves, and show it this once
    RegistrationToken {
        #[command(flatten)]
        config: ConfigFile,
        /// How many clients
        #[arg(long, default_value_t = 1)]
        uses: u32,
        /// For how many days it counts
        #[arg(long, default_value_t = 7)]
        days: u32,
        /// For whom it is
        #[arg(long)]
        note: String,
        /// The name under which you work; it stays in the audit trail
        #[arg(long, env = "USER")]
        operator: String,
    },
    /// List those tokens: for whom, how often they still count and until when
    RegistrationTokens(ConfigFile),
    /// End one of them; clients that have registered with it stay
    WithdrawToken {
        #[command(flatten)]
        config: ConfigFile,
        id: String,
        /// The name under which you work; it stays in the audit trail
        #[arg(long, env = "USER")]
        operator: String,
    },
}

pub async fn run(command: RegistrationCommand) -> Result<(), String> {
    match command {
        RegistrationCommand::Approve(asked) => {
            let by = Inquiry::new(&asked.operator, &asked.reason)?;
            let id = ClientId(asked.id);
            client::approve(&*open(&asked.config).await?, &by, &id).await.map_err(text)?;
            say(&format!("{id}  approved, as it is now"));
        }
        RegistrationCommand::RegistrationToken { config, uses, days, note, operator } => {
            let (wanted, operator) = (Wanted::new(uses, days, &note)?, operator_name(&operator)?);
            let app = open(&config).await?;
            let (id, token) = client::make_token(&app, &operator, &wanted).await.map_err(text)?;
            if !app.config.registration.enabled {
                say("note  registration.enabled is not set: nobody can use it yet");
            }
            say(&format!("{id}\ntoken = {}   (for the service; nobody can show it again)", token.expose()));
        }
        RegistrationCommand::RegistrationTokens(config) => {
            for token in client::tokens(&*open(&config).await?).await.map_err(text)? {
                say(&line(&token));
            }
        }
        RegistrationCommand::WithdrawToken { config, id, operator } => {
            let id = RegistrationTokenId::parse(&id).ok_or("there is no such token")?;
            let operator = operator_name(&operator)?;
            let withdrawn = client::withdraw_token(&*open(&config).await?, &operator, &id).await;
            withdrawn.map_err(|_| "there is no such token".to_owned())?;
            say(&format!("{id}  withdrawn"));
        }
    }
    Ok(())
}

fn line(token: &RegistrationToken) -> String {
    let RegistrationToken { id, note, operator, uses_left, created_at, expires_at } = token;
    let at = |at| moment::date_and_clock(Language::En, at);
    let (made, ends) = (at(*created_at), at(*expires_at));
    format!("{id}  {uses_left} clients until {ends}  {note}  (made {made} by {operator})")
}
