//! Whoever belongs to hundreds of organisations, and organisations with thousands of members: a page, a choice and a token cost what
//! they cost with one, in statements, in what is read and in what is opened. What must not be read is spoilt here: an answer that
//! touched it would be an error.

use nutzerkonto::app::AppParts;
use nutzerkonto::organisation;
use nutzerkonto::store::work::Actor;

use crate::acting_tokens::BOTH;
use crate::both;
use crate::support::acting::{SCOPE, WAHL};
use crate::support::browser::Answer;
use crate::support::mandate::{ALL, MANDATES};
use crate::support::organisation::{Firm, NADINE, bakery, club};
use crate::support::{Browser, Service, World};

const EMRE: &str = "emre@example.org";
const MANY: usize = 500;

/// So many associations of somebody, in one transaction.
async fn founds(world: &World, founder: &str, count: usize) {
    let (app, account): (&AppParts, _) = (&world.app, world.account(founder).await);
    let mut work = app.begin(Actor::System("test")).await.unwrap();
    for number in 0..count {
        let whose = (&account, "Nadine Weber");
        organisation::open_new(&mut work, &app.vault, &club(&format!("Verein {number:03}")), whose).await.unwrap();
    }
    work.commit().await.unwrap();
    world.later();
}

fn memberships(page: &Answer) -> Vec<String> {
    let (mark, body) = ("name=\"wahl\" type=\"radio\" value=\"", &page.body);
    let values = body.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
    values.filter(|value| value.starts_with("mem_")).collect()
}

fn next(page: &Answer, id: &str) -> String {
    let (_, rest) =
        page.body.split_once(&format!("id=\"{id}\" href=\"")).unwrap_or_else(|| panic!("no {id}: {page:?}"));
    rest.split('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&")
}

/// Everything that is not on the page cannot be opened any more, and the rights there cannot be read.
async fn spoil(world: &World, shown: &[String]) {
    let shown = shown.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
    let others = format!("SELECT organisation_id FROM membership WHERE id NOT IN ({shown})");
    world.change(&format!("UPDATE organisation SET key_wrapped = record WHERE id IN ({others})")).await;
    world
        .change(&format!(
            "INSERT INTO membership_right (membership_id, organisation_id, kind, object, valid_from, granted_by, granted_at)
             SELECT id, organisation_id, 'no_right', '', 1, 'x', 1 FROM membership WHERE id NOT IN ({shown})"
        ))
        .await;
}

async fn counts(world: &World, who: &mut Browser, service: &Service, membership: &str) -> [u64; 4] {
    let page = world
        .statements_of(async || {
            assert_eq!(who.get(WAHL).await.status, 200);
        })
        .await;
    let mut is_self = false;
    let chooses = world
        .statements_of(async || {
            is_self = !is_self;
            let choice = if is_self { "ich" } else { membership };
            assert_eq!(who.post(WAHL, &[("wahl", choice)]).await.location(), "/konto");
        })
        .await;
    who.acts_for(membership).await;
    service.tokens_of(world, who, &[SCOPE]).await;
    let tokens = world
        .statements_of(async || {
            let code = service.acting_code(who, &[SCOPE]).await;
            assert_eq!(service.redeem(world, &code).await.status, 200);
        })
        .await;
    // Asked anew for whom: whether there is a choice is looked up.
    let asked = world
        .statements_of(async || {
            let answer = who.get(&service.request(&[SCOPE, ("prompt", "select_account")])).await;
            assert_eq!(answer.status, 303, "{answer:?}");
        })
        .await;
    [page, chooses, tokens, asked]
}

both!(one_of_five_hundred_costs_what_one_of_one_costs, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.serving(&BOTH, "")).await;
    let mut emre = world.representative(EMRE, ["Emre", "Kaya"]).await;
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    founds(&world, EMRE, 1).await;
    founds(&world, NADINE, MANY).await;
    let one = memberships(&emre.get(WAHL).await);
    let page = nadine.get(WAHL).await;
    let shown = memberships(&page);
    assert_eq!((one.len(), shown.len()), (1, 10), "{page:?}");
    assert!(page.body.contains("Zuerst stehen hier die Organisationen, die Sie zuletzt gewählt haben"));
    assert!(page.body.len() < 30_000, "{}", page.body.len());
    // The one behind them may be read, to know that there is more.
    let account = world.account(NADINE).await;
    let read = format!("SELECT id FROM membership WHERE account_id = '{account}' ORDER BY id DESC LIMIT 11");
    let read = world.texts(&read).await;
    assert!(shown.iter().all(|id| read.contains(id)));
    spoil(&world, &[one.clone(), read].concat()).await;
    let few = counts(&world, &mut emre, &parken, &one[0]).await;
    let many = counts(&world, &mut nadine, &parken, &shown[7]).await;
    eprintln!("the page, choosing, a code flow, being asked: {few:?} statements in one, {many:?} in {MANY}");
    // The node's own jobs are counted, too, when their time comes.
    assert!(few.iter().zip(many).all(|(few, many)| many <= few + 2), "{few:?} in one, {many:?} in {MANY}");
    // Whoever searches has them all opened.
    assert_eq!(nadine.get(&format!("{WAHL}?suche=499")).await.status, 500);
});

