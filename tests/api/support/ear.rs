//! The server of a service that wants to be told of logouts.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::service::Service;

/// The service's own server: remembers what is sent to it, and answers as it was told, or with 200.
pub struct Ear {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Ear {
    pub async fn open(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                // A connection on which nothing comes keeps none of the others waiting.
                tokio::spawn(hear(stream, Arc::clone(&kept), answers));
            }
        });
        Self { port, heard }
    }

    pub fn declaration(&self, service: &Service) -> String {
        service.declaration(&format!("backchannel_logout_uri = \"http://localhost:{}/ende\"", self.port))
    }

    /// What has been sent once there is so much, and a moment longer.
    pub async fn heard(&self, count: usize) -> Vec<String> {
        for _ in 0..400 {
            if self.heard.lock().unwrap().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(400)).await;
        let heard = self.heard.lock().unwrap().clone();
        assert_eq!(heard.len(), count, "{heard:?}");
        heard
    }
}

async fn hear(mut stream: TcpStream, kept: Arc<Mutex<Vec<String>>>, answers: &[&str]) {
    let mut text = String::new();
    let mut buffer = [0; 8192];
    while !is_whole(&text) {
        match stream.read(&mut buffer).await {
            Ok(length) if length > 0 => text += &String::from_utf8_lossy(&buffer[..length]),
            _ => return,
        }
    }
    let number = {
        let mut kept = kept.lock().unwrap();
        kept.push(text);
        kept.len() - 1
    };
    let answer = answers.get(number).copied().unwrap_or("200 OK");
    let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.unwrap();
}

fn is_whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}
