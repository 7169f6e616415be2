// A municipal service that lets people sign in with the account: a relying party as small as it can be.

import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";

const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const random = () => randomBytes(32).toString("base64url");

const ALL = 'claims = [{ names = ["name", "given_name", "family_name", "birthdate", "email"] }]';
const CHOICE = `{ names = ["given_name", "family_name"], purpose = { de = "Für die Anrede", en = "To address you" } },
  { names = ["email"], optional = true }`;
const LAWFUL = '{ names = ["birthdate"], legal_basis = { de = "§ 3 Abs. 1 BMG", en = "section 3(1) BMG" } }';

export class Service {
  #server;
  #secret;
  #own = new Map();

  /** Listens before its clients are declared, because they name its address. */
  async open() {
    this.#server = createServer((request, response) => {
      if (request.url === "/bild.png") return response.end(Buffer.from(PICTURE, "base64"));
      const isPage = request.url !== "/favicon.ico";
      response.writeHead(isPage ? 200 : 204, { "content-type": "text/html; charset=utf-8" });
      return response.end(isPage ? '<!DOCTYPE html><html lang="de"><title>Dienst</title><h1>Dienst</h1></html>' : undefined);
    });
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.origin = `http://localhost:${this.#server.address().port}`;
  }

  close() {
    this.#server.closeAllConnections?.();
    this.#server.close();
  }

  /** Clients: one that everybody may use, one that wants more than this account can give, two to which a law gives data. */
  clients({ secret, hash }) {
    this.#secret = secret;
    const client = (id, de, en, rest) => `[[client]]
id = "${id}"
name = { de = "${de}", en = "${en}" }
operator = { de = "Stadt Musterhausen", en = "City of Musterhausen" }
purpose = { de = "Ihren Antrag bearbeiten", en = "To process your application" }
privacy_uri = "${this.origin}/datenschutz"
redirect_uris = ["${this.origin}/rueckkehr"]
post_logout_redirect_uris = ["${this.origin}/abgemeldet"]
scopes = ["openid", "profile", "email"]
${rest}
[client.authentication]
method = "client_secret_basic"
secret_sha256 = "${hash}"
`;
    return [
      client("bewohnerparken", "Bewohnerparken", "Resident parking", ALL),
      client("wohngeld", "Wohngeld", "Housing benefit", `${ALL}\n` + 'level = "substantial"\nlevel_reason = { de = "Wohngeld wird nach Ihrem Einkommen berechnet", en = "Housing benefit depends on your income" }'),
      client("meldeamt", "Meldeamt", "Registration office", `claims = [${CHOICE}, ${LAWFUL}]`),
      client("automat", "Fahrkarten", "Tickets", `${ALL}\ndevice = true`),
      client("statistik", "Statistik", "Statistics", `claims = [${LAWFUL.replace("]", ', "email"]')}]`),
    ].join("\n");
  }

  /** A request to sign somebody in, with everything that must come back. */
  request(issuer, client = "bewohnerparken") {
    const [state, nonce, verifier] = [random(), random(), random()];
    const query = new URLSearchParams({
      client_id: client,
      redirect_uri: `${this.origin}/rueckkehr`,
      response_type: "code",
      scope: "openid profile email",
      state,
      nonce,
      code_challenge: createHash("sha256").update(verifier).digest("base64url"),
      code_challenge_method: "S256",
    });
    return { client, issuer, state, nonce, verifier, url: `${issuer}/oauth2/authorize?${query}` };
  }

  /** Registers itself as a farm shop that nobody has checked; its id. */
  async register(issuer, token) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const body = JSON.stringify({
      redirect_uris: [`${this.origin}/rueckkehr`],
      "client_name#de": "Hofladen",
      "client_name#en": "Farm shop",
      policy_uri: `${this.origin}/datenschutz`,
      tos_uri: `${this.origin}/bedingungen`,
      logo_uri: `${this.origin}/bild.png`,
    });
    const told = await answer(`${issuer}/oauth2/register`, { method: "POST", headers, body });
    this.#own.set(told.client_id, told.client_secret);
    return told.client_id;
  }

  /** What a ticket machine gets that wants to sign somebody in: its own code, and the one that it shows. */
  async device(issuer, more = {}) {
    const body = new URLSearchParams({ scope: "openid profile email", ...more });
    const headers = this.#headers("automat");
    return answer(`${issuer}/oauth2/device_authorization`, { method: "POST", headers, body });
  }

  /** What the machine is told when it asks: the error, or nothing and the claims of the person. */
  async polls(issuer, device) {
    const grant = "urn:ietf:params:oauth:grant-type:device_code";
    const body = new URLSearchParams({ grant_type: grant, device_code: device.device_code });
    const headers = this.#headers("automat");
    const told = await (await fetch(`${issuer}/oauth2/token`, { method: "POST", headers, body })).json();
    return { error: told.error, claims: told.id_token && claimsOf(told.id_token) };
  }

  #headers(client) {
    const secret = this.#own.get(client) ?? this.#secret;
    return { authorization: `Basic ${Buffer.from(`${client}:${secret}`).toString("base64")}` };
  }

  /** The address that asks for the person to be signed out everywhere. */
  logoutUrl(issuer) {
    const query = new URLSearchParams({
      client_id: "bewohnerparken",
      post_logout_redirect_uri: `${this.origin}/abgemeldet`,
      state: "bis-bald",
    });
    return `${issuer}/oauth2/logout?${query}`;
  }

  /** Redeems a code and reads who it is about. */
  async redeem(request, code) {
    const tokens = await answer(`${request.issuer}/oauth2/token`, {
      method: "POST",
      headers: this.#headers(request.client),
      body: new URLSearchParams({
        grant_type: "authorization_code",
        code,
        redirect_uri: `${this.origin}/rueckkehr`,
        code_verifier: request.verifier,
      }),
    });
    const claims = claimsOf(tokens.id_token);
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    return { claims, person: await answer(`${request.issuer}/oauth2/userinfo`, { headers }) };
  }
}

function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString("utf8"));
}

async function answer(url, options) {
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}
