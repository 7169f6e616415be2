//! Files that authorities send with their notices.

use nutzerkonto::client::registry::Registry;
use nutzerkonto::organisation::acting::Party;
use nutzerkonto::postbox::attachment::enclose::Enclosed;
use nutzerkonto::postbox::attachment::upload::{self, Sent, Uploaded};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::authority::{Authority, decision};
use super::browser::{Answer, Browser};
use super::objects::pieces;
use super::world::World;

pub const NAME: &str = "Bescheid über Wohngeld.pdf";
pub const FILES: &str = "/api/postbox/v1/attachments";

/// A small file in the form of a PDF, that long at least.
pub fn pdf(length: usize) -> Vec<u8> {
    let (head, end) = (
        b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
        b"\ntrailer << /Root 1 0 R >>\n%%EOF\n",
    );
    let filling = length.saturating_sub(head.len() + end.len());
    let lines: Vec<u8> = b"% Wohngeld\n".iter().copied().cycle().take(filling).collect();
    [head.as_slice(), &lines, end].concat()
}

impl Authority {
    /// Sends a file for somebody, to a node.
    pub async fn sends_at(&self, at: &Browser, token: &str, (subject, name): (&str, &str), file: Vec<u8>) -> Answer {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("subject", subject)
            .append_pair("name", name)
            .finish();
        let mut anybody = at.without_cookies();
        let request = anybody.request(Method::POST, &format!("{FILES}?{query}"));
        anybody.send(request.header("authorization", format!("Bearer {token}")).body(file)).await
    }

    pub async fn sends(&self, world: &World, to: (&str, &str), file: Vec<u8>) -> Answer {
        self.sends_at(&world.browser(), &self.token(world).await, to, file).await
    }

    /// Sends a file that is taken; its id.
    pub async fn has_sent(&self, world: &World, subject: &str) -> String {
        let answer = self.sends(world, (subject, NAME), pdf(1000)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }
}

impl World {
    /// The service sends a file for somebody; as a notice names it.
    pub async fn sends(&self, client: &str, recipient: &Party, (name, file): (&str, Vec<u8>)) -> Enclosed {
        let client = Registry::load(&self.app.db, self.app.now()).await.unwrap().get(client).unwrap();
        let sent = Sent { recipient, name, request: "test" };
        match upload::upload(&self.app, &client, sent, pieces(&file, 50_000)).await.unwrap() {
            Uploaded::Kept(attachment, _) => Enclosed { id: attachment.id, seal: None },
            _ => panic!("{name} is not taken"),
        }
    }
}

/// A decision that comes with these files.
pub fn enclosing(subject: &str, ids: &[&str]) -> Value {
    let mut notice = decision(subject);
    notice["attachments"] = ids.iter().map(|id| json!({ "id": id })).collect();
    notice
}

impl Browser {
    /// Fetches something that is no text.
    pub async fn fetches(&self, path: &str) -> (u16, HeaderMap, Vec<u8>) {
        let answer = self.request(Method::GET, path).send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        (status, headers, answer.bytes().await.unwrap().to_vec())
    }
}
