//! Invitations: by mail, to one address, once, for fourteen days.

use nutzerkonto::kernel::level::Level;
use nutzerkonto::kernel::time::days;

use crate::both;
use crate::support::browser::{Answer, PASSWORD};
use crate::support::organisation::{Firm, NADINE};
use crate::support::{Browser, World};

const KURT: &str = "kurt@example.org";

/// Invites an address with a right, by the pages; the answer of the last.
async fn invites(browser: &mut Browser, firm: &Firm, email: &str, rights: &[&'static str]) -> Answer {
    let page = firm.path("mitglieder/einladen");
    browser.get(&page).await;
    let mut form = vec![("aktion", "pruefen"), ("email", email)];
    form.extend(rights.iter().map(|right| ("recht", *right)));
    let check = browser.post(&page, &form).await;
    assert!(check.status == 200 && check.body.contains("Prüfen Sie die Einladung"), "{check:?}");
    form[0].1 = "senden";
    browser.post(&page, &form).await
}

/// Invites Kurt; the path of the link in his mail.
async fn invited(world: &World, browser: &mut Browser, firm: &Firm, rights: &[&'static str]) -> String {
    let sent = invites(browser, firm, KURT, rights).await;
    assert_eq!(sent.location(), firm.path("einladungen?erledigt=gesendet"), "{sent:?}");
    world.invitation_to(KURT).await
}

async fn kurt(world: &World) -> Browser {
    let mut kurt = world.browser();
    kurt.register(world, KURT, ["Kurt", "Koch"]).await;
    kurt
}

async fn answers(browser: &mut Browser, link: &str, word: &str) -> Answer {
    browser.get(link).await;
    browser.post(link, &[("aktion", word)]).await
}

both!(kurt_is_invited_registers_and_joins, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let link = invited(&world, &mut nadine, &firm, &["administration:", "read_mail:"]).await;
    let list = nadine.get(&firm.path("einladungen")).await.body;
    assert!(
        list.contains(KURT) && list.contains("Von Nadine Weber") && !list.contains(&link),
        "the link is in the mail only"
    );
    // He has no account yet: signing in or registering leads back to the invitation.
    let mut browser = world.browser();
    let first = browser.get(&link).await;
    assert_eq!(first.location(), format!("/anmelden?ziel={link}"));
    let page = browser.get(first.location()).await.body;
    assert!(page.contains(&format!("/registrieren?ziel={link}")), "{page}");
    browser.register(&world, KURT, ["Kurt", "Koch"]).await;
    let done = browser.get(&format!("/registrieren/fertig?ziel={link}")).await;
    assert!(done.body.contains(&format!("href=\"{link}\"")), "{done:?}");
    let page = browser.get(&link).await;
    for words in ["Bäckerei Weber lädt Sie ein", "Nadine Weber", "Post lesen: Allgemein", "id=\"wartet\""] {
        assert!(page.body.contains(words), "{words}: {page:?}");
    }
    let joined = browser.post(&link, &[("aktion", "annehmen")]).await;
    assert_eq!(joined.location(), firm.path("mitgliedschaft?neu=1"), "{joined:?}");
    let own = browser.get(joined.location()).await.body;
    assert!(own.contains("Sie gehören jetzt zu Bäckerei Weber") && own.contains("wird wirksam, sobald"), "{own}");
    world.mail_about(NADINE, "angenommen").await;
    assert!(nadine.get(&firm.path("mitglieder")).await.body.contains("Kurt Koch"));
    assert!(!nadine.get(&firm.path("einladungen")).await.body.contains(KURT));
    // Once.
    assert_eq!(answers(&mut browser, &link, "annehmen").await.status, 410);
    assert_eq!(world.rows("membership").await, 2);
});

both!(kurt_declines, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let mut browser = kurt(&world).await;
    let link = invited(&world, &mut nadine, &firm, &["audit:"]).await;
    assert_eq!(answers(&mut browser, &link, "vielleicht").await.status, 422);
    assert_eq!(answers(&mut browser, &link, "ablehnen").await.location(), "/konto");
    assert_eq!(browser.get(&link).await.status, 410);
    assert_eq!(world.rows("membership").await, 1);
    assert!(nadine.get(&firm.path("protokoll")).await.body.contains("Einladung abgelehnt"));
});

