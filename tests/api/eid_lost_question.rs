//! A question to the eID-Server gets lost on the way: it is asked once more, and only once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::both;
use crate::eid::says;
use crate::support::Reader;
use crate::support::surface::EMAIL;

/// Somebody between us and the eID-Server who cuts every connection there is, and so many of those that come.
#[derive(Clone)]
struct Cutter {
    left: Arc<AtomicU32>,
    cut: watch::Sender<()>,
}

impl Cutter {
    /// Leads on to this port; the port where it listens.
    fn listen(&self, port: u16) -> u16 {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let own = listener.local_addr().unwrap().port();
        let (listener, cutter) = (TcpListener::from_std(listener).unwrap(), self.clone());
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                if cutter.left.load(Ordering::SeqCst) > 0 {
                    cutter.left.fetch_sub(1, Ordering::SeqCst);
                    continue;
                }
                let mut cut = cutter.cut.subscribe();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        own
    }

    fn cut(&self, more: u32) {
        self.left.store(more, Ordering::SeqCst);
        self.cut.send_replace(());
    }
}

both!(one_lost_question_is_asked_once_more, async |mut world| {
    let cutter = Cutter { left: Arc::default(), cut: watch::Sender::new(()) };
    let reader = Reader::start_behind(&mut world, |port| cutter.listen(port)).await;
    let mut renate = world.browser();
    renate.register(&world, EMAIL, ["Renate", "Muster"]).await;
    let address = Reader::begin(&mut renate, "").await;
    let back = reader.choose(&address, "card:renate").await;
    cutter.cut(2);
    says(&renate.get(&back).await, "Der Ausweisdienst antwortet nicht");
    assert_eq!(cutter.left.load(Ordering::SeqCst), 0);
    let address = Reader::begin(&mut renate, "").await;
    let back = reader.choose(&address, "card:renate").await;
    cutter.cut(1);
    let read = renate.get(&back).await;
    assert_eq!(cutter.left.load(Ordering::SeqCst), 0);
    assert_eq!(read.location(), "/ausweis/pruefen", "{}", read.body);
});
