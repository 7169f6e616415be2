// Signs somebody in with openid-client. Run: npm install && node service.js, then open http://localhost:3000/

import { createServer } from 'node:http';
import * as oidc from 'openid-client';

const issuer = process.env.ISSUER ?? 'http://localhost:8080';
const address = 'http://localhost:3000';
const secret = process.env.CLIENT_SECRET ?? 'nur-zum-ausprobieren';

const provider = await oidc.discovery(new URL(issuer), 'hundesteuer', undefined, oidc.ClientSecretBasic(secret), {
  execute: issuer.startsWith('http://localhost') ? [oidc.allowInsecureRequests] : [],
});

// What must fit when the browser comes back, by `state`. A service keeps it in its session.
const leaving = new Map();

async function signIn(response) {
  const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
  leaving.set(state, { nonce, verifier });
  const url = oidc.buildAuthorizationUrl(provider, {
    redirect_uri: `${address}/rueckkehr`,
    scope: 'openid profile email',
    state,
    nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
  response.writeHead(303, { location: url.href, 'set-cookie': `state=${state}; HttpOnly; SameSite=Lax` }).end();
}

async function comeBack(url, request, response) {
  const state = request.headers.cookie?.match(/\bstate=([^;]+)/)?.[1];
  const { nonce, verifier } = leaving.get(state) ?? {};
  leaving.delete(state);
  // Checks state and iss, redeems the code, checks the ID token.
  const tokens = await oidc.authorizationCodeGrant(provider, url, {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: verifier,
  });
  const claims = tokens.claims();
  const person = await oidc.fetchUserInfo(provider, tokens.access_token, claims.sub);
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(JSON.stringify({ claims, person }, undefined, 2));
}

createServer(async (request, response) => {
  const url = new URL(request.url, address);
  try {
    if (url.pathname === '/') await signIn(response);
    else if (url.pathname === '/rueckkehr') await comeBack(url, request, response);
    else response.writeHead(404).end();
  } catch (error) {
    // Of an error answer `error` is the code that docs/integrate.md explains.
    response.writeHead(400, { 'content-type': 'text/plain' }).end(`${error.error ?? error.message}`);
  }
}).listen(3000, '127.0.0.1');