both!(the_list_begins_with_what_was_chosen_last, async |world| {
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    founds(&world, NADINE, 60).await;
    let bakery = world.organisation(NADINE, &bakery("77")).await;
    let bakery_member = world.membership(&bakery, NADINE).await;
    // Every one of them stands on one page.
    let (mut seen, mut page) = (Vec::new(), nadine.get(WAHL).await);
    assert!(page.body.contains("type=\"search\""));
    for _ in 0..6 {
        seen.extend(memberships(&page));
        page = nadine.get(&next(&page, "mehr")).await;
    }
    seen.extend(memberships(&page));
    assert!(!page.body.contains("id=\"mehr\""));
    assert_eq!(seen.len(), 61);
    let last = seen[60].clone();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 61);
    // What she chooses comes first from then on, and before that what she has chosen before.
    nadine.acts_for(&last).await;
    world.later();
    nadine.acts_for(&bakery_member).await;
    world.later();
    nadine.acts_for("ich").await;
    let page = nadine.get(WAHL).await;
    assert_eq!(memberships(&page)[..2], [bakery_member.clone(), last]);
    // By its number, too, from wherever.
    for number in [bakery.as_str(), &bakery_member] {
        let found = nadine.get(&format!("{WAHL}?suche={number}")).await;
        assert_eq!(memberships(&found), [bakery_member.as_str()], "{number}");
    }
    let mut emre = world.representative(EMRE, ["Emre", "Kaya"]).await;
    for number in [bakery.as_str(), &bakery_member] {
        let none = emre.get(&format!("{WAHL}?suche={number}")).await;
        assert!(none.status == 200 && memberships(&none).is_empty() && !none.body.contains("Bäckerei"), "{none:?}");
    }
    // Others' choices are theirs.
    world.admits(&bakery, EMRE, &[("use_service", "parken")]).await;
    let chosen = "SELECT CAST(COUNT(*) AS TEXT) FROM membership WHERE chosen_at > 0";
    assert_eq!(world.texts(chosen).await, ["2"]);
});

