//! A virus scanner that speaks as ClamAV's daemon does (clamd(8), INSTREAM) and knows one virus.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The file that every scanner takes for a virus, in two pieces, so that none does here.
pub fn eicar() -> String {
    ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD", "-ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

/// How it behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Working,
    /// Takes everything and never says a word.
    Silent,
    /// Hangs up after the first piece.
    Leaving,
    /// Takes no file that is longer than ten bytes.
    Small,
}

pub struct Clamd {
    /// As it stands in the settings.
    pub place: String,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Clamd {
    pub async fn open(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = format!("tcp:{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let kept = Arc::clone(&kept);
                tokio::spawn(async move {
                    // Whoever hangs up has nothing more to say.
                    drop(serve(stream, mood, &kept).await);
                });
            }
        });
        Self { place, seen }
    }

    /// The whole files that it has been shown.
    pub fn seen(&self) -> Vec<Vec<u8>> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, mood: Mood, seen: &Mutex<Vec<Vec<u8>>>) -> std::io::Result<()> {
    let mut command = [0; 10];
    stream.read_exact(&mut command).await?;
    assert_eq!(&command, b"zINSTREAM\0");
    let mut file = Vec::new();
    loop {
        let length = stream.read_u32().await?;
        if length == 0 {
            break;
        }
        let mut piece = vec![0; length as usize];
        stream.read_exact(&mut piece).await?;
        file.extend_from_slice(&piece);
        if mood == Mood::Leaving {
            return Ok(());
        }
    }
    let has_virus = file.windows(68).any(|part| part == eicar().as_bytes());
    let is_long = file.len() > 10;
    seen.lock().unwrap().push(file);
    let answer = match mood {
        Mood::Silent => {
            tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
            return Ok(());
        }
        Mood::Small if is_long => "INSTREAM size limit exceeded. ERROR\0",
        _ if has_virus => "stream: Win.Test.EICAR_HDB-1 FOUND\0",
        _ => "stream: OK\0",
    };
    stream.write_all(answer.as_bytes()).await
}
