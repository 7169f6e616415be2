//! `code-devices`: devices that show one-time codes, as the operator hands them out.

use std::path::PathBuf;

use clap::Subcommand;
use nutzerkonto::operator::operator_name;
use nutzerkonto::signin::code_device;

use super::{ConfigFile, open, say};

#[derive(Subcommand)]
pub enum CodeDevicesCommand {
    /// Import what the maker has delivered: `serial;BASE32`, one device a line; all of it or nothing
    Import {
        #[command(flatten)]
        config: ConfigFile,
        file: PathBuf,
        /// The name under which you work; it stays in the audit trail
        #[arg(long, env = "USER")]
        operator: String,
    },
}

pub async fn run(command: CodeDevicesCommand) -> Result<(), String> {
    let CodeDevicesCommand::Import { config, file, operator } = command;
    let operator = operator_name(&operator)?;
    let complain = |error: String| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(&file).map_err(|error| complain(error.to_string()))?;
    let count = code_device::import(&*open(&config).await?, &operator, &text).await.map_err(complain)?;
    say(&format!("{count} devices imported; delete the file, it holds their secrets"));
    Ok(())
}