both!(nadine_takes_one_back_and_sends_another, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let mut browser = kurt(&world).await;
    let first = invited(&world, &mut nadine, &firm, &["audit:"]).await;
    let id = nadine.get(&firm.path("einladungen")).await.hidden("einladung");
    let again = nadine.post(&firm.path("einladungen"), &[("aktion", "erneut"), ("einladung", &id)]).await;
    assert_eq!(again.status, 303, "{again:?}");
    let second = world.invitation_to(KURT).await;
    assert_ne!(first, second);
    assert_eq!((browser.get(&first).await.status, browser.get(&second).await.status), (410, 200));
    let id = nadine.get(&firm.path("einladungen")).await.hidden("einladung");
    let form = [("aktion", "zurueckziehen"), ("einladung", id.as_str())];
    assert_eq!(nadine.post(&firm.path("einladungen"), &form).await.status, 303);
    assert_eq!(browser.get(&second).await.status, 410);
    assert_eq!(firm.sends(&mut nadine, "einladungen", &form).await.status, 409, "once");
});

// What a stranger sees is one and the same, whatever the reason: unknown, expired, answered, withdrawn, or somebody else's.
both!(sec_t04_an_invitation_opens_nothing_to_others, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let mut browser = kurt(&world).await;
    let mut mallory = world.browser();
    mallory.register(&world, "mallory@example.org", ["Mallory", "Muster"]).await;
    let link = invited(&world, &mut nadine, &firm, &["audit:"]).await;
    let plain = |page: Answer| {
        let (_, main) = page.body.split_once("<main").unwrap();
        (page.status, main.split("</main>").next().unwrap().to_owned())
    };
    let unknown = plain(mallory.get(&format!("/einladung/{}", "A".repeat(43))).await);
    assert_eq!(unknown.0, 410);
    assert_eq!(plain(mallory.get(&link).await), unknown, "somebody else's");
    mallory.get("/profil").await;
    assert_eq!(plain(mallory.post(&link, &[("aktion", "annehmen")]).await), unknown);
    assert_eq!(plain(mallory.post(&link, &[("aktion", "ablehnen")]).await), unknown, "nor is it used up");
    for changed in [format!("{link}A"), link[..link.len() - 1].to_owned(), "/einladung/x".to_owned()] {
        assert_eq!(plain(mallory.get(&changed).await), unknown, "{changed}");
    }
    assert_eq!(browser.get(&link).await.status, 200);
    // To the end of the fourteenth day in Germany, and not a moment longer.
    let left = days(14) + std::time::Duration::from_secs(13 * 3600 + 58 * 60) - std::time::Duration::from_millis(1);
    world.pass(left);
    browser.sign_in(KURT, PASSWORD).await;
    assert_eq!(browser.get(&link).await.status, 200, "the last moment");
    world.pass(std::time::Duration::from_millis(1));
    assert_eq!(browser.get(&link).await.status, 410);
    assert_eq!(answers(&mut browser, &link, "annehmen").await.status, 410);
    assert_eq!(world.rows("membership").await, 1);
});

// Neither who invites nor who is invited changes what it is for; the code stands in the mail and nowhere else.
both!(sec_t03_an_invitation_is_for_what_it_says, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let mut browser = kurt(&world).await;
    let link = invited(&world, &mut nadine, &firm, &["audit:"]).await;
    let code = link.rsplit('/').next().unwrap();
    let dump = format!("{:?}", world.dump().await);
    assert!(!dump.contains(code) && !dump.contains(KURT), "neither the code nor the address is written down");
    let other = world.firm(NADINE, "Konditorei Weber").await;
    browser.get(&link).await;
    let form = [
        ("aktion", "annehmen"),
        ("recht", "representation:"),
        ("rights", "representation"),
        ("organisation", other.id.as_str()),
        ("email", "mallory@example.org"),
        ("bis_jahr", "2099"),
    ];
    assert_eq!(browser.post(&link, &form).await.location(), firm.path("mitgliedschaft?neu=1"));
    let mine = world.texts("SELECT kind FROM membership_right WHERE kind = 'audit'").await;
    assert_eq!((mine.len(), world.rows("membership_right").await), (1, 5), "what the invitation says");
    assert_eq!(browser.get(&other.path("mitgliedschaft")).await.status, 404);
});

both!(an_invitation_is_accepted_once_on_two_nodes, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let browser = kurt(&world).await;
    let node = world.second_node().await;
    let link = invited(&world, &mut nadine, &firm, &["audit:"]).await;
    let mut browser = browser;
    browser.get(&link).await;
    let tries = (0..8).map(|number| {
        let mut one = if number % 2 == 0 { browser.clone() } else { browser.at(node.running.address) };
        let link = link.clone();
        async move { one.post(&link, &[("aktion", "annehmen")]).await }
    });
    let answers = futures_util::future::join_all(tries).await;
    let joined = answers.iter().filter(|answer| answer.location() == firm.path("mitgliedschaft?neu=1")).count();
    assert_eq!(joined, 1, "{answers:?}");
    assert_eq!(world.rows("membership").await, 2);
    node.running.abort().await;
});

