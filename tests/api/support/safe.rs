//! Documents as browsers send them to a safe.

use reqwest::Method;

use super::attachment::pdf;
use super::browser::{Answer, Browser};
use super::world::World;

pub const UPLOAD: &str = "/safe/hochladen";
/// A document that nobody has.
pub const DOCUMENT: &str = "doc_00000000000000000000000000";
const MARK: &str = "grenze-4b2a";

/// A form with files as a browser sends it: first its fields.
pub fn body(fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let head = format!("--{MARK}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(head.into_bytes());
    }
    for (name, bytes) in files {
        let head = format!(
            "--{MARK}\r\nContent-Disposition: form-data; name=\"dateien\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend([head.as_bytes(), bytes, b"\r\n"].concat());
    }
    body.extend(format!("--{MARK}--\r\n").into_bytes());
    body
}

/// What says where its parts end.
pub fn content_type() -> String {
    format!("multipart/form-data; boundary={MARK}")
}

/// The ids of the documents that a page names, in its order.
pub fn documents(page: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in page.split("href=\"/safe/").skip(1) {
        let id: String = part.chars().take(30).collect();
        if id.starts_with("doc_") && !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

impl Browser {
    /// Sends files with the anti-forgery value of the last page.
    pub async fn sends_files(&mut self, path: &str, folder: &str, files: &[(&str, &[u8])]) -> Answer {
        let csrf = self.csrf.clone();
        let body = body(&[("csrf", &csrf), ("ordner", folder)], files);
        let request = self.request(Method::POST, path).header("content-type", content_type()).body(body);
        self.send(request).await
    }

    /// Puts a small PDF document into the safe; its id.
    pub async fn keeps(&mut self, folder: &str, name: &str) -> String {
        self.get(UPLOAD).await;
        let answer = self.sends_files(UPLOAD, folder, &[(name, &pdf(1000))]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        documents(&answer.body).remove(0)
    }

    /// Changes a document: name, folder, tags, and the day on which it expires.
    pub async fn files_as(&mut self, id: &str, [name, folder, tags]: [&str; 3], day: [&str; 3]) -> Answer {
        let path = format!("/safe/{id}/aendern");
        self.get(&path).await;
        let day = [("ablauf_tag", day[0]), ("ablauf_monat", day[1]), ("ablauf_jahr", day[2])];
        let filing = [("name", name), ("ordner", folder), ("schlagwoerter", tags)];
        self.post(&path, &[filing, day].concat()).await
    }

    /// The documents on a page of the safe, in its order.
    pub async fn lists(&mut self, query: &str) -> Vec<String> {
        documents(&self.get(&format!("/safe{query}")).await.body)
    }
}

impl World {
    /// How much the safe of an owner holds: bytes and documents, as counted, and as they are.
    pub async fn safe_of(&self, owner: &str) -> [(i64, i64); 2] {
        let number = async |query: &str| self.texts(query).await.first().map_or(0, |text| text.parse().unwrap_or(0));
        let counted = (
            number(&format!("SELECT CAST(bytes AS TEXT) FROM safe WHERE owner = '{owner}'")).await,
            number(&format!("SELECT CAST(documents AS TEXT) FROM safe WHERE owner = '{owner}'")).await,
        );
        let bytes = "SELECT CAST(COALESCE(SUM(bytes), 0) AS TEXT) FROM safe_version";
        let documents = "SELECT CAST(COUNT(*) AS TEXT) FROM safe_document";
        let real = (
            number(&format!("{bytes} WHERE owner = '{owner}'")).await,
            number(&format!("{documents} WHERE owner = '{owner}'")).await,
        );
        [counted, real]
    }
}
