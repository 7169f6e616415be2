// A node with both listeners: one for everybody, and one that asks for client certificates.

import { issue } from './certificates.mjs';
import { somePort } from './program.mjs';

/** Its sections. `web` vouches for the node, `services` for its clients. */
export function bothListeners(web, services, sections) {
  const server = issue(web, 'localhost');
  return ({ port }) => {
    const mtlsPort = somePort();
    return {
      ...sections,
      issuer: `https://localhost:${port}`,
      server: {
        tls_certificate_file: server.certificateFile,
        tls_key_file: server.keyFile,
        mtls_listen: `127.0.0.1:${mtlsPort}`,
        mtls_issuer: `https://localhost:${mtlsPort}`,
        client_certificate_authority_file: services.certificateFile,
      },
    };
  };
}
