// SPDX-License-Identifier: Apache-2.0
import { getCiphers } from 'node:tls';
import { FlagError } from '../flags/go-flags.ts';

/** What a TLS handshake must agree on. */
export interface TlsPolicy {
  /** Lowest version that is accepted. Default 1.2. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** Cipher suites in OpenSSL's notation. Default Node's. */
  readonly ciphers?: string | undefined;
}

const VERSIONS: Readonly<Record<string, NonNullable<TlsPolicy['minVersion']>>> = {
  '1.2': 'TLSv1.2',
  '1.3': 'TLSv1.3',
};

/**
 * Reads `--tls-min-version` (`1.2`, `TLSv1.2` or Go's `VersionTLS12`) and `--tls-cipher-suites` (names of IANA, as Go has
 * them, or of OpenSSL). Empty texts leave the defaults. Throws {@link FlagError}.
 */
export function parseTlsPolicy(minVersion: string, cipherSuites: string): TlsPolicy {
  const policy: { minVersion?: TlsPolicy['minVersion']; ciphers?: string } = {};
  if (minVersion !== '') {
    const digits = /^(?:VersionTLS|TLSv)?(1)\.?([23])$/.exec(minVersion);
    const version = VERSIONS[`${digits?.[1] ?? ''}.${digits?.[2] ?? ''}`];
    if (version === undefined) {
      throw new FlagError(
        `invalid argument "${minVersion}" for --tls-min-version: expected 1.2 or 1.3`,
      );
    }
    policy.minVersion = version;
  }
  if (cipherSuites !== '') policy.ciphers = cipherSuites.split(',').map(openSslName).join(':');
  return policy;
}

function openSslName(suite: string): string {
  const known = getCiphers();
  const name = suite.trim();
  const translated = name
    .replace(/^TLS_(?=.*_WITH_)/, '')
    .replace('_WITH_', '_')
    .replaceAll(/(AES)_(\d+)/g, '$1$2')
    .replace(/(POLY1305)_SHA256$/, '$1')
    .replaceAll('_', '-');
  const found = [name, translated].find((candidate) => known.includes(candidate.toLowerCase()));
  if (found === undefined) {
    throw new FlagError(`invalid argument "${name}" for --tls-cipher-suites: no such suite`);
  }
  return found;
}
