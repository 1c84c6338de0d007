import { findH2spec, isSkipped, pathOf, titleWith } from '@llm-d/test-kit';
import { describe, expect, test } from 'vitest';
import { certificate } from './conformance.testing.ts';
import { runH2spec } from './h2spec.testing.ts';
import { createGrpcServer, Status } from './index.ts';

const h2spec = await findH2spec();

describe.skipIf(isSkipped(h2spec))(titleWith('h2spec', h2spec), { timeout: 180_000 }, () => {
  test.each([
    ['plaintext', false],
    ['TLS', true],
  ])('finds nothing wrong over %s', async (_, tls) => {
    const server = createGrpcServer();
    server.handle('/t/Hold', (stream) => ({
      onHalfClose: () => {
        stream.end(Status.ok);
      },
    }));
    const listen = { host: '127.0.0.1', port: 0, ...(tls ? { tls: certificate('first') } : {}) };
    const { port } = await server.listen(listen);
    const report = await runH2spec(pathOf(h2spec), { port, tls });
    await server.close();
    expect(report.slice(Math.max(0, report.indexOf('Failures:')))).toMatch(
      /\d{3} tests, \d{3} passed, 0 skipped, 0 failed/,
    );
  });
});
