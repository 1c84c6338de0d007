// SPDX-License-Identifier: Apache-2.0
import { defaultOptions, type InferenceSimOptions } from './options.ts';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Options of the command line together with what the environment says; a flag goes before its variable. */
export function withEnvironment(
  options: Omit<InferenceSimOptions, 'podName' | 'podNamespace' | 'podIp'>,
  environment: Environment,
): InferenceSimOptions {
  const { engine, kvEvents } = options;
  const hashes = environment['VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES'] === '0' ? 'bytes' : 'int';
  const hashSeed = engine.hashSeed === '' ? environment['PYTHONHASHSEED'] : engine.hashSeed;
  return {
    ...options,
    engine: { ...engine, hashSeed: hashSeed ?? '' },
    kvEvents: kvEvents && { ...kvEvents, encoding: { ...kvEvents.encoding, hashes } },
    podName: environment['POD_NAME'] ?? defaultOptions.podName,
    podNamespace: environment['POD_NAMESPACE'] ?? defaultOptions.podNamespace,
    podIp: environment['POD_IP'] === '' ? undefined : environment['POD_IP'],
    devMode: options.devMode || environment['VLLM_SERVER_DEV_MODE'] === '1',
  };
}
