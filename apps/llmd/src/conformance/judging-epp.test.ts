// The kit and the endpoint picker of this repository, both as people run them.
import { createTempDir, runProgram } from '@llm-d/test-kit';
import { conformanceCases, type ConformanceReport } from '@llm-d/epp-conformance';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const LIMIT_MS = 400_000;

const epp = fileURLToPath(new URL('../../../epp/src/main.ts', import.meta.url));
const command = [
  JSON.stringify(process.execPath),
  '--conditions=@llm-d/source',
  JSON.stringify(epp),
  '--config-file {CONFIG} --grpc-port {GRPC} --grpc-health-port {HEALTH} --metrics-port {METRICS}',
].join(' ');

test('the endpoint picker of this repository conforms', { timeout: LIMIT_MS }, async () => {
  await using folder = await createTempDir();
  const file = join(folder.path, 'report.json');
  const { code, stderr } = await runProgram({
    app: 'llmd',
    args: ['conformance', '--command', command, '--report', file],
    limitMs: LIMIT_MS,
  });
  const report = JSON.parse(await readFile(file, 'utf8')) as ConformanceReport;
  expect(report.cases.map(({ id }) => id)).toEqual(conformanceCases.map(({ id }) => id));
  const wrong = report.cases.filter(
    ({ level, result }) => result === 'skipped' || (level === 'must' && result !== 'pass'),
  );
  expect(wrong).toEqual([]);
  expect({ code, stderr, conforms: report.conforms }).toEqual({
    code: 0,
    stderr: '',
    conforms: true,
  });
});