// Behind the last organisation, wherever the list is begun; and a link leads there.
both!(mandates_stand_behind_the_organisations, async |world| {
    let (parken, bau) = (Service::new("parken"), Service::new("bau"));
    world.clients(&[parken.serving(&BOTH, MANDATES), bau.serving(&BOTH, "")].concat()).await;
    let mut nadine = world.representative(NADINE, ["Nadine", "Weber"]).await;
    founds(&world, NADINE, 12).await;
    world.representative(EMRE, ["Emre", "Kaya"]).await;
    let (emre, account) = (world.account(EMRE).await, world.account(NADINE).await);
    let none = next(&nadine.get(WAHL).await, "zu-vollmachten");
    let none = nadine.get(&none).await;
    assert!(none.body.contains("id=\"keine-vollmacht\"") && memberships(&none).is_empty(), "{none:?}");
    assert!(none.body.contains("type=\"search\"") && !none.body.contains("id=\"zuletzt\""), "{none:?}");
    let mandate = world.mandate(emre.as_str(), account.as_str(), ALL).await;
    let stands = |page: &Answer| page.body.contains(&format!("value=\"{mandate}\""));
    for begin in [WAHL.to_owned(), parken.request(&[SCOPE])] {
        let first = nadine.visit(&begin).await;
        assert!(memberships(&first).len() == 10 && !stands(&first), "{first:?}");
        let last = nadine.get(&next(&first, "mehr")).await;
        assert!(memberships(&last).len() == 2 && stands(&last), "{last:?}");
        assert!(!last.body.contains("id=\"zu-vollmachten\""), "{last:?}");
        let mandates = nadine.get(&next(&first, "zu-vollmachten")).await;
        assert!(memberships(&mandates).is_empty() && stands(&mandates), "{mandates:?}");
        assert!(!mandates.body.contains("id=\"keine-vollmacht\""), "{mandates:?}");
    }
    let elsewhere = nadine.visit(&bau.request(&[SCOPE])).await;
    assert!(memberships(&elsewhere).len() == 10, "{elsewhere:?}");
    assert!(!elsewhere.body.contains("id=\"zu-vollmachten\""), "{elsewhere:?}");
});

// Only where she may use the service, of however many.
both!(a_service_is_offered_where_the_right_counts, async |world| {
    let parken = Service::new("parken");
    world.clients(&parken.serving(&BOTH, "")).await;
    let (_, bakery) = world.nadine_with_bakery().await;
    founds(&world, NADINE, 30).await;
    let mut emre = world.browser();
    emre.register(&world, EMRE, ["Emre", "Kaya"]).await;
    for id in world.texts(&format!("SELECT id FROM organisation WHERE id <> '{bakery}'")).await {
        let id = nutzerkonto::kernel::id::OrganisationId::parse(&id).unwrap();
        world.admits(&id, EMRE, &[("documents", ""), ("use_service", "bau")]).await;
    }
    let membership = world.admits(&bakery, EMRE, &[("use_service", "parken")]).await;
    let page = emre.visit(&parken.request(&[SCOPE])).await;
    assert_eq!(memberships(&page), [membership.as_str()], "{page:?}");
    assert!(!page.body.contains("id=\"zuletzt\""));
    assert_eq!(memberships(&emre.get(WAHL).await).len(), 10);
    // A right that has ended is none.
    world.change(&format!("UPDATE membership_right SET valid_until = 2 WHERE membership_id = '{membership}'")).await;
    world.later();
    let page = emre.visit(&parken.request(&[SCOPE])).await;
    assert!(page.body.contains("id=\"zustimmen\"") || memberships(&page).is_empty(), "{page:?}");
});

fn members(page: &Answer) -> usize {
    page.body.matches("<th scope=\"row\">").count()
}

