import { VirtualClock } from '@llm-d/determinism';
import { recordingLogger } from '@llm-d/telemetry/testing';
import { createTempDir } from '@llm-d/test-kit';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { expect, test } from 'vitest';
import { followCertificate } from './certificate-reload.ts';
import {
  CertificateError,
  readCertificate,
  selfSignedCertificate,
  type TlsCertificate,
} from './certificate.ts';

const nowEpochMs = Date.UTC(2026, 0, 1);

test('a self-signed certificate fits its key and is valid for ten years', async () => {
  const { cert, key } = await selfSignedCertificate(nowEpochMs);
  const certificate = new X509Certificate(cert);
  expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.subject).toBe('O=Inference Ext');
  expect(new Date(certificate.validTo).getUTCFullYear()).toBe(2035);
  expect(() => createSecureContext({ cert, key })).not.toThrow();
});

test('a folder has a certificate, or the error names the file that is missing', async () => {
  await using folder = await createTempDir();
  await folder.write('tls.crt', 'C');
  await expect(readCertificate(folder.path)).rejects.toThrow(/tls\.key: ENOENT/);
  await expect(readCertificate(folder.path)).rejects.toBeInstanceOf(CertificateError);
  await folder.write('tls.key', 'K');
  expect(await readCertificate(folder.path)).toEqual({
    cert: Buffer.from('C'),
    key: Buffer.from('K'),
  });
});

test('a changed certificate is taken into use; what is unusable is tried again', async () => {
  const clock = new VirtualClock();
  const logger = recordingLogger();
  const used: string[] = [];
  let current: TlsCertificate = { cert: 'a', key: 'a' };
  const following = followCertificate(
    {
      setCertificate: ({ cert, key }) => {
        if (cert !== key) throw new Error('it does not fit its key');
        used.push(String(cert));
      },
    },
    { read: () => Promise.resolve(current), current, clock, logger, intervalMs: 10 },
  );
  const look = async () => {
    clock.advance(10);
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  await look();
  current = { cert: 'b', key: 'a' };
  await look();
  current = { cert: 'b', key: 'b' };
  await look();
  await look();
  expect(used).toEqual(['b']);
  expect(logger.lines.map(({ level }) => level)).toEqual(['warn', 'info']);
  following.stop();
  current = { cert: 'c', key: 'c' };
  await look();
  expect(used).toEqual(['b']);
});
