//! All settings: typed, each with its default and its reason. Unknown keys are refused with their line.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::kernel::level::Level;
use crate::kernel::mail::SmtpTls;
use crate::kernel::texts::Language;

/// Declares one section: a struct that refuses unknown keys, its defaults, and its part of the reference.
macro_rules! section {
    ($(#[doc = $about:literal])* $section:ident $name:literal {
        $($(#[doc = $doc:literal])* $key:ident: $type:ty = $default:expr,)*
    }) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $section { $($(#[doc = $doc])* pub $key: $type,)* }

        impl Default for $section {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $section {
            pub(crate) fn reference(out: &mut String) {
                let defaults = toml::Table::try_from(Self::default()).unwrap_or_default();
                out.push_str(&format!("\n## {}\n\n{}\n\n| key | default | meaning |\n|---|---|---|\n", $name, concat!($($about),*).trim()));
                $(let default = defaults.get(stringify!($key)).map_or("none".to_owned(), |value| format!("`{value}`"));
                out.push_str(&format!("| `{}` | {default} | {} |\n", stringify!($key), concat!($($doc),*).trim()));)*
            }
        }
    };
}

mod assurance;
mod eid;
mod letter;
mod objects;
mod organisation;
mod passkey;
mod safe;
mod seals;

pub use assurance::{Assurance, LevelRule};
pub use eid::{Eid, SmartEid};
pub use letter::Letter;
pub use objects::Objects;
pub use organisation::Organisation;
pub use passkey::{AttestationPolicy, Passkey};
pub use safe::Safe;
pub use seals::Seals;

section! {
    /// Where the program listens and what it trusts in front of it.
    Server "[server]" {
        /// Address and port of the pages and protocol endpoints.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)),
        /// Address and port of health and metrics; keep it away from the public.
        operations_listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 9090)),
        /// Threads that answer requests; 0 takes one per core.
        workers: usize = 0,
        /// PEM certificate chain. With it, `listen` speaks TLS 1.3 and 1.2 itself.
        tls_certificate_file: Option<PathBuf> = None,
        /// PEM private key of that certificate.
        tls_key_file: Option<PathBuf> = None,
        /// Addresses of proxies whose `X-Forwarded-For` and `client_certificate_header` are believed; nobody else's are.
        trusted_proxies: Vec<std::net::IpAddr> = Vec::new(),
        /// Address and port of a second listener for services, which asks for a client certificate (RFC 8705). Needs `tls_certificate_file`.
        mtls_listen: Option<SocketAddr> = None,
        /// Scheme, host and port under which services reach that listener, as in `https://mtls.konto.example`. Another host or port than the issuer's.
        mtls_issuer: Option<String> = None,
        /// Header in which a trusted proxy passes on the client certificate, as in `Client-Cert` (RFC 9440); the issuers' stand in the same name with `-Chain`. The proxy must remove both from what it receives.
        client_certificate_header: Option<String> = None,
        /// PEM file of the authorities that issue client certificates, for services with `tls_client_auth`.
        client_certificate_authority_file: Option<PathBuf> = None,
    }
}

section! {
    /// The database.
    Database "[database]" {
        /// `sqlite:<file>`, or `postgres://user@host/name` for several nodes.
        url: String = "sqlite:data/nutzerkonto.db".to_owned(),
        /// Where the password for PostgreSQL comes from: `file:<path>`, `env:<name>` or `credential:<name>`.
        password: Option<SecretSource> = None,
        /// Connections to PostgreSQL, half of them read-only. Not used for SQLite.
        connections_max: u32 = 32,
    }
}

section! {
    /// Keys. A secret's source is `file:<path>`, `env:<name>` or `credential:<name>` (systemd).
    Keys "[keys]" {
        /// The master key: 32 bytes in base64. Without it nothing stored can be read again.
        master_key: SecretSource = SecretSource("credential:master.key".to_owned()),
        /// Another master key, only read with: while one takes the other's place (see [operations](operations.md#another-master-key)).
        other_master_key: Option<SecretSource> = None,
    }
}

section! {
    /// Outgoing mail: over SMTP, or as files for trying things out.
    Mail "[mail]" {
        /// Sender, as in `Nutzerkonto <konto@example.org>`.
        from: String = "Nutzerkonto <konto@localhost>".to_owned(),
        /// Write mails into this directory instead of sending them.
        directory: Option<PathBuf> = None,
        /// The mail server.
        smtp_host: String = "localhost".to_owned(),
        /// Its port: 587 for `starttls`, 465 for `implicit`.
        smtp_port: u16 = 587,
        /// `starttls`, `implicit`, or `none` (only for a relay on this host).
        smtp_tls: SmtpTls = SmtpTls::Starttls,
        /// User name at the mail server.
        smtp_user: Option<String> = None,
        /// Source of the password at the mail server.
        smtp_password: Option<SecretSource> = None,
        /// PEM file of an additional certificate authority for the mail server.
        smtp_authority_file: Option<PathBuf> = None,
    }
}

section! {
    /// Passwords: the cost of hashing, and what is refused.
    Password "[password]" {
        /// Memory of one Argon2id hash. Less than 19456 is refused outside loopback.
        memory_kibibytes: u32 = 19 * 1024,
        /// Iterations of one hash. Less than 2 is refused outside loopback.
        iterations: u32 = 2,
        /// Hashing threads; 0 takes one per core.
        threads: usize = 0,
        /// Hashes that may wait. Beyond that the answer is 503 with Retry-After.
        queue_length: usize = 64,
        /// File of known passwords: SHA-1 in hexadecimal per line, sorted (the format of the public lists).
        known_passwords_file: Option<PathBuf> = None,
    }
}

section! {
    /// What services ask for through people's browsers.
    Requests "[requests]" {
        /// From this level on (`low`, `substantial`, `high`), services have to deposit their requests first (RFC 9126).
        pushed_from: Option<Level> = None,
    }
}

section! {
    /// Limits for strangers.
    Limits "[limits]" {
        /// Wrong passwords or codes for one account; every further one then has to wait, 1, 2, 4, 8 and then 15 minutes.
        attempts_per_account: i64 = 10,
        /// Wrong passwords or codes from one network (IPv4 /32, IPv6 /64) in 15 minutes.
        attempts_per_network: i64 = 100,
        /// Wrong passwords or codes from one range of networks (IPv4 /24, IPv6 /48) in 15 minutes.
        attempts_per_range: i64 = 1000,
        /// Mails to one address per hour that strangers may cause.
        mails_per_hour: i64 = 3,
        /// Mails to one address per day that strangers may cause.
        mails_per_day: i64 = 10,
        /// Registrations and password resets begun from one network per hour.
        mails_per_network: i64 = 60,
        /// Assertions and DPoP proofs that one client, and at userinfo one grant, may use in ten minutes on one node: each is remembered so that it counts once.
        signed_per_client: u32 = 300_000,
        /// Open connections.
        connections_max: usize = 4096,
    }
}

section! {
    /// What this program calls by HTTPS: addresses that services give. Public addresses only, port 443, no redirects.
    Outbound "[outbound]" {
        /// Hosts that may have a private address or another port, as in `dienst.intern`.
        allowed_hosts: Vec<String> = Vec::new(),
        /// PEM file of an additional certificate authority for these calls.
        authority_file: Option<PathBuf> = None,
    }
}

section! {
    /// Services that register themselves (RFC 7591). People are warned of each until somebody approves it; see [operations](operations.md#services-that-register-themselves).
    Registration "[registration]" {
        /// Whether they may. Those that have registered stay when it is switched off.
        enabled: bool = false,
        /// JWK set (JSON) of those whose software statements let a service register without a token of ours.
        software_statement_keys_file: Option<PathBuf> = None,
        /// How many days a service counts that nobody has approved.
        lifetime_days: u32 = 30,
        /// Services at a time that nobody has approved.
        clients_max: u32 = 1000,
    }
}

section! {
    /// What people read about who runs this.
    Operator "[operator]" {
        /// Name of the public body that answers for this account.
        name: String = "Testbetrieb".to_owned(),
        /// Its postal address, e-mail address and telephone number, for the imprint.
        address: String = "Musterstraße 1, 12345 Musterhausen".to_owned(),
        /// Contact shown on error pages and in help.
        contact: String = "support@localhost".to_owned(),
        /// A line at the very top, such as the mark of an official website. Only public bodies may show that.
        banner: Option<String> = None,
    }
}

section! {
    /// The log, on standard error.
    Log "[log]" {
        /// `human` or `json`.
        format: LogFormat = LogFormat::Human,
        /// `error`, `warn`, `info`, `debug`, or a filter as in `nutzerkonto=debug,info`.
        level: String = "info".to_owned(),
    }
}

mod upstream;

pub use upstream::{AcrLevel, OfOrganisation, ProviderName, Upstream};

/// Everything in force.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The issuer: scheme, host and port under which everybody reaches this program. No path.
    pub issuer: String,
    #[serde(default)]
    pub server: Server,
    #[serde(default)]
    pub database: Database,
    #[serde(default)]
    pub objects: Objects,
    #[serde(default)]
    pub safe: Safe,
    #[serde(default)]
    pub seals: Seals,
    #[serde(default)]
    pub keys: Keys,
    #[serde(default)]
    pub mail: Mail,
    #[serde(default)]
    pub password: Password,
    #[serde(default)]
    pub requests: Requests,
    #[serde(default)]
    pub assurance: Assurance,
    #[serde(default)]
    pub eid: Eid,
    #[serde(default)]
    pub passkey: Passkey,
    #[serde(default)]
    pub limits: Limits,
    #[serde(default)]
    pub outbound: Outbound,
    #[serde(default)]
    pub registration: Registration,
    #[serde(default)]
    pub upstream: Vec<Upstream>,
    #[serde(default)]
    pub letter: Letter,
    #[serde(default)]
    pub organisation: Organisation,
    #[serde(default)]
    pub operator: Operator,
    #[serde(default)]
    pub log: Log,
    /// Set by the command `demo`, never by a file.
    #[serde(skip)]
    pub demo: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
}

/// Where a secret is read from; the configuration itself never holds one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretSource(pub String);

impl SecretSource {
    pub fn read(&self) -> Result<Vec<u8>, String> {
        let explain = |error: std::io::Error| format!("{}: {error}", self.0);
        match self.0.split_once(':') {
            Some(("file", path)) => std::fs::read(path).map_err(explain),
            Some(("credential", name)) => {
                let directory = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| format!("{}: systemd passed no credentials directory", self.0))?;
                std::fs::read(PathBuf::from(directory).join(name)).map_err(explain)
            }
            Some(("env", name)) => std::env::var(name)
                .map(String::into_bytes)
                .map_err(|_| format!("{}: not set in the environment", self.0)),
            _ => Err(format!("{}: a secret's source begins with file:, env: or credential:", self.0)),
        }
    }
}

/// What is wrong with a TOML text, in which line and key; without the value, which may be a secret.
pub fn explain(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let number = before.matches('\n').count();
    let key = text.lines().nth(number).and_then(|line| line.split_once('=')).map_or("", |(key, _)| key.trim());
    format!("line {}, {key}: {}", number + 1, error.message())
}

impl Config {
    /// Reads a file. An unknown key, a wrong type or a contradiction is an error that names its place.
    pub fn read(path: &std::path::Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    pub fn parse(text: &str) -> Result<Self, String> {
        let config: Self = toml::from_str(text).map_err(|error| explain(text, &error))?;
        config.check()?;
        Ok(config)
    }

    /// What cannot be true together.
    pub fn check(&self) -> Result<(), String> {
        let issuer = url::Url::parse(&self.issuer).map_err(|error| format!("issuer: {error}"))?;
        let origin = issuer.origin().ascii_serialization();
        if self.issuer != origin {
            return Err(format!("issuer: write exactly scheme, host and port, as in {origin}"));
        }
        let loopback = self.is_loopback();
        match issuer.scheme() {
            "https" => {}
            "http" if loopback => {}
            _ => return Err("issuer: must be https, outside loopback".to_owned()),
        }
        if !loopback && (self.password.memory_kibibytes < 19 * 1024 || self.password.iterations < 2) {
            return Err("password: less than 19456 KiB or 2 iterations is refused outside loopback".to_owned());
        }
        if self.password.memory_kibibytes < 8 || self.password.memory_kibibytes > 256 * 1024 {
            return Err("password.memory_kibibytes: between 8 and 262144".to_owned());
        }
        if self.password.iterations == 0 || self.password.iterations > 10 {
            return Err("password.iterations: between 1 and 10".to_owned());
        }
        if self.server.tls_certificate_file.is_some() != self.server.tls_key_file.is_some() {
            return Err("server: tls_certificate_file and tls_key_file belong together".to_owned());
        }
        self.check_client_certificates()?;
        upstream::check(&self.upstream, loopback)?;
        self.organisation.check(loopback)?;
        if self.assurance.rules.iter().any(|rule| rule.signed_by.trim().is_empty() || rule.reason.trim().is_empty()) {
            return Err("assurance.rules: signed_by and reason must say who has decided this, and why".to_owned());
        }
        let asks = self.passkey.attestation == AttestationPolicy::Required;
        if asks == self.passkey.attestation_roots.is_empty() || !(asks || self.passkey.aaguids.is_empty()) {
            return Err("passkey: attestation = \"required\" and attestation_roots belong together".to_owned());
        }
        if !(1..=366).contains(&self.registration.lifetime_days) {
            return Err("registration.lifetime_days: between 1 and 366".to_owned());
        }
        self.letter.check()?;
        self.objects.check()?;
        self.safe.check()?;
        let local_relay = matches!(self.mail.smtp_host.as_str(), "localhost" | "127.0.0.1" | "::1");
        if self.mail.smtp_tls == SmtpTls::None && self.mail.directory.is_none() && !local_relay {
            return Err("mail.smtp_tls: `none` is only for a relay on this host".to_owned());
        }
        self.mail.from.parse::<lettre::message::Mailbox>().map_err(|error| format!("mail.from: {error}"))?;
        Ok(())
    }

    /// What people call a provider whose accounts can be linked; its id, if it is not in the settings any more.
    pub fn provider_name(&self, id: &str, language: Language) -> String {
        let known = self.upstream.iter().find(|known| known.id == id);
        known.map_or_else(|| id.to_owned(), |known| known.title(language).to_owned())
    }

    /// Where client certificates come from (RFC 8705).
    fn check_client_certificates(&self) -> Result<(), String> {
        let server = &self.server;
        match (&server.mtls_issuer, server.mtls_listen) {
            (None, None) => {}
            (Some(address), Some(listen)) => {
                let origin = url::Url::parse(address).map(|url| url.origin().ascii_serialization());
                if origin.as_ref() != Ok(address) || !address.starts_with("https://") || *address == self.issuer {
                    return Err("server.mtls_issuer: https, host and port, and not the issuer's".to_owned());
                }
                if server.tls_certificate_file.is_none() {
                    return Err("server.mtls_listen: needs tls_certificate_file and tls_key_file".to_owned());
                }
                if listen.port() != 0 && [server.listen, server.operations_listen].contains(&listen) {
                    return Err("server.mtls_listen: needs an address and port of its own".to_owned());
                }
            }
            _ => return Err("server: mtls_listen and mtls_issuer belong together".to_owned()),
        }
        let Some(name) = &server.client_certificate_header else { return Ok(()) };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err("server.client_certificate_header: the name of a header, as in Client-Cert".to_owned());
        }
        if server.trusted_proxies.is_empty() {
            return Err("server.client_certificate_header: needs the proxy in trusted_proxies".to_owned());
        }
        Ok(())
    }

    /// Whether only this machine can reach the issuer: what is allowed for trying out ends here.
    pub fn is_loopback(&self) -> bool {
        match url::Url::parse(&self.issuer).ok().as_ref().and_then(url::Url::host) {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Whether the issuer is a name and not a number: browsers give passkeys to nothing else.
    pub fn has_name(&self) -> bool {
        url::Url::parse(&self.issuer).is_ok_and(|url| url.domain().is_some())
    }

    pub fn is_https(&self) -> bool {
        self.issuer.starts_with("https://")
    }

    /// The `Host` header that belongs to the issuer.
    pub fn host(&self) -> &str {
        host(&self.issuer)
    }

    /// The one that belongs to the listener for client certificates.
    pub fn mtls_host(&self) -> &str {
        self.server.mtls_issuer.as_deref().map_or("", host)
    }

    /// Whether client certificates can reach this program.
    pub fn takes_client_certificates(&self) -> bool {
        self.server.mtls_listen.is_some() || self.server.client_certificate_header.is_some()
    }

    /// What is in force, as a file that could be read again; a password inside the database URL is masked.
    pub fn in_force(&self) -> Result<String, String> {
        let mut shown = self.clone();
        if let Ok(mut url) = url::Url::parse(&shown.database.url)
            && url.password().is_some()
        {
            url.set_password(Some("***")).map_err(|()| "database.url: cannot be masked".to_owned())?;
            shown.database.url = url.to_string();
        }
        toml::to_string(&shown).map_err(|error| error.to_string())
    }

    /// The configuration reference in `docs/configuration.md`.
    pub fn reference() -> String {
        let mut out = String::from(
            "# Configuration\n\nOne TOML file, given with `--config`. Every key may be left out but `issuer`. An unknown key stops the\n\
             program at the start and names the line. `nutzerkonto check-config --config FILE` prints what is in force.\n\n\
             `issuer` is the scheme, host and port under which everybody reaches the program, without a path. It must be\n\
             https unless it is on loopback.\n\n\
             This page is generated from `src/config.rs`; a test compares.\n",
        );
        Server::reference(&mut out);
        Database::reference(&mut out);
        Objects::reference(&mut out);
        Safe::reference(&mut out);
        Seals::reference(&mut out);
        Keys::reference(&mut out);
        Mail::reference(&mut out);
        Password::reference(&mut out);
        Requests::reference(&mut out);
        Assurance::reference(&mut out);
        Eid::reference(&mut out);
        Passkey::reference(&mut out);
        Limits::reference(&mut out);
        Outbound::reference(&mut out);
        Registration::reference(&mut out);
        Upstream::reference(&mut out);
        Letter::reference(&mut out);
        Organisation::reference(&mut out);
        Operator::reference(&mut out);
        Log::reference(&mut out);
        out
    }
}

fn host(origin: &str) -> &str {
    origin.split_once("://").map_or("", |(_, host)| host)
}

#[cfg(test)]
mod tests;
