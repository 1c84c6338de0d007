import { describe, expect, test } from 'vitest';
import { certificate } from './conformance.testing.ts';
import { findH2spec, runH2spec } from './h2spec.testing.ts';
import { createGrpcServer, Status } from './index.ts';

const h2spec = await findH2spec();
const missing = 'missing' in h2spec ? h2spec.missing : undefined;
const required = process.env['LLMD_REQUIRE_REAL_PARTS'] === '1';
const reason = missing === undefined ? '' : ` (no h2spec: ${missing})`;

describe.skipIf(missing !== undefined && !required)(`h2spec${reason}`, { timeout: 180_000 }, () => {
  test.each([
    ['plaintext', false],
    ['TLS', true],
  ])('finds nothing wrong over %s', async (_, tls) => {
    if ('missing' in h2spec) throw new Error(`h2spec is required: ${h2spec.missing}`);
    const server = createGrpcServer();
    server.handle('/t/Hold', (stream) => ({
      onHalfClose: () => {
        stream.end(Status.ok);
      },
    }));
    const listen = { host: '127.0.0.1', port: 0, ...(tls ? { tls: certificate('first') } : {}) };
    const { port } = await server.listen(listen);
    const report = await runH2spec(h2spec.path, { port, tls });
    await server.close();
    expect(report.slice(Math.max(0, report.indexOf('Failures:')))).toMatch(
      /\d{3} tests, \d{3} passed, 0 skipped, 0 failed/,
    );
  });
});
