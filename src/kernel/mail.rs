//! Sending mail: over SMTP, into a directory of `.eml` files, or into memory for tests.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::time::Timestamp;

/// RFC 5321 section 4.2.3: the mailbox does not exist, has moved, or has a name that is not allowed. Other refusals may
/// be an operator's mistake that is mended.
const NO_SUCH_MAILBOX: [u16; 3] = [550, 551, 553];

/// A mail as it waits in the queue. Always plain text.
#[derive(Clone, Serialize, Deserialize)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub body: String,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SmtpTls {
    /// TLS from the first byte (RFC 8314), port 465.
    Implicit,
    /// STARTTLS, and no mail without it, port 587.
    Starttls,
    /// None. Only for a relay on the same host.
    None,
}

pub struct SmtpSettings {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    pub user: Option<String>,
    pub password: Option<Secret<String>>,
    /// Additional certificate authority, PEM.
    pub authority: Option<Vec<u8>>,
}

pub enum Mailer {
    Smtp(Box<AsyncSmtpTransport<Tokio1Executor>>, Mailbox),
    Directory(PathBuf, Mailbox),
    Memory(Arc<Mutex<Vec<Mail>>>),
}

impl Mailer {
    pub fn smtp(settings: &SmtpSettings, from: Mailbox) -> Result<Self, String> {
        let parameters = || {
            let mut builder = TlsParameters::builder(settings.host.clone());
            if let Some(pem) = &settings.authority {
                builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(|error| error.to_string())?);
            }
            builder.build().map_err(|error| error.to_string())
        };
        let tls = match settings.tls {
            SmtpTls::Implicit => Tls::Wrapper(parameters()?),
            SmtpTls::Starttls => Tls::Required(parameters()?),
            SmtpTls::None => Tls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(Duration::from_secs(20)))
            .pool_config(PoolConfig::new().max_size(8));
        if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().clone()));
        }
        Ok(Self::Smtp(Box::new(builder.build()), from))
    }

    /// Hands the mail over. No error contains the address.
    pub async fn send(&self, mail: &Mail, now: Timestamp, name: &str) -> Result<(), NotSent> {
        match self {
            Self::Smtp(transport, from) => {
                let message = message(mail, from, now, name)?;
                transport.send(message).await.map(drop).map_err(|error| {
                    let is_final = error.status().is_some_and(|code| NO_SUCH_MAILBOX.contains(&u16::from(code)));
                    let code = error.status().map(|code| format!(" (server answered {code})")).unwrap_or_default();
                    let kind = if error.is_timeout() {
                        "timeout"
                    } else if error.is_permanent() {
                        "refused"
                    } else {
                        "failed"
                    };
                    NotSent { reason: format!("SMTP {kind}{code}"), is_final }
                })
            }
            Self::Directory(directory, from) => {
                let message = message(mail, from, now, name)?;
                // Under another name until it is whole.
                let (half, whole) = (directory.join(format!("{name}.part")), directory.join(format!("{name}.eml")));
                tokio::fs::write(&half, message.formatted())
                    .await
                    .map_err(|error| NotSent::for_now(error.to_string()))?;
                tokio::fs::rename(half, whole).await.map_err(|error| NotSent::for_now(error.to_string()))
            }
            // No mailbox is there, in the post office of tests as anywhere (RFC 6761 section 6.4).
            Self::Memory(_) if mail.to.ends_with(".invalid") => {
                Err(NotSent { reason: "no such mailbox".to_owned(), is_final: true })
            }
            Self::Memory(mails) => {
                mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
                Ok(())
            }
        }
    }
}

/// Why a mail was not handed over.
#[derive(Debug)]
pub struct NotSent {
    pub reason: String,
    /// There is no such mailbox: trying again would not help.
    pub is_final: bool,
}

impl NotSent {
    pub fn for_now(reason: String) -> Self {
        Self { reason, is_final: false }
    }
}

/// Builds the message; header values are encoded by the library, so that no line break can add a header.
/// The id is the job's, so that a mail delivered twice can be recognised as one.
fn message(mail: &Mail, from: &Mailbox, now: Timestamp, name: &str) -> Result<Message, NotSent> {
    let to: Address =
        mail.to.parse().map_err(|_| NotSent::for_now("the address cannot be written into a mail".to_owned()))?;
    let date = Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0));
    // RFC 3834 section 5: nobody's absence note answers it.
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let builder: MessageBuilder = Message::builder().from(from.clone()).to(Mailbox::new(None, to));
    builder
        .date(std::time::UNIX_EPOCH + date)
        .message_id(Some(format!("<{name}@{}>", from.email.domain())))
        .header(MIME_VERSION_1_0)
        .raw_header(automatic)
        .subject(mail.subject.clone())
        .header(ContentType::TEXT_PLAIN)
        .body(mail.body.clone())
        .map_err(|error| NotSent::for_now(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_s13_a_line_break_adds_no_header() {
        let from: Mailbox = "Nutzerkonto <konto@example.org>".parse().unwrap();
        let mail = |to: &str, subject: &str| Mail { to: to.into(), subject: subject.into(), body: "Hallo".into() };
        let at = Timestamp::from_seconds(1_795_424_520);
        let text =
            message(&mail("a@example.org", "Hallo\r\nBcc: b@example.org"), &from, at, "job").unwrap().formatted();
        let text = String::from_utf8(text).unwrap();
        let headers = text.split("\r\n\r\n").next().unwrap();
        assert!(!headers.lines().any(|line| line.starts_with("Bcc:")), "{headers}");
        assert!(message(&mail("a@example.org\r\nBcc: b@example.org", "Hallo"), &from, at, "job").is_err());
    }
}
