//! A page needs one connection. Whoever asked for a second with one in hand would wait for others who do, too, and all of them for nothing.

use std::time::Duration;

use crate::both;
use crate::support::machine::declaration;
use crate::support::organisation::NADINE;
use crate::support::postbox::decision;
use crate::support::surface::{NOTICE, urls};
use crate::support::{Service, safe};

const KURT: &str = "kurt@example.org";

both!(no_page_asks_for_a_second_connection, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    world.browser().register(&world, KURT, ["Kurt", "Koch"]).await;
    let kurt = world.joins(&firm, KURT, &["read_mail:"]).await;
    let area = firm.adds_area(&mut nadine, "Bau").await;
    world.clients(&(declaration("") + &Service::new("parken").declaration(""))).await;
    let program = firm.gives_key(&mut nadine).await;
    let notice = world.provides("parken", &decision(world.person(NADINE).await)).await;
    let document = nadine.keeps("Familie", "Urkunde.pdf").await;
    // All of those for reading are taken, but one.
    let mut taken = Vec::new();
    while let Ok(Ok(tx)) = tokio::time::timeout(Duration::from_millis(300), world.app.read()).await {
        taken.push(tx);
    }
    assert!(taken.len() > 1, "{}", taken.len());
    taken.pop();
    for url in urls().into_iter().filter(|url| url.method == "GET") {
        let path = firm.fill(&url.path, &kurt, &area).replace("{key}", program.id());
        let path = path.replace(NOTICE, &notice).replace(safe::DOCUMENT, &document);
        let answer = nadine.clone().get(&path).await;
        assert_ne!(answer.status, 503, "{path}");
    }
});
