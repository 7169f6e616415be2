//! What people read who register without a password, lose their only passkey and come back, or go to a desk; see `pages`.

use crate::pages::Album;
use crate::recovery;
use crate::support::World;
use crate::support::passkey::Key;

/// Registers with a passkey and comes back without it.
pub async fn has_no_password(world: &World, language: &'static str, album: &mut Album) {
    const EMAIL: &str = "mai@example.org";
    let (mut nadine, mut phone) = (world.browser(), Key::new(world));
    nadine.language = language;
    nadine.registers_up_to_the_choice(world, EMAIL).await;
    album.page("register: passkey", &nadine.get("/registrieren/passkey").await);
    album.page("register: passkey, refused", &nadine.post("/registrieren/passkey", &[]).await);
    nadine.makes_first_key("/registrieren/passkey", &mut phone).await;
    album.page("register: codes, with a passkey", &nadine.get("/registrieren/wiederherstellung").await);
    let codes = nadine.keeps_codes().await;
    album.page("register: check, with a passkey", &nadine.get("/registrieren/pruefen").await);
    let opened = nadine.signs_for_the_account(&mut phone).await;
    album.page("register: done, with one passkey", &nadine.follow(opened).await);
    world.mail_to(EMAIL).await;
    let mut back = nadine.without_cookies();
    back.get("/wieder-anmelden/email").await;
    back.post("/wieder-anmelden/email", &[("email", EMAIL)]).await;
    let mail = world.mail_to(EMAIL).await;
    album.mail(&mail);
    let code = mail.body.split(|letter: char| !letter.is_ascii_digit()).find(|part| part.len() == 6).unwrap();
    back.post("/wieder-anmelden/code", &[("code", code)]).await;
    album.page("new means: prove", &back.get("/wieder-anmelden/nachweis").await);
    album.page("new means: prove, wrong", &back.post("/wieder-anmelden/nachweis", &[("code", "x")]).await);
    back.post("/wieder-anmelden/warten", &[]).await;
    album.page("new means: waits", &back.get("/wieder-anmelden/nachweis").await);
    album.0 += &recovery::without_link(&world.mail_to(EMAIL).await);
    back.post("/wieder-anmelden/nachweis", &[("code", &codes[0])]).await;
    album.mail(&world.mail_to(EMAIL).await);
    album.page("new means: choose", &back.get("/wieder-anmelden/passwort").await);
    album.page("new means: passkey", &back.get("/wieder-anmelden/passkey").await);
    back.makes_first_key("/wieder-anmelden/passkey", &mut phone).await;
    album.page("new means: try", &back.get("/wieder-anmelden/probieren").await);
    let challenge = back.challenge().await;
    let signed = phone.sign(&challenge.options);
    album.page("new means: done", &back.send_signed("/wieder-anmelden/probieren", &challenge, &signed).await);
    album.mail(&world.mail_about(EMAIL, if language == "de" { "Neuer Zugang" } else { "New way" }).await);
}

/// Somebody who comes in on no other way.
pub async fn goes_to_a_desk(world: &World, language: &'static str, album: &mut Album) {
    let mut lost = world.browser();
    lost.language = language;
    album.page("a slip for the desk", &lost.get("/wieder-anmelden/amt").await);
    lost.post("/wieder-anmelden/amt", &[("email", "niemand@example.org")]).await;
    let slip = lost.get("/wieder-anmelden/amt/vorgang").await;
    let code = slip.code();
    album.page("the slip", &slip);
    album.0 = album.0.replace(&code, "K7QM4-D2XWV");
    album.page("the code from the desk", &lost.get("/wieder-anmelden/amt/freigabe").await);
}
