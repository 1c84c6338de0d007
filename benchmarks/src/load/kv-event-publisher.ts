// SPDX-License-Identifier: Apache-2.0
import { startEngineSocket } from '@llm-d/kv-events/testing';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { storedPayload } from '../benchmarks/kv-event-stream.ts';

/**
 * An engine that has nothing to do but publish. Its arguments are how many batches it publishes before anybody listens
 * (`history`) or as soon as somebody does (`live`), and the shape of their events. Writes its addresses as a line of JSON,
 * and publishes with the first line it reads.
 */
const [mode, ...numbers] = process.argv.slice(2);
const [batches = 0, blocksPerEvent = 0, eventsPerBatch = 0, blockSizeTokens = 0] =
  numbers.map(Number);

const engine = await startEngineSocket({ bufferSteps: batches });
const shape = { blocksPerEvent, eventsPerBatch, blockSizeTokens };
const payloads = Array.from({ length: batches }, (_, number) => storedPayload(number, shape));
if (mode === 'history') {
  engine.faults.drop = () => true;
  for (const payload of payloads) await engine.publish(payload);
}
const { endpoint, replayEndpoint } = engine;
process.stdout.write(`${JSON.stringify({ endpoint, replayEndpoint })}\n`);

const lines = createInterface({ input: process.stdin });
await once(lines, 'line');
const closed = once(lines, 'close');
await engine.subscribed;
if (mode === 'live') for (const payload of payloads) await engine.publish(payload);
await closed;
engine.stop();
