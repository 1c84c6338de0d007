import { findNatsServer, isSkipped, pathOf, startNatsServer, titleWith } from '@llm-d/test-kit';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeKvBus } from '../testing/kv-bus-conformance.ts';
import { connectNatsKvBus } from './nats-kv-bus.ts';
import { damageNewestSnapshot, freshBus } from './nats-server.testing.ts';

const part = await findNatsServer();

describe.skipIf(isSkipped(part))(titleWith('with a real NATS server', part), () => {
  let server: Awaited<ReturnType<typeof startNatsServer>>;
  beforeAll(async () => {
    server = await startNatsServer({ path: pathOf(part) });
  }, 60_000);
  afterAll(() => server[Symbol.asyncDispose]());

  describeKvBus('the bus on JetStream', async (given = {}) => {
    const options = freshBus(server, given);
    const bus = await connectNatsKvBus(options);
    return {
      bus,
      damageNewestSnapshot: () => damageNewestSnapshot(server, `${options.stream}_SNAPSHOTS`),
      [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose](),
    };
  });
});
