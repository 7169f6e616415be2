//! What several commands share, and those that have grown beyond `main.rs`.

pub mod client;
pub mod code_devices;
pub mod deliver;
pub mod guardian;
pub mod objects;
pub mod office;
pub mod organisation;
pub mod receipt;
mod registration;

use std::path::PathBuf;

use nutzerkonto::app::{self, App, Surroundings};
use nutzerkonto::config::Config;

#[derive(clap::Args)]
pub struct ConfigFile {
    /// The configuration file
    #[arg(long, env = "NUTZERKONTO_CONFIG")]
    pub config: PathBuf,
}

#[expect(clippy::print_stdout, reason = "the answer of a command")]
pub fn say(text: &str) {
    println!("{text}");
}

pub async fn open(file: &ConfigFile) -> Result<App, String> {
    app::open(Config::read(&file.config)?, Surroundings::default()).await
}
