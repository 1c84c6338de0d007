import { expect, test } from 'vitest';
import { createPinoLogger } from './pino.ts';

const capture = () => {
  const lines: string[] = [];
  return { lines, destination: { write: (line: string) => lines.push(line) } };
};

test('a line is one JSON object with its level by name, its message and its fields', () => {
  const { lines, destination } = capture();
  createPinoLogger({ name: 'epp', destination })
    .with({ pod: 'a' })
    .info('endpoint added', { port: 8000 });
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'info',
    name: 'epp',
    msg: 'endpoint added',
    pod: 'a',
    port: 8000,
  });
});

test('an error keeps its message and stack', () => {
  const { lines, destination } = capture();
  createPinoLogger({ name: 'epp', destination }).error('scrape failed', {
    error: new Error('refused'),
  });
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    error: { message: 'refused', stack: expect.stringContaining('pino.test') as string },
  });
});

test('levels below the one asked for are not written', () => {
  const { lines, destination } = capture();
  const logger = createPinoLogger({ name: 'epp', level: 'warn', destination });
  logger.info('quiet');
  logger.warn('loud');
  expect(lines).toHaveLength(1);
});
