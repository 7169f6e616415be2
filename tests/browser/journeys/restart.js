// The program is stopped and started again, as for every update.

import { hasAccount } from "./registration.js";

export async function nothingIsLost(arrives, { provider }) {
  const renate = await arrives("renate");
  await hasAccount(renate);
  await renate.opens("/profil");

  const emre = await arrives("emre");
  await emre.opens("/registrieren/email");
  await emre.types("#email", emre.email);
  await emre.presses("#weiter");
  await emre.sees("register: code");
  const { code } = await emre.receivesMail();

  await renate.waitsForEverything();
  await emre.waitsForEverything();
  await provider.restart();

  await renate.reloads();
  await renate.sees("profile");
  await renate.reads(renate.email);

  await emre.types("#code", code);
  await emre.presses("#weiter");
  await emre.sees("register: name");
  await emre.types("#given_names", emre.given);
  await emre.types("#family_name", emre.family);
  await emre.types("#birth_day", "3");
  await emre.types("#birth_month", "11");
  await emre.types("#birth_year", "1992");

  await emre.waitsForEverything();
  await provider.restart();

  await emre.presses("#weiter");
  await emre.sees("register: password");
}
