// SPDX-License-Identifier: Apache-2.0
// The certificate library finds its parts through this.
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  type JsonGeneralNames,
} from '@peculiar/x509';
import { randomBytes, webcrypto } from 'node:crypto';

/** A key and its certificate, both PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Issues certificates that nobody outside a test trusts. Elliptic curves, because RSA keys take seconds. */
export interface CertificateAuthority {
  readonly cert: string;
  readonly key: string;
  /** A server of these names, which may be addresses. */
  issueServer(names: {
    readonly dns: readonly string[];
    readonly ip: readonly string[];
  }): Promise<Identity>;
  /** A client as Kubernetes reads one: the user is the common name, groups are organisations. */
  issueClient(user: string, groups?: readonly string[]): Promise<Identity>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const notBefore = new Date('2020-01-01');
const notAfter = new Date('2120-01-01');

/** A new certificate authority. */
export async function createCertificateAuthority(): Promise<CertificateAuthority> {
  const keys = await generateKeys();
  const name = [{ CN: ['test-ca'] }];
  const root = await X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    notBefore,
    notAfter,
    serialNumber: serialNumber(),
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const issue = async (request: Request): Promise<Identity> => {
    const own = await generateKeys();
    const certificate = await X509CertificateGenerator.create({
      subject: request.subject,
      issuer: name,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      notBefore,
      notAfter,
      serialNumber: serialNumber(),
      signingAlgorithm: algorithm,
      extensions: [
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([request.usage]),
        await AuthorityKeyIdentifierExtension.create(keys.publicKey),
        ...(request.names === undefined
          ? []
          : [new SubjectAlternativeNameExtension(request.names)]),
      ],
    });
    return { cert: certificate.toString('pem'), key: await pemOf(own.privateKey) };
  };
  return {
    cert: root.toString('pem'),
    key: await pemOf(keys.privateKey),
    issueServer: ({ dns, ip }) =>
      issue({
        subject: [{ CN: [dns[0] ?? ip[0] ?? ''] }],
        usage: ExtendedKeyUsage.serverAuth,
        names: [
          ...dns.map((value) => ({ type: 'dns' as const, value })),
          ...ip.map((value) => ({ type: 'ip' as const, value })),
        ],
      }),
    issueClient: (user, groups = []) =>
      issue({
        subject: [...groups.map((group) => ({ O: [group] })), { CN: [user] }],
        usage: ExtendedKeyUsage.clientAuth,
      }),
  };
}

interface Request {
  readonly subject: Record<string, string[]>[];
  readonly usage: ExtendedKeyUsage;
  readonly names?: JsonGeneralNames;
}

const generateKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

const serialNumber = (): string => `01${randomBytes(8).toString('hex')}`;

const pemOf = async (key: webcrypto.CryptoKey): Promise<string> =>
  PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
