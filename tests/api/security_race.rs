//! What may happen once happens once, however many try at the same instant on two nodes: codes (D02), refresh tokens (F02),
//! request URIs (B04), assertion ids (E05). `NK_RACE_ROUNDS` says how often each race is run; a few are enough to notice
//! what is wrong for everybody, a thousand for what is wrong sometimes.

use tokio::time::Instant;

use crate::both;
use crate::security_assertion::Signer;
use crate::support::browser::Answer;
use crate::support::doors::{OFFLINE, connected, push, reference, refusal, text, tokens};
use crate::support::surface::two_services;
use crate::support::world::Node;
use crate::support::{Browser, Service, World};

const PARALLEL: usize = 64;

fn rounds() -> usize {
    std::env::var("NK_RACE_ROUNDS").map_or(2, |text| text.parse().unwrap())
}

/// Two nodes, and how often each has won.
struct Course {
    node: Node,
    browsers: [Browser; 2],
    won: [usize; 2],
    /// Rounds in which the machine was too busy to answer everybody: they prove only that nobody won twice.
    unanswered: usize,
    began_at: Instant,
}

impl Course {
    async fn open(world: &World, browser: &Browser) -> Self {
        let node = world.second_node().await;
        let browsers = [browser.clone(), browser.at(node.running.address)];
        Self { node, browsers, won: [0, 0], unanswered: 0, began_at: Instant::now() }
    }

    fn is_over(&self) -> bool {
        self.won.iter().sum::<usize>() >= rounds()
    }

    /// Everybody at once, every other one on the other node. The answer of the winner; there is exactly one, and
    /// everybody else has lost.
    async fn run(
        &mut self,
        attempt: impl AsyncFn(Browser) -> Answer,
        is_won: impl Fn(&Answer) -> bool,
        is_lost: impl Fn(&Answer) -> bool,
    ) -> Option<Answer> {
        let attempts = (0..PARALLEL).map(|number| attempt(self.browsers[number % 2].clone()));
        let answers = futures_util::future::join_all(attempts).await;
        let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        let winners: Vec<usize> = (0..PARALLEL).filter(|number| is_won(&answers[*number])).collect();
        assert!(winners.len() <= 1, "{statuses:?}");
        // 408: the server has not even read it in time.
        if statuses.iter().any(|status| *status >= 500 || *status == 408) {
            self.unanswered += 1;
            assert!(self.unanswered <= 3 + rounds() / 10, "{statuses:?}");
            return None;
        }
        assert_eq!(winners.len(), 1, "{statuses:?}");
        let losers = answers.iter().enumerate().filter(|(number, _)| *number != winners[0]);
        for (_, answer) in losers {
            assert!(is_lost(answer), "{answer:?}");
        }
        self.won[winners[0] % 2] += 1;
        answers.into_iter().nth(winners[0])
    }

    async fn close(self, what: &str) {
        let (seconds, [here, there]) = (self.began_at.elapsed().as_secs_f64(), self.won);
        let tries = (here + there) * PARALLEL;
        let (rounds, unanswered) = (here + there, self.unanswered);
        eprintln!(
            "{what}: {rounds} rounds ({unanswered} more unanswered), {tries} tries in {seconds:.1} s; \
             one node won {here}, the other {there}"
        );
        self.node.running.abort().await;
    }
}

fn is_good(answer: &Answer) -> bool {
    answer.status == 200
}

fn is_invalid_grant(answer: &Answer) -> bool {
    refusal(answer) == (400, "invalid_grant".to_owned())
}

both!(sec_d02_a_code_is_redeemed_once_on_two_nodes, async |world| {
    let [parken, _] = two_services(&world).await;
    let mut renate = connected(&world, &[&parken]).await;
    let mut course = Course::open(&world, &world.browser()).await;
    while !course.is_over() {
        let code = parken.code(&mut renate, &[]).await;
        let attempt = async |browser: Browser| parken.redeem_at(&browser, &code, &[]).await;
        let winner = course.run(attempt, is_good, is_invalid_grant).await;
        let Some(winner) = winner else { continue };
        let access = text(&winner.json(), "access_token");
        assert_eq!(parken.userinfo(&world, &access).await.status, 401, "sec_d01: the code came twice");
    }
    course.close("codes").await;
});

both!(sec_f02_a_refresh_token_is_used_once_on_two_nodes, async |world| {
    let app = Service::public("app");
    world.clients(&app.offline_declaration("")).await;
    let mut renate = connected(&world, &[]).await;
    let mut course = Course::open(&world, &world.browser()).await;
    while !course.is_over() {
        let token = text(&tokens(&world, &app, &mut renate, &[OFFLINE]).await, "refresh_token");
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        let attempt = async |browser: Browser| app.ask_at(&browser, "/oauth2/token", &form).await;
        let winner = course.run(attempt, is_good, is_invalid_grant).await;
        let Some(winner) = winner else { continue };
        let successor = text(&winner.json(), "refresh_token");
        assert!(is_invalid_grant(&app.refresh(&world, &successor).await), "who raced took the family down");
    }
    course.close("refresh tokens").await;
});

both!(sec_b04_a_request_uri_is_used_once_on_two_nodes, async |world| {
    let [parken, _] = two_services(&world).await;
    let renate = connected(&world, &[&parken]).await;
    let mut course = Course::open(&world, &renate).await;
    while !course.is_over() {
        let uri = text(&push(&world, &parken, &[]).await.json(), "request_uri");
        let path = reference("parken", &uri);
        let attempt = async |mut browser: Browser| browser.get(&path).await;
        let is_won = |answer: &Answer| answer.parameter("code").is_some();
        let is_page = |answer: &Answer| answer.status == 400 && answer.location().is_empty();
        let winner = course.run(attempt, is_won, is_page).await;
        let Some(winner) = winner else { continue };
        assert_eq!(parken.redeem(&world, &winner.parameter("code").unwrap()).await.status, 200);
    }
    course.close("request URIs").await;
});

both!(sec_e05_an_assertion_id_counts_once_on_two_nodes, async |world| {
    let machine = Signer::new("maschine");
    world.clients(&machine.declaration("own_scopes = [\"postfach.lesen\"]")).await;
    let mut course = Course::open(&world, &world.browser()).await;
    let mut round = 0;
    while !course.is_over() {
        round += 1;
        // Half of them copies of one assertion, half another one with the same id.
        let sign = |seconds: i64| {
            machine.assertion(&world, |claims| {
                claims["jti"] = format!("runde-{round}").into();
                claims["exp"] = (world.app.now().seconds() + seconds).into();
            })
        };
        let assertions = [sign(60), sign(61)];
        let number = std::sync::atomic::AtomicUsize::new(0);
        let attempt = async |mut browser: Browser| {
            let assertion = &assertions[number.fetch_add(1, std::sync::atomic::Ordering::SeqCst) / 2 % 2];
            let form = [
                ("grant_type", "client_credentials"),
                ("client_assertion_type", Signer::TYPE),
                ("client_assertion", assertion.as_str()),
            ];
            browser.post_exactly("/oauth2/token", &form).await
        };
        course.run(attempt, is_good, |answer| refusal(answer) == (401, "invalid_client".to_owned())).await;
    }
    course.close("assertion ids").await;
});
