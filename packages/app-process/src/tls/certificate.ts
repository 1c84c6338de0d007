// SPDX-License-Identifier: Apache-2.0
// The certificate library finds its parts through this.
import 'reflect-metadata';
import {
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A certificate with its key, each in PEM. */
export interface TlsCertificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** A certificate that cannot be used. */
export class CertificateError extends Error {
  readonly code = 'CERTIFICATE';
  readonly path: string;
  constructor(path: string, cause: unknown) {
    super(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'CertificateError';
    this.path = path;
  }
}

const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;
/** ECDSA on P-256: every proxy takes it, and it is there at once, while an RSA key takes seconds. */
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A new key with a certificate by itself, for proxies that do not verify whom they speak to. Valid for ten years. */
export async function selfSignedCertificate(nowEpochMs: number): Promise<TlsCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: [{ O: ['Inference Ext'] }],
    keys,
    notBefore: new Date(nowEpochMs),
    notAfter: new Date(nowEpochMs + TEN_YEARS_MS),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: 'localhost' }]),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return { cert: certificate.toString('pem'), key: PemConverter.encode(key, 'PRIVATE KEY') };
}

/** The certificate in a folder: `tls.crt` and `tls.key`. Rejects with {@link CertificateError}. */
export async function readCertificate(folder: string): Promise<TlsCertificate> {
  const read = async (name: string): Promise<Buffer> => {
    const path = join(folder, name);
    try {
      return await readFile(path);
    } catch (error) {
      throw new CertificateError(path, error);
    }
  };
  return { cert: await read('tls.crt'), key: await read('tls.key') };
}