// What counts is what the sender may give at the moment of accepting.
both!(an_invitation_gives_what_its_sender_may_still_give, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let (mut anna, _) = world.somebody("anna@example.org", ["Anna", "Beck"], Level::Substantial).await;
    let member = world.joins(&firm, "anna@example.org", &["administration:"]).await;
    let mut browser = kurt(&world).await;
    // Who administrates without representing invites nobody to represent.
    let page = firm.path("mitglieder/einladen");
    let offered = anna.get(&page).await.body;
    assert!(!offered.contains("representation:") && offered.contains("administration:"));
    let form = [("aktion", "senden"), ("email", KURT), ("recht", "representation:")];
    assert_eq!(anna.post(&page, &form).await.status, 403);
    let link = invited(&world, &mut anna, &firm, &["audit:"]).await;
    assert_eq!(browser.get(&link).await.status, 200);
    let take = [("aktion", "entziehen"), ("recht", "administration:")];
    assert_eq!(firm.sends(&mut nadine, &format!("mitglieder/{member}"), &take).await.status, 303);
    assert_eq!(answers(&mut browser, &link, "annehmen").await.status, 410);
    assert_eq!(world.rows("membership").await, 2);
    assert!(nadine.get(&firm.path("protokoll")).await.body.contains("Einladung ohne Wirkung"));
    // Given back, it does not come back.
    let id = nutzerkonto::kernel::id::MembershipId::parse(&member).unwrap();
    world.gives(&firm, &id, &["administration:"]).await;
    assert_eq!(answers(&mut browser, &link, "annehmen").await.status, 410);
});

both!(who_belongs_to_it_already_gets_nothing_more, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let mut browser = kurt(&world).await;
    let member = world.joins(&firm, KURT, &["audit:"]).await;
    let link = invited(&world, &mut nadine, &firm, &["administration:"]).await;
    let page = browser.get(&link).await;
    assert!(page.body.contains("id=\"schon\"") && !page.body.contains("id=\"annehmen\""), "{page:?}");
    assert_eq!(browser.post(&link, &[("aktion", "annehmen")]).await.location(), link);
    assert_eq!(world.rights_of(&member).await, ["audit:"]);
});

both!(a_blocked_organisation_takes_nobody_in, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    let mut browser = kurt(&world).await;
    let link = invited(&world, &mut nadine, &firm, &["audit:"]).await;
    world.change("UPDATE organisation SET state = 'blocked'").await;
    assert_eq!(browser.get(&link).await.status, 410);
    browser.get("/profil").await;
    assert_eq!(browser.post(&link, &[("aktion", "annehmen")]).await.status, 410);
    world.change("UPDATE organisation SET state = 'active'").await;
    assert_eq!(answers(&mut browser, &link, "annehmen").await.status, 303);
});

both!(invitations_have_limits, async |mut world| {
    world.restart(|config| config.limits.mails_per_network = 10_000).await;
    let (mut nadine, firm) = world.bakery().await;
    let page = firm.path("mitglieder/einladen");
    nadine.get(&page).await;
    let mut invite = async |number: usize| {
        let email = format!("person-{number}@example.org");
        nadine.post(&page, &[("aktion", "senden"), ("email", &email), ("recht", "audit:")]).await
    };
    for number in 0..50 {
        assert_eq!(invite(number).await.status, 303, "{number}");
    }
    let refused = invite(50).await;
    assert!(refused.status == 422 && refused.body.contains("50 Einladungen"), "{refused:?}");
    // As many from others: the organisation has its own limit.
    let sender = "UPDATE invitation SET invited_at = 1 WHERE state = 'open'";
    for round in 1..4 {
        world.change(sender).await;
        for number in 0..50 {
            assert_eq!(invite(round * 50 + number).await.status, 303);
        }
    }
    world.change(sender).await;
    let refused = invite(300).await;
    assert!(refused.status == 422 && refused.body.contains("200 Einladungen"), "{refused:?}");
});

// Nobody is bombed with mails by inviting them again and again; the page says the same.
both!(sec_s14_an_address_gets_few_invitations, async |mut world| {
    world.restart(|config| config.limits.mails_per_hour = 3).await;
    let (mut nadine, firm) = world.bakery().await;
    for _ in 0..6 {
        let sent = invites(&mut nadine, &firm, "opfer@example.org", &["audit:"]).await;
        assert_eq!(sent.location(), firm.path("einladungen?erledigt=gesendet"));
    }
    world.settle().await;
    let mails = world.mails.lock().unwrap().iter().filter(|mail| mail.to == "opfer@example.org").count();
    assert_eq!(mails, 3);
});
