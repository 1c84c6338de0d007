import { expect, test } from 'vitest';
import { withEnvironment } from './environment.ts';
import { createCommand, optionsFromFlags } from './flags.ts';

const options = (args: string[], environment: Record<string, string>) =>
  withEnvironment(optionsFromFlags(createCommand('1').parse(args, { from: 'user' })), environment);
const events = ['--kv-events-config', '{"enable_kv_cache_events":true}'];

test('an empty environment changes nothing', () => {
  expect(options(events, {})).toMatchObject({
    ...{ podName: 'inference-sim', podNamespace: 'default', podIp: undefined, devMode: false },
    engine: { hashSeed: '' },
    kvEvents: { encoding: { hashes: 'int' } },
  });
});

test('says where the pod is and how hashes are made and written', () => {
  const environment = {
    ...{ POD_NAME: 'p', POD_NAMESPACE: 'n', POD_IP: '10.0.0.1' },
    ...{ PYTHONHASHSEED: '42', VLLM_SERVER_DEV_MODE: '1' },
    VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES: '0',
  };
  expect(options(events, environment)).toMatchObject({
    ...{ podName: 'p', podNamespace: 'n', podIp: '10.0.0.1', devMode: true },
    engine: { hashSeed: '42' },
    kvEvents: { encoding: { hashes: 'bytes' } },
  });
});

test('a flag goes before its variable', () => {
  expect(options(['--hash-seed', '7'], { PYTHONHASHSEED: '42' }).engine.hashSeed).toBe('7');
  expect(options(['--server-dev-mode'], { VLLM_SERVER_DEV_MODE: '0' }).devMode).toBe(true);
  expect(options([], { POD_IP: '' }).podIp).toBeUndefined();
});
