//! A phone with a code app, or a device that shows codes: it knows a secret and the time.

use nutzerkonto::kernel::one_time_code;
use nutzerkonto::kernel::secret::Secret;
use nutzerkonto::signin::code_device;

use super::browser::{Answer, Browser, PASSWORD};
use super::world::World;

/// One time step passes.
pub const STEP: std::time::Duration = std::time::Duration::from_secs(30);

pub struct Phone(Secret<Vec<u8>>);

impl Phone {
    pub fn new(key: &str) -> Self {
        Self(one_time_code::decode(key).unwrap())
    }

    /// What it shows.
    pub fn code(&self, world: &World) -> String {
        self.code_at(world, 0)
    }

    /// What it showed or will show some steps away.
    pub fn code_at(&self, world: &World, steps: i64) -> String {
        one_time_code::code(&self.0, one_time_code::step_at(world.app.now()) + steps).expose().clone()
    }

    /// A code that it shows neither now nor soon.
    pub fn wrong_code(&self, world: &World) -> String {
        let near: Vec<String> = (-3..=3).map(|steps| self.code_at(world, steps)).collect();
        let wrong = (0..10).map(|digit| digit.to_string().repeat(6));
        wrong.into_iter().find(|wrong| !near.contains(wrong)).unwrap()
    }
}

impl Browser {
    /// Begins to set up a code app; the phone that has scanned the page.
    pub async fn scans(&mut self) -> Phone {
        self.get("/sicherheit/app/neu").await;
        let answer = self.post("/sicherheit/app/neu", &[("current", PASSWORD), ("name", "Mein Handy")]).await;
        assert_eq!((answer.status, answer.location()), (303, "/sicherheit/app/verbinden"), "{answer:?}");
        let page = self.get("/sicherheit/app/verbinden").await;
        Phone::new(page.body.split_once("id=\"schluessel\">").unwrap().1.split('<').next().unwrap())
    }

    /// Sets up a code app. Its first code is used up; a step passes, so that the next one is good.
    pub async fn sets_up_a_code_app(&mut self, world: &World) -> Phone {
        let phone = self.scans().await;
        let answer = self.post("/sicherheit/app/verbinden", &[("code", &phone.code(world))]).await;
        assert_eq!((answer.status, answer.location()), (303, "/sicherheit/app?erledigt=angelegt"), "{answer:?}");
        world.pass(STEP);
        phone
    }

    /// Registers a device that the operator has handed out.
    pub async fn registers_a_device(&mut self, world: &World, serial: &str) -> Phone {
        let key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        code_device::import(&world.app, "k.muster", &format!("{serial};{key}")).await.unwrap();
        let device = Phone::new(key);
        self.get("/sicherheit/app/geraet").await;
        let form = [("serial", serial), ("code", &device.code(world)), ("current", PASSWORD)];
        let answer = self.post("/sicherheit/app/geraet", &form).await;
        assert_eq!((answer.status, answer.location()), (303, "/sicherheit/app?erledigt=angelegt"), "{answer:?}");
        world.pass(STEP);
        device
    }

    /// Gives the right password where a code is wanted.
    pub async fn gives_the_password(&mut self, email: &str) {
        let answer = self.sign_in(email, PASSWORD).await;
        assert_eq!((answer.status, answer.location()), (303, "/anmelden/code"), "{answer:?}");
        assert!(!self.is_signed_in());
        self.get("/anmelden/code").await;
    }

    /// Types a code on the page that asks for it.
    pub async fn types_code(&mut self, code: &str) -> Answer {
        let answer = self.post("/anmelden/code", &[("code", code)]).await;
        if answer.status == 303 {
            // The forms of the new session.
            self.get("/profil").await;
        }
        answer
    }

    pub async fn signs_in_with_a_code(&mut self, world: &World, email: &str, phone: &Phone) {
        self.gives_the_password(email).await;
        let answer = self.types_code(&phone.code(world)).await;
        assert_eq!((answer.status, answer.location()), (303, "/konto"), "{answer:?}");
        world.pass(STEP);
    }

    /// Ten new recovery codes.
    pub async fn renews_recovery_codes(&mut self) -> Vec<String> {
        self.get("/sicherheit/codes").await;
        let page = self.post("/sicherheit/codes", &[("current", PASSWORD)]).await;
        let list = page.body.split_once("<ol class=\"nk-codes\"").unwrap().1.split("</ol>").next().unwrap();
        list.split("<li>").skip(1).map(|item| item.split('<').next().unwrap().to_owned()).collect()
    }
}
