//! The simulated eID-Server and eID-Client: two services of their own that speak the protocols of the real ones, with test
//! cards instead of a reader. Started by the demonstration and by tests, and by nothing else.

pub mod cards;
mod client;
mod page;
pub mod server;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use actix_web::dev::ServerHandle;

use crate::config::SmartEid;
use crate::kernel::random::Random;
use crate::kernel::time::Clock;

/// Kinds of Smart-eID that the demonstration accepts; another one shows what is said of one that is not.
const SMART_EIDS: [SmartEid; 1] = [SmartEid::SeCertified];

/// The keys that everybody has, as files.
pub struct Files {
    pub authority: PathBuf,
    pub server_certificate: PathBuf,
    pub server_key: PathBuf,
    pub client_certificate: PathBuf,
    pub client_key: PathBuf,
}

impl Files {
    pub fn write(directory: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
        let file = |name: &str, text: &str| {
            let file = directory.join(name);
            std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display())).map(|()| file)
        };
        Ok(Self {
            authority: file("authority.pem", include_str!("../../../keys-dev/eid-authority.pem"))?,
            server_certificate: file("server.pem", include_str!("../../../keys-dev/eid-server.pem"))?,
            server_key: file("server.key", include_str!("../../../keys-dev/eid-server.key"))?,
            client_certificate: file("client.pem", include_str!("../../../keys-dev/eid-client.pem"))?,
            client_key: file("client.key", include_str!("../../../keys-dev/eid-client.key"))?,
        })
    }

    /// The section of the configuration that leads to these services.
    pub fn settings(&self, server_port: u16, client_port: u16) -> String {
        let text = |path: &Path| toml::Value::from(path.display().to_string()).to_string();
        let kinds = toml::Value::try_from(SMART_EIDS).map_or_else(|_| "[]".to_owned(), |kinds| kinds.to_string());
        format!(
            "[eid]\nserver_url = \"https://localhost:{server_port}/eID\"\n\
             client_url = \"http://127.0.0.1:{client_port}/eID-Client\"\n\
             authority_file = {}\nserver_certificate_file = {}\ncertificate_file = {}\nkey_file = {}\nsmart_eids = {kinds}\n",
            text(&self.authority),
            text(&self.server_certificate),
            text(&self.client_certificate),
            text(&self.client_key),
        )
    }
}

/// Both of them.
pub struct Services {
    server: ServerHandle,
    client: ServerHandle,
}

/// Starts the eID-Server and the eID-Client, each on its listener.
pub fn start(
    files: &Files,
    (server, client): (TcpListener, TcpListener),
    clock: &Clock,
    random: &Random,
) -> Result<Services, String> {
    let server = server::start(files, server, (clock.clone(), random.clone()))?;
    Ok(Services { server, client: client::start(files, client, (clock.clone(), random.clone()))? })
}

impl Services {
    pub async fn stop(&self) {
        self.client.stop(true).await;
        self.server.stop(true).await;
    }
}
