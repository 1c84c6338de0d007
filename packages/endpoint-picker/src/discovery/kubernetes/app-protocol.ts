// SPDX-License-Identifier: Apache-2.0
import type { AppProtocol } from './endpoint-pool.ts';

const HTTP: readonly AppProtocol[] = ['http', 'kubernetes.io/h2c'];
const GRPC: readonly AppProtocol[] = ['kubernetes.io/h2c'];

/** What each type of parser understands pools to speak, as in llm-d. Types that are not listed take what they get. */
const PROTOCOLS: Readonly<Record<string, readonly string[]>> = {
  'openai-parser': HTTP,
  'anthropic-parser': HTTP,
  'vllmhttp-parser': HTTP,
  'sglanghttp-parser': HTTP,
  'vllmgrpc-parser': GRPC,
  'vertexai-parser': GRPC,
};

/** Whether one of the parsers, given by their types, fits a pool that speaks `appProtocol`. */
export const parsersSpeak = (parsers: readonly string[], appProtocol: string): boolean =>
  parsers.length === 0 || parsers.some((type) => PROTOCOLS[type]?.includes(appProtocol) ?? true);
