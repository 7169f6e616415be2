//! `nutzerkonto objects`.

use clap::Subcommand;
use nutzerkonto::data::objects;
use nutzerkonto::kernel::error::Error;

use super::{ConfigFile, open, say};

#[derive(Subcommand)]
pub enum ObjectsCommand {
    /// Read every file now and say which are damaged
    Check(ConfigFile),
    /// Write a file of chance where files are kept, read it back and remove it
    Try {
        #[command(flatten)]
        config: ConfigFile,
        /// How long it is
        #[arg(long, default_value_t = 20_000_000)]
        bytes: u64,
        /// Leave it there for `check` to read; the next trial removes it
        #[arg(long)]
        keep: bool,
    },
}

fn text(error: Error) -> String {
    match error {
        Error::NoRoom => "objects: there is no room where they are kept".to_owned(),
        Error::Busy { .. } => "objects: the place where they are kept cannot be reached; see the log".to_owned(),
        error => error.to_string(),
    }
}

pub async fn run(command: ObjectsCommand) -> Result<(), String> {
    match command {
        ObjectsCommand::Check(config) => {
            let checked = objects::check_all(&*open(&config).await?).await.map_err(text)?;
            for (due, damage) in &checked.damaged {
                say(&format!("{}  {}  {damage}", due.object(), due.owner_id));
            }
            let (read, counts) = (checked.read, &checked.counts);
            say(&format!("{read} read, {} unfinished, {} to be removed", counts.unfinished, counts.doomed));
            if checked.damaged.is_empty() { Ok(()) } else { Err(format!("{} are damaged", checked.damaged.len())) }
        }
        ObjectsCommand::Try { config, bytes, keep } => {
            objects::try_out(&*open(&config).await?, bytes, keep).await.map_err(text)?;
            let what = if keep { "left there" } else { "removed" };
            say(&format!("{bytes} bytes were written, read back as they were, and {what}"));
            Ok(())
        }
    }
}
