// Passkeys: asks the browser for a key, and sends what comes of it with an ordinary form. Without this file every page says
// what else one can do.
"use strict";

(() => {
  const form = document.getElementById("passkey-formular");
  const trigger = document.getElementById("passkey");
  if (!form || !trigger) return;
  if (!window.PublicKeyCredential || !navigator.credentials) {
    const note = document.getElementById("passkey-unmoeglich");
    if (note) note.hidden = false;
    return;
  }

  const RENEW_MILLISECONDS = 4 * 60 * 1000; // a challenge is good for five minutes
  const FIELDS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];

  // Binary members are base64url in JSON (Web Authentication Level 3, section 5.1.9).
  const decode = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const encode = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

  function read(json) {
    const options = { ...json, challenge: decode(json.challenge) };
    if (json.user) options.user = { ...json.user, id: decode(json.user.id) };
    for (const list of ["allowCredentials", "excludeCredentials"]) {
      options[list] = (json[list] || []).map((one) => ({ ...one, id: decode(one.id) }));
    }
    return options;
  }

  function write({ id, rawId, type, response }) {
    const answer = {};
    for (const name of FIELDS) if (response[name]) answer[name] = encode(response[name]);
    return JSON.stringify({ id, rawId: encode(rawId), type, response: answer });
  }

  function send(aufgabe, antwort, fehler) {
    Object.entries({ aufgabe, antwort, fehler }).forEach(([name, value]) => (form.elements[name].value = value));
    form.submit();
  }

  async function signIn(more) {
    const reply = await fetch(form.dataset.optionen);
    if (!reply.ok) throw new Error("no challenge");
    const { aufgabe, publicKey } = await reply.json();
    const key = await navigator.credentials.get({ publicKey: read(publicKey), ...more });
    send(aufgabe, write(key), "");
  }

  async function register() {
    const key = await navigator.credentials.create({ publicKey: read(JSON.parse(form.dataset.schluessel)) });
    send(form.elements.aufgabe.value, write(key), "");
  }

  let offered; // what the field for the address offers, until the button is pressed
  let isBusy = false;

  async function act(event) {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    if (offered) offered.abort();
    try {
      await (form.dataset.schluessel ? register() : signIn());
    } catch (error) {
      send("", "", error.name);
    }
  }

  async function offer() {
    const field = document.querySelector('[autocomplete~="webauthn"]');
    const ask = PublicKeyCredential.isConditionalMediationAvailable;
    if (!field || !ask || !(await ask.call(PublicKeyCredential)) || isBusy) return;
    const mine = (offered = new AbortController());
    const renewal = setTimeout(() => {
      mine.abort();
      offer();
    }, RENEW_MILLISECONDS);
    mine.signal.addEventListener("abort", () => clearTimeout(renewal));
    try {
      await signIn({ mediation: "conditional", signal: mine.signal });
    } catch {
      // Nobody has chosen one: the page stays as it is.
    }
  }

  window.addEventListener("pageshow", () => (isBusy = false));
  trigger.hidden = false;
  if (form.dataset.schluessel) form.addEventListener("submit", act);
  else trigger.addEventListener("click", act);
  offer();
})();
