// SPDX-License-Identifier: Apache-2.0
import { stringify } from 'yaml';
import type { Identity } from './certificates.ts';

/** The text of a kubeconfig with one cluster and one user, everything inline. */
export function renderKubeconfig(options: {
  readonly url: string;
  readonly ca: string;
  readonly identity: Identity;
}): string {
  const { url, ca, identity } = options;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'test', cluster: { server: url, 'certificate-authority-data': base64(ca) } },
    ],
    users: [
      {
        name: 'test',
        user: {
          'client-certificate-data': base64(identity.cert),
          'client-key-data': base64(identity.key),
        },
      },
    ],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
