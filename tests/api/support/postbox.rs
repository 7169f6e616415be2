//! Notices as an authority's program delivers them, checked.

use nutzerkonto::client::registry::Registry;
use nutzerkonto::kernel::holiday::Land;
use nutzerkonto::kernel::id::OrganisationId;
use nutzerkonto::kernel::level::Level;
use nutzerkonto::organisation::acting::Party;
use nutzerkonto::postbox::Kind;
use nutzerkonto::postbox::clock::{LegalBasis, Remedy};
use nutzerkonto::postbox::content::{Content, Head};
use nutzerkonto::postbox::provide::{self, Attempt, Notice, Provided};

use super::browser::{Answer, Browser};
use super::world::World;

pub const SUBJECT: &str = "Bescheid über Wohngeld";
pub const TEXT: &str = "Wir bewilligen Ihnen 214 Euro im Monat.\n\nSie bekommen das Geld ab Dezember.";

/// A decision to somebody that counts four days after it was provided, and can be objected to for a month.
pub fn decision(recipient: Party) -> Notice {
    Notice {
        recipient,
        kind: Kind::Decision,
        level: Level::Basic,
        legal_basis: LegalBasis::Ozg9,
        land: Land::Rp,
        remedy: Some(Remedy::Objection),
        due_on: None,
        head: Head {
            sender: ["Stadt Musterhausen – Wohngeld".to_owned(), "City of Musterhausen – housing benefit".to_owned()],
            subject: SUBJECT.to_owned(),
            reference: Some("50-12/4711".to_owned()),
        },
        content: Content {
            what: "Ihr Antrag auf Wohngeld ist bewilligt.".to_owned(),
            to_do: "Sie müssen nichts tun.".to_owned(),
            by_when: "Widerspruch ist einen Monat lang möglich.".to_owned(),
            text: TEXT.to_owned(),
            reply: None,
        },
        attachments: Vec::new(),
    }
}

/// For information only.
pub fn information(recipient: Party, subject: &str) -> Notice {
    let mut notice = decision(recipient);
    (notice.kind, notice.legal_basis, notice.remedy) = (Kind::Information, LegalBasis::None, None);
    notice.head.subject = subject.to_owned();
    notice
}

impl World {
    /// The service provides a notice; its id, when it is known what has become of the mail about it.
    pub async fn provides(&self, client: &str, notice: &Notice) -> String {
        let client = Registry::load(&self.app.db, self.app.now()).await.unwrap().get(client).unwrap();
        let key = self.app.random.token().expose().clone();
        let attempt = Attempt { idempotency_key: &key, body: key.as_bytes(), request: "test" };
        match provide::provide(&self.app, &client, notice, attempt).await.unwrap() {
            Provided::New(message) => {
                self.is_notified(message.id.as_str()).await;
                message.id.to_string()
            }
            _ => panic!("a fresh key has come before"),
        }
    }

    async fn is_notified(&self, id: &str) {
        let query = format!("SELECT kind FROM postbox_event WHERE message_id = '{id}' AND kind LIKE 'notif%'");
        for _ in 0..200 {
            if !self.texts(&query).await.is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("nobody was told of {id}, and nobody learned of that");
    }

    /// The postbox of whoever has this address.
    pub async fn person(&self, email: &str) -> Party {
        Party::Person(self.account(email).await)
    }

    /// One column of a notice as text; empty if there is nothing in it.
    pub async fn of_notice(&self, id: &str, column: &str) -> String {
        let query = format!("SELECT COALESCE(CAST({column} AS TEXT), '') FROM postbox_message WHERE id = '{id}'");
        self.texts(&query).await.remove(0)
    }

    /// What the authority has been told of a notice, in the order of the alphabet: what happens in one millisecond has no other. What becomes
    /// of mails, and what comes by day, is left out: it comes when it comes.
    pub async fn told(&self, id: &str) -> Vec<String> {
        self.texts(&format!(
            "SELECT kind FROM postbox_event WHERE message_id = '{id}' AND kind NOT LIKE 'notif%'
                AND kind NOT IN ('announced', 'lapsed') ORDER BY kind"
        ))
        .await
    }

    /// What it has been told of a notice because a day has come.
    pub async fn told_by_day(&self, id: &str) -> Vec<String> {
        self.texts(&format!(
            "SELECT kind FROM postbox_event WHERE message_id = '{id}' AND kind IN ('announced', 'lapsed') ORDER BY kind"
        ))
        .await
    }

    /// How often that stands in the audit trail.
    pub async fn recorded(&self, kind: &str) -> usize {
        self.texts(&format!("SELECT id FROM audit_event WHERE kind = '{kind}'")).await.len()
    }

    /// Whether nothing is left of what it says.
    pub async fn is_empty(&self, id: &str) -> bool {
        let query = format!(
            "SELECT id FROM postbox_message WHERE id = '{id}' AND content_key IS NULL AND head IS NULL AND content IS NULL"
        );
        self.texts(&query).await.len() == 1
    }

    /// Puts a notice into an area of the organisation, as its rules do.
    pub async fn routes(&self, id: &str, area: &str) {
        self.change(&format!("UPDATE postbox_message SET area_id = '{area}' WHERE id = '{id}'")).await;
    }
}

/// The postbox of an organisation.
pub fn organisation(id: &OrganisationId) -> Party {
    Party::Organisation(id.clone())
}

impl Browser {
    /// Does something with a notice by the form on its page.
    pub async fn does_with(&mut self, id: &str, act: &str) -> Answer {
        self.get(&format!("/postfach/{id}")).await;
        self.post(&format!("/postfach/{id}/{act}"), &[]).await
    }
}
