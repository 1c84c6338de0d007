import { openRawConnection, readExposition } from '@llm-d/test-kit';
import { connect as connectHttp2 } from 'node:http2';
import { once } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { untilIdle } from './debug-views.ts';
import { TEST_TIMEOUT_MS, chat, post, startStack } from './stack.ts';

const CLIENTS = 10_000;
const AT_A_TIME = 200;

const requestOf = (number: number): string => {
  const body = JSON.stringify(chat(500, { stream: number % 3 !== 0 }));
  return [
    'POST /v1/chat/completions HTTP/1.1',
    ...['host: x', 'content-type: application/json', `content-length: ${body.length}`],
    ...['', body],
  ].join('\r\n');
};

/** Vanishes at a point of its exchange that depends on its number. */
async function vanish(port: number, number: number): Promise<void> {
  using raw = await openRawConnection(port);
  const request = requestOf(number);
  switch (number % 6) {
    case 0:
      return;
    case 1:
      raw.write(request.slice(0, (number * 31) % request.length));
      return;
    case 2:
      raw.write(request);
      return;
    case 3:
      raw.write(request);
      await new Promise((resolve) => setTimeout(resolve, number % 40));
      return;
    default:
      raw.write(requestOf(1));
      await raw.received(number % 6 === 4 ? /\r\n\r\n/ : /data: .*data: .*data: /s);
  }
}

describe('clients that vanish', { timeout: TEST_TIMEOUT_MS }, () => {
  test('leave nothing behind, 10,000 of them at every point of an exchange', async () => {
    await using stack = await startStack({ engineArgs: ['--max-waiting-queue-length', '100000'] });
    for (let first = 0; first < CLIENTS; first += AT_A_TIME) {
      await Promise.all(Array.from({ length: AT_A_TIME }, (_, i) => vanish(stack.port, first + i)));
    }
    await untilIdle(stack);
    const metrics = await readExposition(stack.url);
    expect(
      metrics.sum('llm_d_epp_request_error_total', { error_code: 'ClientDisconnect' }),
    ).toBeGreaterThan(CLIENTS / 2);
    const after = await post(`${stack.url}/v1/chat/completions`, chat(2));
    expect([after.status, await after.text()]).toEqual([200, expect.stringContaining('usage')]);
  });

  test('leave nothing behind over HTTP/2 either', async () => {
    await using stack = await startStack();
    const session = connectHttp2(stack.url);
    const body = JSON.stringify(chat(5000, { stream: true }));
    const streams = Array.from({ length: 60 }, (_, i) => {
      const stream = session.request({
        ...{ ':method': 'POST', ':path': '/v1/chat/completions' },
        'content-type': 'application/json',
      });
      stream.on('error', () => undefined);
      if (i % 3 === 0) stream.write(body.slice(0, 10));
      else stream.end(body);
      return stream;
    });
    await Promise.all(streams.filter((_, i) => i % 3 !== 0).map((stream) => once(stream, 'data')));
    streams.forEach((stream, i) => {
      if (i % 2 === 0) stream.close(8);
    });
    await vi.waitFor(async () => {
      expect((await readExposition(stack.url)).sum('llm_d_epp_request_running')).toBe(20);
    }, 20_000);
    session.destroy();
    await untilIdle(stack);
  });
});