both!(ten_thousand_members_cost_what_a_page_of_them_costs, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    world.crowd(&firm, 9_999).await;
    let mut emre = world.representative(EMRE, ["Emre", "Kaya"]).await;
    let small: Firm = world.firm(EMRE, "Kanzlei").await;
    let list = firm.path("mitglieder");
    let page = nadine.get(&list).await;
    assert_eq!(members(&page), 25);
    // Nothing of the others is read.
    let second = next(&page, "weitere");
    let last_shown = second.rsplit('=').next().unwrap().to_owned();
    let many = world.statements_of(async || assert_eq!(members(&nadine.get(&list).await), 25)).await;
    let few = world.statements_of(async || assert_eq!(members(&emre.get(&small.path("mitglieder")).await), 1)).await;
    eprintln!("the list of members: {few} statements with 1, {many} with 10,000");
    assert!(many <= few + 2, "{few} among few, {many} among many");
    let deep =
        format!("SELECT id FROM membership WHERE organisation_id = '{}' ORDER BY id LIMIT 1 OFFSET 9000", firm.id);
    let deep = world.texts(&deep).await.remove(0);
    let far = format!("{list}?nach={deep}");
    let many = world.statements_of(async || assert_eq!(members(&nadine.get(&far).await), 25)).await;
    assert!(many <= few + 2, "nor on page 360: {few} and {many}");
    // A search opens them one after the other, until a page is full.
    let found = nadine.get(&format!("{list}?suche=PERSON+77")).await;
    assert_eq!(members(&found), 25, "{found:?}");
    let rest = nadine.get(&next(&found, "weitere")).await;
    assert!(members(&rest) == 25 && rest.body.contains("value=\"PERSON 77\""), "{rest:?}");
    assert_eq!(members(&nadine.get(&format!("{list}?suche=9998")).await), 1);
    let all = world
        .statements_of(async || {
            assert_eq!(members(&nadine.get(&format!("{list}?suche=niemand")).await), 0);
        })
        .await;
    eprintln!("a search through all 10,000: {all} statements");
    // Jobs ask meanwhile, too.
    assert!(all <= few + 100, "five hundred names at a time: {all}");
    let spoilt = format!(
        "UPDATE membership SET name = (SELECT record FROM organisation WHERE id = '{}') WHERE organisation_id = '{}' AND id > '{last_shown}'",
        firm.id, firm.id
    );
    // The next one may be read, to know that there is more.
    let one_more =
        format!("SELECT MIN(id) FROM membership WHERE organisation_id = '{}' AND id > '{last_shown}'", firm.id);
    let one_more = world.texts(&one_more).await.remove(0);
    world.change(&format!("{spoilt} AND id > '{one_more}'")).await;
    assert_eq!(members(&nadine.get(&list).await), 25);
    assert_eq!(nadine.get(&format!("{list}?suche=9998")).await.status, 500, "a search reads on");
});

both!(a_member_is_found_however_the_name_is_typed, async |world| {
    let (mut nadine, firm) = world.bakery().await;
    for (email, names) in [
        ("jose@example.org", ["José", "Ávila"]),
        ("juergen@example.org", ["Jürgen", "Müßig"]),
        ("zoe@example.org", ["Zoë", "O'Neill"]),
    ] {
        world.browser().register(&world, email, names).await;
        world.joins(&firm, email, &["audit:"]).await;
    }
    let list = firm.path("mitglieder");
    assert!(!nadine.get(&list).await.body.contains("type=\"search\""), "four are few");
    for (typed, name) in [
        ("jose", "José Ávila"),
        ("AVILA", "José Ávila"),
        ("muessig", "Jürgen Müßig"),
        ("m%C3%BC%C3%9Fig+j%C3%BCrgen", "Jürgen Müßig"),
        ("o%27neill", "Zoë"),
        ("oneill", "Zoë"),
    ] {
        let found = nadine.get(&format!("{list}?suche={typed}")).await;
        assert!(members(&found) == 1 && found.body.contains(name.split(' ').next().unwrap()), "{typed}: {found:?}");
    }
    let none = nadine.get(&format!("{list}?suche=%3Cqx%3E")).await;
    assert!(none.body.contains("&#60;qx&#62;") && !none.body.contains("<qx>") && members(&none) == 0, "{none:?}");
    for odd in ["suche=%00", "suche=%27%20OR%201=1", "nach=%00&suche=x", &format!("suche={}", "a".repeat(5000))] {
        assert_eq!(nadine.get(&format!("{list}?{odd}")).await.status, 200, "{odd}");
    }
    // Who may not look does not search either, and nobody searches elsewhere.
    let mut stranger = world.representative(EMRE, ["Emre", "Kaya"]).await;
    assert_eq!(stranger.get(&format!("{list}?suche=jose")).await.status, 404);
    world.joins(&firm, EMRE, &["documents:"]).await;
    assert_eq!(stranger.get(&format!("{list}?suche=jose")).await.status, 403);
    let own = world.firm(EMRE, "Anderswo").await;
    assert_eq!(members(&stranger.get(&format!("{}?suche=jose", own.path("mitglieder"))).await), 0);
});
