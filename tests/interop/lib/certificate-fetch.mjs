// `fetch` as a client with a certificate has it. The one of Node.js presents none and trusts the authorities of the web.

import https from 'node:https';

/** Trusts this authority alone, and presents the certificate to whoever asks for one. `seen` has every address called. */
export function certificateFetch(authority, certificate) {
  const call = (address, { method = 'GET', headers, body, signal } = {}) => {
    const url = new URL(address);
    call.seen.push(url);
    const sent = body === undefined || body === null ? undefined : body.toString();
    const options = {
      method,
      host: '127.0.0.1',
      port: url.port,
      path: url.pathname + url.search,
      headers: { ...Object.fromEntries(new Headers(headers)), host: url.host },
      servername: url.hostname,
      agent: false,
      ca: authority.cert,
      cert: certificate?.cert,
      key: certificate?.key,
      signal,
    };
    return new Promise((done, fail) => {
      const request = https.request(options, (response) => {
        const parts = [];
        response.on('data', (part) => parts.push(part));
        response.on('error', fail).on('end', () => done(answered(response, Buffer.concat(parts))));
      });
      request.on('error', fail);
      request.end(sent);
    });
  };
  call.seen = [];
  return call;
}

function answered({ statusCode: status, headers }, body) {
  const all = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
  return new Response([204, 304].includes(status) ? null : body, { status, headers: all });
}
