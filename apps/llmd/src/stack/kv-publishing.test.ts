import { expect, test } from 'vitest';
import { publishingAgain, publishingArguments } from './kv-publishing.ts';

const said = (args: readonly string[]) =>
  JSON.parse(args[args.indexOf('--kv-events-config') + 1] ?? '') as unknown;

test('an engine publishes on loopback, first at ports of the system’s choice, then at the same ones', () => {
  const args = ['--port', '0', ...publishingArguments('engine-1', 'sim-model'), '--seed', '1'];
  const config = { enable_kv_cache_events: true, topic: 'kv@engine-1@sim-model' };
  expect(said(args)).toEqual({
    ...config,
    endpoint: 'tcp://[::ffff:127.0.0.1]:0',
    replay_endpoint: 'tcp://[::ffff:127.0.0.1]:0',
  });
  const again = publishingAgain(args, { events: 7001, replays: 7002 });
  expect(said(again)).toEqual({
    ...config,
    endpoint: 'tcp://[::ffff:127.0.0.1]:7001',
    replay_endpoint: 'tcp://[::ffff:127.0.0.1]:7002',
  });
  expect(again.filter((arg) => !arg.startsWith('{'))).toEqual(
    args.filter((arg) => !arg.startsWith('{')),
  );
});

test('an engine that publishes nothing goes on so', () => {
  expect(publishingAgain(['--port', '1'], undefined)).toEqual(['--port', '1']);
  expect(publishingAgain(['--port', '1'], { events: 1, replays: 2 })).toEqual(['--port', '1']);
});
